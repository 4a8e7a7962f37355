/// What really happened to the money of one transaction, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// The gateway's name for it.
    pub transaction: String,
    /// The reference that came with it.
    pub reference: String,
    /// Its currency, in capital letters.
    pub currency: String,
    /// What was asked for.
    pub amount: i64,
    /// What is reserved at present.
    pub reserved: i64,
    /// What was taken.
    pub captured: i64,
    /// What was given back of it.
    pub refunded: i64,
    /// What the payer's bank took back.
    pub charged_back: i64,
    /// What of that came back.
    pub reinstated: i64,
}

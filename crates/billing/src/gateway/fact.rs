use chrono::{DateTime, Utc};
use kernel::{Money, PaymentId, Text};

/// What the gateway calls a transaction: 1 to 255 characters.
pub type TransactionId = Text<1, 255>;

/// Whether a refusal may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hardness {
    /// It may: too little money, the bank does not answer. Trying again later makes sense.
    Soft,
    /// It will not: the card is lost, closed or forbidden. Trying again harms us with the bank.
    Hard,
}

/// Why a bank, or the gateway, refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decline {
    /// Whether trying again later makes sense.
    pub hardness: Hardness,
    /// A stable word for people's apps: `insufficient_funds`, `expired_card`,
    /// `authentication_failed`, `not_executed`, `declined`, …
    pub reason: String,
    /// The gateway's own code, for support.
    pub raw: Option<String>,
}

impl Decline {
    /// A refusal that may pass.
    pub fn soft(reason: &str) -> Self {
        Self { hardness: Hardness::Soft, reason: reason.to_owned(), raw: None }
    }

    /// A refusal that will not pass.
    pub fn hard(reason: &str) -> Self {
        Self { hardness: Hardness::Hard, reason: reason.to_owned(), raw: None }
    }

    /// The same refusal with the gateway's own code.
    #[must_use]
    pub fn with_code(self, raw: impl Into<String>) -> Self {
        Self { raw: Some(raw.into()), ..self }
    }
}

/// How far a transaction is, as the gateway says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactState {
    /// The payer has to act: 3-D Secure.
    RequiresAction,
    /// It is on its way.
    Processing,
    /// It was refused.
    Failed(Decline),
    /// The money is reserved.
    Authorized {
        /// When the reservation ends, if it does.
        until: Option<DateTime<Utc>>,
    },
    /// The reservation was let go.
    Voided,
    /// The money was taken. What was given back since is in the sums.
    Captured,
}

/// What the gateway itself says of a payment: its state and its sums at a moment, all since the
/// beginning. It says so in an answer to our call, in an answer to our question, or in a signed
/// message; never in what a browser brings along.
///
/// Facts may come late, twice and in any order: a payment takes from each what is news. That works
/// because no sum ever falls; money that comes back after a lost dispute and its reversal counts
/// up `reinstated`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentFact {
    /// The gateway's name for the transaction.
    pub transaction: TransactionId,
    /// Which payment the gateway believes it to be, by the reference that we gave.
    pub payment: PaymentId,
    /// How far it is.
    pub state: FactState,
    /// What was taken.
    pub captured: Money,
    /// What was given back of it.
    pub refunded: Money,
    /// What the payer's bank took back.
    pub charged_back: Money,
    /// What of that came back.
    pub reinstated: Money,
    /// When the transaction came into this state, by the gateway's clock.
    pub at: DateTime<Utc>,
}

impl PaymentFact {
    /// A fact about a payment of which no money has moved.
    pub const fn without_money(
        transaction: TransactionId,
        payment: PaymentId,
        state: FactState,
        amount: Money,
        at: DateTime<Utc>,
    ) -> Self {
        let nothing = Money::zero(amount.currency());
        Self {
            transaction,
            payment,
            state,
            captured: nothing,
            refunded: nothing,
            charged_back: nothing,
            reinstated: nothing,
            at,
        }
    }

    /// A fact about a payment whose money was taken, all of `amount`.
    pub fn captured(
        transaction: TransactionId,
        payment: PaymentId,
        amount: Money,
        at: DateTime<Utc>,
    ) -> Self {
        let fact = Self::without_money(transaction, payment, FactState::Captured, amount, at);
        Self { captured: amount, ..fact }
    }

    /// Whether the amounts can be true of one payment: one currency, nothing negative, no more
    /// given back than taken, no more reinstated than charged back, and no money without the
    /// state that has it.
    pub fn is_coherent(&self) -> bool {
        let currency = self.captured.currency();
        let sums = [self.captured, self.refunded, self.charged_back, self.reinstated];
        let taken = self.captured.minor() > 0;
        sums.iter().all(|sum| sum.currency() == currency && sum.minor() >= 0)
            && self.refunded.minor() <= self.captured.minor()
            && self.charged_back.minor() <= self.captured.minor()
            && self.reinstated.minor() <= self.charged_back.minor()
            && taken == matches!(self.state, FactState::Captured)
    }
}

use serde::{Deserialize, Serialize};

/// A test card: a token that stands for a card in the sandbox. There are no others, and no numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestCard {
    /// Pays.
    Success,
    /// Is declined, this time.
    Declined,
    /// Is lost: declined for good.
    Lost,
    /// Has too little money.
    InsufficientFunds,
    /// Asks for 3-D Secure, and pays.
    Secure,
    /// Asks for 3-D Secure, and is declined then.
    SecureThenDeclined,
    /// Pays, but the answer takes five seconds.
    Slow,
    /// Pays, but the answer never comes.
    LostAnswer,
    /// Pays while its owner is there, and has no money for renewals.
    PoorLater,
}

impl TestCard {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 9] = [
        Self::Success,
        Self::Declined,
        Self::Lost,
        Self::InsufficientFunds,
        Self::Secure,
        Self::SecureThenDeclined,
        Self::Slow,
        Self::LostAnswer,
        Self::PoorLater,
    ];

    /// The token to pay with.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Success => "card_success",
            Self::Declined => "card_declined",
            Self::Lost => "card_lost",
            Self::InsufficientFunds => "card_insufficient_funds",
            Self::Secure => "card_secure",
            Self::SecureThenDeclined => "card_secure_then_declined",
            Self::Slow => "card_slow",
            Self::LostAnswer => "card_lost_answer",
            Self::PoorLater => "card_poor_later",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Success => "Pay",
            Self::Declined => "Pay by a card that is declined",
            Self::Lost => "Pay by a card that was lost",
            Self::InsufficientFunds => "Pay by a card without money",
            Self::Secure => "Pay by a card that asks for 3-D Secure",
            Self::SecureThenDeclined => "Pay by a card that is declined after 3-D Secure",
            Self::Slow => "Pay by a slow card",
            Self::LostAnswer => "Pay by a card whose answer is lost",
            Self::PoorLater => "Pay by a card that fails at renewals",
        }
    }

    /// The card behind a token.
    pub fn of_token(token: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|card| card.token() == token)
    }

    pub(crate) const fn asks_bank(self) -> bool {
        matches!(self, Self::Secure | Self::SecureThenDeclined)
    }

    /// Why a charge is declined, if it is, once the bank has nothing more to ask.
    pub(crate) const fn decline(self, owner_present: bool) -> Option<(&'static str, bool)> {
        match self {
            Self::Declined | Self::SecureThenDeclined => Some(("declined", false)),
            Self::Lost => Some(("lost_card", true)),
            Self::InsufficientFunds => Some(("insufficient_funds", false)),
            Self::PoorLater if !owner_present => Some(("insufficient_funds", false)),
            Self::Success | Self::Secure | Self::Slow | Self::LostAnswer | Self::PoorLater => None,
        }
    }

    /// The last four digits that are shown for it.
    pub(crate) fn last_four(self) -> String {
        let index = Self::ALL.iter().position(|card| *card == self).unwrap_or_default();
        format!("{index:04}")
    }
}

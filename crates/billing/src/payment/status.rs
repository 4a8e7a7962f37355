use chrono::{DateTime, Utc};

use crate::Decline;

/// How far the gateway's transaction is. It is a ladder: what is further down wins, so that facts
/// may come in any order. Money that was taken wins over everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The gateway may not have heard of it yet.
    Created,
    /// The payer has to act.
    RequiresAction,
    /// On its way, or its outcome unknown.
    Processing {
        /// Our call brought no answer; the gateway is being asked.
        unknown: bool,
    },
    /// Refused, or surely never executed.
    Failed {
        /// Why.
        decline: Decline,
        /// When.
        at: DateTime<Utc>,
    },
    /// The money is reserved.
    Authorized {
        /// When the reservation ends, if it does.
        until: Option<DateTime<Utc>>,
    },
    /// The reservation was let go.
    Voided {
        /// When.
        at: DateTime<Utc>,
    },
    /// The money was taken.
    Captured {
        /// When.
        at: DateTime<Utc>,
    },
}

impl Stage {
    /// Its name in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::RequiresAction => "requires_action",
            Self::Processing { .. } => "processing",
            Self::Failed { .. } => "failed",
            Self::Authorized { .. } => "authorized",
            Self::Voided { .. } => "voided",
            Self::Captured { .. } => "captured",
        }
    }

    /// Whether the gateway has not said the last word on whether there is money.
    pub const fn is_pending(&self) -> bool {
        match self {
            Self::Created | Self::RequiresAction | Self::Processing { .. } => true,
            Self::Failed { .. }
            | Self::Authorized { .. }
            | Self::Voided { .. }
            | Self::Captured { .. } => false,
        }
    }

    /// Its step on the ladder.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Created => 0,
            Self::RequiresAction => 1,
            Self::Processing { .. } => 2,
            Self::Failed { .. } => 3,
            Self::Authorized { .. } => 4,
            Self::Voided { .. } => 5,
            Self::Captured { .. } => 6,
        }
    }

    /// The further of two; of the same step, what both say together. Commutative, associative and
    /// idempotent, which is all that the order of messages asks for.
    pub(crate) fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Processing { unknown: a }, Self::Processing { unknown: b }) => {
                Self::Processing { unknown: a && b }
            }
            (Self::Failed { decline: a, at: x }, Self::Failed { decline: b, at: y }) => {
                let (at, decline) = (x, a).min((y, b));
                Self::Failed { decline, at }
            }
            (Self::Authorized { until: a }, Self::Authorized { until: b }) => {
                Self::Authorized { until: a.into_iter().chain(b).min() }
            }
            (Self::Voided { at: a }, Self::Voided { at: b }) => Self::Voided { at: a.min(b) },
            (Self::Captured { at: a }, Self::Captured { at: b }) => Self::Captured { at: a.min(b) },
            (a, b) => {
                if b.rank() > a.rank() {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// Where a payment stands, as people and other domains see it: its stage and its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// The gateway may not have heard of it yet.
    Created,
    /// The payer has to act: 3-D Secure.
    RequiresAction,
    /// On its way, or its outcome unknown and being asked for.
    Processing,
    /// The money is reserved.
    Authorized,
    /// The money was taken.
    Captured,
    /// Refused.
    Failed,
    /// The reservation was let go.
    Voided,
    /// A part was given back.
    PartiallyRefunded,
    /// All was given back.
    Refunded,
    /// The payer's bank took it back.
    ChargedBack,
}

impl Status {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::RequiresAction,
        Self::Processing,
        Self::Authorized,
        Self::Captured,
        Self::Failed,
        Self::Voided,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::ChargedBack,
    ];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Authorized => "authorized",
            Self::Captured => "captured",
            Self::Failed => "failed",
            Self::Voided => "voided",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::ChargedBack => "charged_back",
        }
    }
}

macro_rules! commands {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What can be asked of a payment. What a gateway says is no command: see
        /// [`Payment::apply`](crate::Payment::apply), which every state takes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Command {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name on the wire and in the docs.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

commands! {
    /// The payer comes back from the bank.
    Continue = "continue",
    /// A call brought no answer: the gateway has to be asked.
    LoseAnswer = "lose_answer",
    /// The gateway surely executed nothing.
    Fail = "fail",
    /// What is reserved is to be taken.
    Capture = "capture",
    /// What is reserved, or will be, is to be let go; money that comes anyway goes back.
    Void = "void",
    /// Money is to be given back.
    Refund = "refund",
    /// A dispute: the provider gets nothing for now.
    Freeze = "freeze",
    /// The dispute is over.
    Unfreeze = "unfreeze",
    /// What was sold is delivered: the provider gets its part when the holding time is over.
    Release = "release",
}

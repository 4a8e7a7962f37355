use chrono::{DateTime, Utc};

use crate::{Promotion, Stage, Status};

/// Who acts on a promotion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The provider who bought it.
    Owner,
    /// An admin.
    Admin,
    /// Time itself.
    Clock,
    /// A payment gateway.
    Gateway,
}

impl Side {
    /// Its name in events and docs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Clock => "clock",
            Self::Gateway => "gateway",
        }
    }
}

macro_rules! commands {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal by $side:ident,)+) => {
        /// What can be done to a promotion.
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

            /// Who gives it.
            pub const fn side(self) -> Side {
                match self {
                    $(Self::$variant => Side::$side,)+
                }
            }
        }
    };
}

commands! {
    /// The money was taken: it gets its time.
    Capture = "capture" by Gateway,
    /// The payment was refused.
    Fail = "fail" by Gateway,
    /// The whole payment went back elsewhere.
    Reverse = "reverse" by Gateway,
    /// Its owner gives it up.
    Cancel = "cancel" by Owner,
    /// An admin takes it back.
    Revoke = "revoke" by Admin,
    /// No payment arrived in time.
    TimeOut = "time_out" by Clock,
}

impl Promotion {
    /// Whether this may be done to it now: the one table of the lifecycle, asked by every command.
    pub fn may(&self, command: Command, now: DateTime<Utc>) -> bool {
        match self.status(now) {
            Status::PendingPayment => match command {
                Command::Capture
                | Command::Fail
                | Command::Reverse
                | Command::Cancel
                | Command::Revoke => true,
                Command::TimeOut => match self.stage() {
                    Stage::PendingPayment { pay_by } => now >= *pay_by,
                    Stage::Paid { .. } | Stage::Cancelled { .. } => false,
                },
            },
            Status::Scheduled | Status::Active => match command {
                Command::Reverse | Command::Cancel | Command::Revoke => true,
                Command::Capture | Command::Fail | Command::TimeOut => false,
            },
            Status::Expired | Status::Cancelled => match command {
                Command::Capture
                | Command::Fail
                | Command::Reverse
                | Command::Cancel
                | Command::Revoke
                | Command::TimeOut => false,
            },
        }
    }

    /// What somebody on a side may do to it now, in the order of the docs.
    pub fn allowed(&self, side: Side, now: DateTime<Utc>) -> Vec<Command> {
        let of_side = Command::ALL.iter().copied().filter(|command| command.side() == side);
        of_side.filter(|command| self.may(*command, now)).collect()
    }
}

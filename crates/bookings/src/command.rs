use access::Action;
use chrono::{DateTime, Utc};
use kernel::Money;

use crate::process::Appointment;
use crate::{Booking, Process, Reason, Status, Work};

/// Who acts on a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Its client.
    Client,
    /// Its provider.
    Provider,
    /// A moderator.
    Moderator,
    /// Time itself.
    Clock,
    /// A payment gateway.
    Gateway,
}

impl Side {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 5] =
        [Self::Client, Self::Provider, Self::Moderator, Self::Clock, Self::Gateway];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Provider => "provider",
            Self::Moderator => "moderator",
            Self::Clock => "clock",
            Self::Gateway => "gateway",
        }
    }

    /// The other of client and provider.
    pub const fn other(self) -> Option<Self> {
        match self {
            Self::Client => Some(Self::Provider),
            Self::Provider => Some(Self::Client),
            Self::Moderator | Self::Clock | Self::Gateway => None,
        }
    }
}

macro_rules! commands {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What can be done to a booking.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Command {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Command {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name on the wire, in the history and in the docs.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

commands! {
    /// The gateway holds the client's money.
    PaymentAuthorised = "payment_authorised",
    /// The provider proposes price and work.
    Offer = "offer",
    /// The client answers an offer with another.
    CounterOffer = "counter_offer",
    /// Whoever made the offer in force takes it back.
    WithdrawOffer = "withdraw_offer",
    /// The provider accepts a request, or either side the other's offer.
    Accept = "accept",
    /// The provider does not want it.
    Decline = "decline",
    /// The client takes the request back.
    Withdraw = "withdraw",
    /// Nobody answered, or no money arrived, in time.
    Expire = "expire",
    /// The provider begins.
    Start = "start",
    /// The provider says that it is done.
    ReportDone = "report_done",
    /// The client wants something changed.
    RequestChanges = "request_changes",
    /// The client agrees that it is done.
    ConfirmDone = "confirm_done",
    /// The client did not answer in time.
    AutoConfirm = "auto_confirm",
    /// Either side calls it off.
    Cancel = "cancel",
    /// The other side did not come.
    NoShow = "no_show",
    /// Either side proposes another time.
    ProposeReschedule = "propose_reschedule",
    /// The other side accepts the proposed time.
    AcceptReschedule = "accept_reschedule",
    /// The other side refuses the proposed time.
    DeclineReschedule = "decline_reschedule",
    /// Whoever proposed the time takes the proposal back.
    WithdrawReschedule = "withdraw_reschedule",
    /// Nothing happened for too long.
    Stale = "stale",
    /// The client complains.
    Dispute = "dispute",
    /// A moderator decides.
    Resolve = "resolve",
    /// No moderator decided in time.
    DisputeTimeout = "dispute_timeout",
}

impl Command {
    /// Who may give it at all. Role-specific: a client never reports done, a provider never
    /// confirms.
    pub const fn sides(self) -> &'static [Side] {
        match self {
            Self::PaymentAuthorised => &[Side::Gateway],
            Self::Offer | Self::Decline | Self::Start | Self::ReportDone => &[Side::Provider],
            Self::CounterOffer
            | Self::Withdraw
            | Self::RequestChanges
            | Self::ConfirmDone
            | Self::Dispute => &[Side::Client],
            Self::WithdrawOffer
            | Self::Accept
            | Self::Cancel
            | Self::NoShow
            | Self::ProposeReschedule
            | Self::AcceptReschedule
            | Self::DeclineReschedule
            | Self::WithdrawReschedule => &[Side::Client, Side::Provider],
            Self::Expire | Self::AutoConfirm | Self::Stale | Self::DisputeTimeout => &[Side::Clock],
            Self::Resolve => &[Side::Moderator],
        }
    }
}

/// A command of one of the two sides, with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookingCommand {
    /// See [`Command::Offer`].
    Offer {
        /// For how much.
        price: Money,
        /// What will be done.
        work: Work,
    },
    /// See [`Command::CounterOffer`].
    CounterOffer {
        /// For how much.
        price: Money,
        /// What will be done.
        work: Work,
    },
    /// See [`Command::WithdrawOffer`].
    WithdrawOffer,
    /// See [`Command::Accept`].
    Accept {
        /// The number of the offer that is accepted; a quote needs it.
        offer: Option<u16>,
    },
    /// See [`Command::Decline`].
    Decline {
        /// Why.
        reason: Option<Reason>,
    },
    /// See [`Command::Withdraw`].
    Withdraw,
    /// See [`Command::Start`].
    Start,
    /// See [`Command::ReportDone`].
    ReportDone {
        /// What was done.
        note: Option<Reason>,
    },
    /// See [`Command::RequestChanges`].
    RequestChanges {
        /// What has to change.
        text: Reason,
    },
    /// See [`Command::ConfirmDone`].
    ConfirmDone,
    /// See [`Command::Cancel`].
    Cancel {
        /// Why.
        reason: Option<Reason>,
    },
    /// See [`Command::NoShow`].
    NoShow {
        /// Who did not come; the other side.
        who: Side,
    },
    /// See [`Command::ProposeReschedule`].
    ProposeReschedule {
        /// When it would start.
        starts_at: DateTime<Utc>,
    },
    /// See [`Command::AcceptReschedule`].
    AcceptReschedule,
    /// See [`Command::DeclineReschedule`].
    DeclineReschedule,
    /// See [`Command::WithdrawReschedule`].
    WithdrawReschedule,
    /// See [`Command::Dispute`].
    Dispute {
        /// What the client complains of.
        reason: Reason,
    },
}

impl BookingCommand {
    /// Which one it is.
    pub const fn command(&self) -> Command {
        match self {
            Self::Offer { .. } => Command::Offer,
            Self::CounterOffer { .. } => Command::CounterOffer,
            Self::WithdrawOffer => Command::WithdrawOffer,
            Self::Accept { .. } => Command::Accept,
            Self::Decline { .. } => Command::Decline,
            Self::Withdraw => Command::Withdraw,
            Self::Start => Command::Start,
            Self::ReportDone { .. } => Command::ReportDone,
            Self::RequestChanges { .. } => Command::RequestChanges,
            Self::ConfirmDone => Command::ConfirmDone,
            Self::Cancel { .. } => Command::Cancel,
            Self::NoShow { .. } => Command::NoShow,
            Self::ProposeReschedule { .. } => Command::ProposeReschedule,
            Self::AcceptReschedule => Command::AcceptReschedule,
            Self::DeclineReschedule => Command::DeclineReschedule,
            Self::WithdrawReschedule => Command::WithdrawReschedule,
            Self::Dispute { .. } => Command::Dispute,
        }
    }

    /// What it is to the permission matrix.
    pub const fn action(&self) -> Action {
        match self {
            Self::Offer { .. } | Self::CounterOffer { .. } | Self::WithdrawOffer => {
                Action::BookingOffer
            }
            Self::Accept { .. } => Action::BookingAccept,
            Self::Decline { .. } => Action::BookingDecline,
            Self::Withdraw => Action::BookingWithdraw,
            Self::Start => Action::BookingStart,
            Self::ReportDone { .. } => Action::BookingReportDone,
            Self::RequestChanges { .. } => Action::BookingRequestChanges,
            Self::ConfirmDone => Action::BookingConfirmDone,
            Self::Cancel { .. } => Action::BookingCancel,
            Self::NoShow { .. } => Action::BookingNoShow,
            Self::ProposeReschedule { .. }
            | Self::AcceptReschedule
            | Self::DeclineReschedule
            | Self::WithdrawReschedule => Action::BookingReschedule,
            Self::Dispute { .. } => Action::BookingDispute,
        }
    }
}

impl Booking {
    /// What this side may do now: what apps draw their buttons from.
    pub fn allowed(&self, by: Side, now: DateTime<Utc>) -> Vec<Command> {
        Command::ALL.iter().copied().filter(|command| self.may(*command, by, now)).collect()
    }

    /// Whether this side may do this now. The one table of the lifecycle; every command asks it
    /// first. What a state does not name it refuses: a new command is refused until it is put
    /// here, a new state does not compile.
    pub fn may(&self, command: Command, by: Side, now: DateTime<Utc>) -> bool {
        command.sides().contains(&by)
            && match &self.status {
                Status::AwaitingPayment { hold_until } => match command {
                    Command::PaymentAuthorised => true,
                    Command::Expire => now >= *hold_until,
                    _ => false,
                },
                Status::Requested { answer_due } if now >= *answer_due => {
                    command == Command::Expire
                }
                Status::Requested { .. } => self.may_while_requested(command, by),
                Status::Accepted { proposal } => match command {
                    Command::Start
                    | Command::ReportDone
                    | Command::ConfirmDone
                    | Command::Cancel
                    | Command::Dispute => true,
                    Command::NoShow => self.slot().is_some_and(|slot| now >= slot.end()),
                    Command::ProposeReschedule => self.starts_after(now),
                    Command::AcceptReschedule => proposal.as_ref().is_some_and(|proposal| {
                        proposal.by != by && proposal.appointment.slot.start() > now
                    }),
                    Command::DeclineReschedule => {
                        proposal.as_ref().is_some_and(|proposal| proposal.by != by)
                    }
                    Command::WithdrawReschedule => {
                        proposal.as_ref().is_some_and(|proposal| proposal.by == by)
                    }
                    Command::Stale => self.stale_at().is_some_and(|due| now >= due),
                    _ => false,
                },
                Status::InProgress { .. } => match command {
                    Command::ReportDone | Command::ConfirmDone | Command::Dispute => true,
                    Command::Stale => self.stale_at().is_some_and(|due| now >= due),
                    _ => false,
                },
                Status::Done { confirm_due, .. } => match command {
                    Command::ConfirmDone => true,
                    Command::Dispute => now < *confirm_due,
                    Command::RequestChanges => {
                        now < *confirm_due
                            && self.changes_left > 0
                            // Else asking for changes would make a stale booking, and so a refund.
                            && self.stale_at().is_none_or(|due| now < due)
                    }
                    Command::AutoConfirm => now >= *confirm_due,
                    _ => false,
                },
                Status::Disputed { decision_due, .. } => match command {
                    Command::Resolve => true,
                    Command::DisputeTimeout => now >= *decision_due,
                    _ => false,
                },
                Status::Completed { .. }
                | Status::Declined { .. }
                | Status::Withdrawn { .. }
                | Status::Expired { .. }
                | Status::Cancelled { .. } => false,
            }
    }

    fn may_while_requested(&self, command: Command, by: Side) -> bool {
        let in_force = self.offer_in_force().map(|offer| offer.by);
        let is_quote = matches!(self.process, Process::Quote { .. });
        let room = self.offers_left() > 0;
        match command {
            Command::Offer => is_quote && room,
            Command::CounterOffer => is_quote && room && in_force == Some(Side::Provider),
            Command::WithdrawOffer => in_force == Some(by),
            Command::Accept if is_quote => in_force.is_some_and(|maker| maker != by),
            Command::Accept => by == Side::Provider,
            Command::Decline | Command::Withdraw => true,
            _ => false,
        }
    }

    fn starts_after(&self, now: DateTime<Utc>) -> bool {
        self.slot().is_some_and(|slot| slot.start() > now)
    }

    /// The time and buffers of an appointment.
    pub(crate) fn appointment(&self) -> Option<&Appointment> {
        match &self.process {
            Process::Appointment { appointment } => Some(appointment),
            Process::Request { .. } | Process::Quote { .. } => None,
        }
    }
}

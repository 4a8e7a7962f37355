use chrono::{DateTime, Utc};
use kernel::{BookingId, Event, ListingId, Money};
use serde_json::{Value, json};

use crate::error::shown;
use crate::{Booking, DeadlineKind, Interval, Parties, Side, Status};

macro_rules! happenings {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// What happened to a booking.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Happening {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Happening {
            /// All of them, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name of its event.
            pub const fn event_name(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("booking.", $name, ".v1"),)+
                }
            }
        }
    };
}

happenings! {
    /// An appointment waits for the client's money.
    PaymentAwaited = "payment_awaited",
    /// The provider has a request to answer.
    Submitted = "submitted",
    /// The provider made an offer.
    Offered = "offered",
    /// The client made a counter-offer.
    CounterOffered = "counter_offered",
    /// An offer was taken back.
    OfferWithdrawn = "offer_withdrawn",
    /// The two sides agreed.
    Accepted = "accepted",
    /// The provider declined.
    Declined = "declined",
    /// The client took the request back.
    Withdrawn = "withdrawn",
    /// Nobody answered, or no money arrived, in time.
    Expired = "expired",
    /// The work began.
    Started = "started",
    /// The provider reported it done.
    ReportedDone = "reported_done",
    /// The client asked for changes.
    ChangesRequested = "changes_requested",
    /// It is done for good; reviews may be written.
    Completed = "completed",
    /// It will not take place.
    Cancelled = "cancelled",
    /// The client complained; a moderator has to decide.
    Disputed = "disputed",
    /// One side proposed another time.
    RescheduleProposed = "reschedule_proposed",
    /// The other side refused it.
    RescheduleDeclined = "reschedule_declined",
    /// The proposal was taken back.
    RescheduleWithdrawn = "reschedule_withdrawn",
    /// The appointment has another time.
    Rescheduled = "rescheduled",
    /// A deadline is a day away.
    ReminderDue = "reminder_due",
}

/// Something that happened to a booking, for the rest of the system. Ids and facts only.
#[derive(Debug, Clone, PartialEq)]
pub struct BookingEvent {
    /// What.
    pub happening: Happening,
    /// To which booking.
    pub booking: BookingId,
    /// Of what.
    pub listing: ListingId,
    /// Whose.
    pub parties: Parties,
    /// Through which side.
    pub by: Side,
    /// The state since.
    pub status: &'static str,
    /// What led to the end: how it was completed or why it was cancelled.
    pub cause: Option<&'static str>,
    /// What the client gets back.
    pub refund: Option<Money>,
    /// When an appointment starts.
    pub slot_start: Option<DateTime<Utc>>,
    /// The deadline that a reminder is about, or that the new state has.
    pub deadline: Option<DateTime<Utc>>,
    /// Which deadline a reminder is about.
    pub reminder: Option<&'static str>,
}

impl BookingEvent {
    pub(crate) fn of(booking: &Booking, happening: Happening, by: Side) -> Self {
        let (cause, refund) = match booking.status() {
            Status::Completed { how, refund, .. } => (Some(how.name()), *refund),
            Status::Cancelled { cause, refund, .. } => (Some(cause.name()), *refund),
            Status::AwaitingPayment { .. }
            | Status::Requested { .. }
            | Status::Accepted { .. }
            | Status::InProgress { .. }
            | Status::Done { .. }
            | Status::Disputed { .. }
            | Status::Declined { .. }
            | Status::Withdrawn { .. }
            | Status::Expired { .. } => (None, None),
        };
        Self {
            happening,
            booking: booking.id(),
            listing: booking.listing(),
            parties: booking.parties(),
            by,
            status: booking.status().name(),
            cause,
            refund,
            slot_start: booking.slot().map(Interval::start),
            deadline: booking.due(),
            reminder: None,
        }
    }

    pub(crate) fn reminder(booking: &Booking, kind: DeadlineKind, due: DateTime<Utc>) -> Self {
        Self {
            deadline: Some(due),
            reminder: Some(kind.name()),
            ..Self::of(booking, Happening::ReminderDue, Side::Clock)
        }
    }
}

impl Event for BookingEvent {
    fn name(&self) -> &'static str {
        self.happening.event_name()
    }

    fn subject(&self) -> String {
        self.booking.to_string()
    }

    fn payload(&self) -> Value {
        let money = |money: Money| json!({"amount": money.minor(), "currency": money.currency()});
        json!({
            "booking_id": self.booking,
            "listing_id": self.listing,
            "client_account_id": self.parties.client,
            "provider_id": self.parties.provider,
            "provider_account_id": self.parties.provider_account,
            "by": self.by.name(),
            "status": self.status,
            "cause": self.cause,
            "refund": self.refund.map(money),
            "slot_start": self.slot_start.map(shown),
            "deadline": self.deadline.map(shown),
            "reminder": self.reminder,
        })
    }
}

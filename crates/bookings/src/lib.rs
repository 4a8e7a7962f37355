//! Bookings: a client's request to a provider, from submission to completion.
//!
//! One aggregate, [`Booking`], serves three processes that differ in data only ([`Process`]): a
//! *request* (free text and a budget), a *quote* (a request with offers and counter-offers) and an
//! *appointment* (a slot in the provider's calendar). [`BookingService`] is the way in; it needs a
//! [`BookingStore`], a clock, ids and a [`Policy`].
//!
//! Which slots a provider has is decided by [`slots`], one pure function over opening hours
//! ([`Availability`]), what is already booked ([`Occupied`]) and the time.
//!
//! ```
//! use bookings::{CancellationPolicy, Tier};
//!
//! let policy = CancellationPolicy::new(vec![
//!     Tier { hours_before: 48, refund_percent: 100 },
//!     Tier { hours_before: 24, refund_percent: 50 },
//! ])?;
//! assert_eq!(policy.refund_percent(chrono::TimeDelta::hours(30)), 50);
//! assert_eq!(policy.refund_percent(chrono::TimeDelta::hours(2)), 0);
//! # Ok::<(), bookings::CancellationPolicyError>(())
//! ```

mod availability;
mod booking;
mod calendar;
mod cancellation;
mod command;
mod deadline;
mod error;
mod event;
mod history;
mod interval;
mod negotiation;
mod offer;
mod opening;
mod payment;
mod performance;
mod policy;
mod port;
mod process;
mod reschedule;
mod reservation;
mod schedule_service;
mod service;
mod slot;
mod status;
#[cfg(feature = "testing")]
pub mod testing;

pub use availability::{
    AppointmentSettings, Availability, AvailabilityRules, MinuteOfDay, MinuteOfDayError,
    ScheduleException, WeeklyHours,
};
pub use booking::{Booking, BookingRecord, Message, NewBooking, Parties, Transition};
pub use calendar::CalendarToken;
pub use cancellation::{CancellationPolicy, CancellationPolicyError, CancellationQuote, Tier};
pub use command::{BookingCommand, Command, Side};
pub use deadline::{DeadlineKind, Reaction, TIMER_KINDS};
pub use error::BookingError;
pub use event::{BookingEvent, Happening};
pub use history::HistoryEntry;
pub use interval::Interval;
pub use offer::{Offer, Work};
pub use payment::{Funds, PaymentTerms, Settlement};
pub use policy::Policy;
pub use port::{
    BookableListing, BookableListings, BookingPosition, BookingQuery, BookingReads,
    BookingRepository, BookingStore, BookingTx, ListingSchedule, Payments, Schedules,
};
pub use process::{Appointment, Budget, ListPrice, Process, ProcessKind};
pub use schedule_service::{ListingSlots, ScheduleService};
pub use service::{BookingService, PAYMENT_EVENTS, PAYMENT_HANDLER, Seen, SubmitBooking};
pub use slot::{FreeSlot, Occupied, slots};
pub use status::{CancelCause, Completion, Reason, Status, TimeProposal};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, BookingId, IdempotencyLedger, Inbox, Limit, ListingId, Outbox, Page, ProviderId,
    StorageError, Timers, UnitOfWork,
};

use access::AuditLog;

use crate::{
    AppointmentSettings, Availability, Booking, BookingError, CalendarToken, DeadlineKind,
    HistoryEntry, Interval, ListPrice, Occupied, PaymentTerms, ProcessKind, Settlement, Side,
};

/// Bookings inside one transaction.
#[async_trait]
pub trait BookingRepository: Send {
    /// Loads a booking and keeps others from changing it until the transaction ends.
    async fn booking_for_update(&mut self, id: BookingId) -> Result<Option<Booking>, StorageError>;

    /// Stores a new booking.
    ///
    /// # Errors
    ///
    /// [`BookingError::SlotTaken`] if the provider is busy at that time.
    async fn insert_booking(&mut self, booking: &Booking) -> Result<(), BookingError>;

    /// Stores a booking that was loaded for update and changed once.
    ///
    /// # Errors
    ///
    /// [`BookingError::SlotTaken`] if the provider is busy at the booking's new time.
    async fn update_booking(&mut self, booking: &Booking) -> Result<(), BookingError>;

    /// Adds a line to the history.
    async fn add_booking_history(
        &mut self,
        id: BookingId,
        entry: &HistoryEntry,
    ) -> Result<(), StorageError>;

    /// Whether nobody was reminded of this deadline yet; from the commit on somebody was.
    async fn first_booking_reminder(
        &mut self,
        id: BookingId,
        kind: DeadlineKind,
        due: DateTime<Utc>,
    ) -> Result<bool, StorageError>;
}

/// What bookings need to know of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookableListing {
    /// The listing.
    pub id: ListingId,
    /// Its title.
    pub title: String,
    /// Whether everyone can see it: published, of an active provider.
    pub public: bool,
    /// Whose it is.
    pub provider: ProviderId,
    /// The provider's account.
    pub provider_account: AccountId,
    /// The processes that its type allows, in the order of the type.
    pub processes: Vec<ProcessKind>,
    /// What it costs.
    pub price: ListPrice,
    /// What it says about appointments and cancellations.
    pub settings: AppointmentSettings,
}

/// What bookings need of the catalogue.
#[async_trait]
pub trait BookableListings: Send {
    /// A listing, whether it is public or not.
    async fn bookable_listing(
        &mut self,
        id: ListingId,
    ) -> Result<Option<BookableListing>, StorageError>;
}

/// Calendars of providers inside one transaction.
#[async_trait]
pub trait Schedules: Send {
    /// Opening hours, if the provider has set any.
    async fn availability(
        &mut self,
        provider: ProviderId,
    ) -> Result<Option<Availability>, StorageError>;

    /// Sets opening hours in place of those before.
    async fn store_availability(
        &mut self,
        availability: &Availability,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;

    /// Sets what a listing says about appointments, in place of what it said before.
    async fn store_appointment_settings(
        &mut self,
        settings: &AppointmentSettings,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;

    /// Keeps others from booking a time with the provider until the transaction ends. Taken
    /// after the booking at hand, if there is one.
    async fn lock_calendar(&mut self, provider: ProviderId) -> Result<(), StorageError>;

    /// The appointments of the provider that overlap `within`, but for one that is about to get
    /// another time.
    async fn occupied(
        &mut self,
        provider: ProviderId,
        within: Interval,
        except: Option<BookingId>,
    ) -> Result<Vec<Occupied>, StorageError>;

    /// Sets the secret of an account's calendar address, in place of the one before.
    async fn store_calendar_token(
        &mut self,
        account: AccountId,
        token: &CalendarToken,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;
}

/// What bookings need of payments. A marketplace without payments answers
/// [`PaymentTerms::NoPayments`], and nothing is ever settled.
#[async_trait]
pub trait Payments: Send {
    /// Whether the client's money is taken.
    async fn payment_terms(&mut self) -> Result<PaymentTerms, StorageError>;

    /// Records what has to happen to the money of a booking, to be done after the commit. No
    /// gateway is called here.
    async fn settle_booking(
        &mut self,
        booking: &Booking,
        settlement: &Settlement,
    ) -> Result<(), StorageError>;
}

/// Everything that a booking command may touch atomically.
pub trait BookingTx:
    BookingRepository
    + BookableListings
    + Schedules
    + Payments
    + Outbox
    + Inbox
    + Timers
    + IdempotencyLedger
    + AuditLog
    + UnitOfWork
{
}

impl<T> BookingTx for T where
    T: BookingRepository
        + BookableListings
        + Schedules
        + Payments
        + Outbox
        + Inbox
        + Timers
        + IdempotencyLedger
        + AuditLog
        + UnitOfWork
{
}

/// Opens transactions.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait BookingStore: Send + Sync {
    /// A new transaction.
    async fn begin(&self) -> Result<Box<dyn BookingTx>, StorageError>;
}

/// Where a page of bookings ends: newest first, by creation and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookingPosition {
    /// When the last one was submitted.
    pub created_at: DateTime<Utc>,
    /// Its id.
    pub id: BookingId,
}

/// Which bookings to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingQuery {
    /// Whose: the account's as client, or as provider.
    pub account: AccountId,
    /// As which side.
    pub side: Side,
    /// In which states, by name; all if empty.
    pub statuses: Vec<String>,
    /// How many.
    pub limit: Limit,
    /// After which; from the start if unset.
    pub after: Option<BookingPosition>,
}

/// All that the free slots of a listing depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingSchedule {
    /// The listing.
    pub listing: BookableListing,
    /// The provider's opening hours, if they have set any.
    pub availability: Option<Availability>,
    /// What is booked already.
    pub occupied: Vec<Occupied>,
}

/// Reading without changing.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait BookingReads: Send + Sync {
    /// A booking.
    async fn booking(&self, id: BookingId) -> Result<Option<Booking>, StorageError>;

    /// A page of somebody's bookings, newest first.
    async fn bookings(
        &self,
        query: &BookingQuery,
    ) -> Result<Page<Booking, BookingPosition>, StorageError>;

    /// What happened to a booking, oldest first.
    async fn booking_history(&self, id: BookingId) -> Result<Vec<HistoryEntry>, StorageError>;

    /// A page of disputed bookings, those submitted first first.
    async fn disputed_bookings(
        &self,
        limit: Limit,
        after: Option<BookingPosition>,
    ) -> Result<Page<Booking, BookingPosition>, StorageError>;

    /// What the free slots of a listing within a time depend on, in one query.
    async fn listing_schedule(
        &self,
        listing: ListingId,
        within: Interval,
    ) -> Result<Option<ListingSchedule>, StorageError>;

    /// Opening hours, if the provider has set any.
    async fn availability_of(
        &self,
        provider: ProviderId,
    ) -> Result<Option<Availability>, StorageError>;

    /// The agreed and requested appointments in the calendar behind a secret, of both sides, by
    /// start, at most 500; `None` if the secret does not hold.
    async fn calendar_of(
        &self,
        token: &CalendarToken,
        within: Interval,
    ) -> Result<Option<Vec<Booking>>, StorageError>;
}

//! Mocks and builders, for tests of this crate and of those that link it.

use access::{Actor, AuditEntry, AuditLog, Member, Role, Roles};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use kernel::{
    AccountId, Answer, BookingId, Claim, Currency, Event, EventId, IdempotencyError,
    IdempotencyLedger, IdempotencyScope, Inbox, ListingId, Money, OfferId, Outbox, ProviderId,
    SessionId, StorageError, Timer, Timers, UnitOfWork,
};
use mockall::mock;
use serde_json::Value;
use uuid::Uuid;

pub use crate::port::{MockBookingReads, MockBookingStore};
use crate::{
    Appointment, AppointmentSettings, Availability, AvailabilityRules, BookableListing,
    BookableListings, Booking, BookingError, BookingRecord, BookingRepository, CalendarToken,
    CancelCause, CancellationPolicy, Completion, DeadlineKind, Funds, HistoryEntry, Interval,
    ListPrice, Message, MinuteOfDay, Occupied, Offer, Parties, PaymentTerms, Payments, Process,
    ProcessKind, Reason, Schedules, Settlement, Side, Status, WeeklyHours, Work,
};

mock! {
    pub BookingTx {
        /// What [`Outbox::publish`] is told, by name and payload.
        pub fn published(&mut self, name: &'static str, payload: Value) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl BookingRepository for BookingTx {
        async fn booking_for_update(&mut self, id: BookingId) -> Result<Option<Booking>, StorageError>;
        async fn insert_booking(&mut self, booking: &Booking) -> Result<(), BookingError>;
        async fn update_booking(&mut self, booking: &Booking) -> Result<(), BookingError>;
        async fn add_booking_history(
            &mut self,
            id: BookingId,
            entry: &HistoryEntry,
        ) -> Result<(), StorageError>;
        async fn first_booking_reminder(
            &mut self,
            id: BookingId,
            kind: DeadlineKind,
            due: DateTime<Utc>,
        ) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl BookableListings for BookingTx {
        async fn bookable_listing(
            &mut self,
            id: ListingId,
        ) -> Result<Option<BookableListing>, StorageError>;
    }

    #[async_trait]
    impl Schedules for BookingTx {
        async fn availability(
            &mut self,
            provider: ProviderId,
        ) -> Result<Option<Availability>, StorageError>;
        async fn store_availability(
            &mut self,
            availability: &Availability,
            now: DateTime<Utc>,
        ) -> Result<(), StorageError>;
        async fn store_appointment_settings(
            &mut self,
            settings: &AppointmentSettings,
            now: DateTime<Utc>,
        ) -> Result<(), StorageError>;
        async fn lock_calendar(&mut self, provider: ProviderId) -> Result<(), StorageError>;
        async fn occupied(
            &mut self,
            provider: ProviderId,
            within: Interval,
            except: Option<BookingId>,
        ) -> Result<Vec<Occupied>, StorageError>;
        async fn store_calendar_token(
            &mut self,
            account: AccountId,
            token: &CalendarToken,
            now: DateTime<Utc>,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Payments for BookingTx {
        async fn payment_terms(&mut self) -> Result<PaymentTerms, StorageError>;
        async fn settle_booking(
            &mut self,
            booking: &Booking,
            settlement: &Settlement,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Inbox for BookingTx {
        async fn first_time(
            &mut self,
            handler: &'static str,
            event: EventId,
        ) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl Timers for BookingTx {
        async fn set_timer(&mut self, timer: &Timer) -> Result<(), StorageError>;
        async fn clear_timer(
            &mut self,
            kind: &'static str,
            subject: &str,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl IdempotencyLedger for BookingTx {
        async fn claim(&mut self, scope: &IdempotencyScope) -> Result<Claim, IdempotencyError>;
        async fn remember(
            &mut self,
            scope: &IdempotencyScope,
            answer: &Answer,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl AuditLog for BookingTx {
        async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl UnitOfWork for BookingTx {
        async fn commit(self: Box<Self>) -> Result<(), StorageError>;
    }
}

#[async_trait]
impl Outbox for MockBookingTx {
    async fn publish(
        &mut self,
        event: &dyn Event,
        _actor: Option<AccountId>,
        _at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.published(event.name(), event.payload())
    }
}

impl MockBookingTx {
    /// A transaction that stores everything and takes no payments; a commit is up to the test.
    pub fn permissive() -> Self {
        let mut tx = Self::new();
        tx.expect_add_booking_history().returning(|_, _| Ok(()));
        tx.expect_set_timer().returning(|_| Ok(()));
        tx.expect_clear_timer().returning(|_, _| Ok(()));
        tx.expect_published().returning(|_, _| Ok(()));
        tx.expect_payment_terms().returning(|| Ok(PaymentTerms::NoPayments));
        tx
    }

    /// The same with a booking to load.
    #[must_use]
    pub fn holding(mut self, record: BookingRecord) -> Self {
        self.expect_booking_for_update().return_once(move |_| Ok(Some(Booking::restore(record))));
        self
    }
}

impl MockBookingStore {
    /// A store whose next transaction is `tx`.
    pub fn with(tx: MockBookingTx) -> Self {
        let mut store = Self::new();
        store.expect_begin().return_once(move || Ok(Box::new(tx)));
        store
    }
}

/// The same id every time, for a number.
pub fn an_id(n: u64) -> Uuid {
    Uuid::from_u64_pair(0xA000, n)
}

/// The parties of the builders below: account 1 asks provider 2, whose account is 3.
pub fn parties() -> Parties {
    Parties {
        client: AccountId::from_uuid(an_id(1)),
        provider: ProviderId::from_uuid(an_id(2)),
        provider_account: AccountId::from_uuid(an_id(3)),
    }
}

/// The client of [`parties`].
pub fn the_client() -> Actor {
    Actor::member(Member {
        account: parties().client,
        session: SessionId::from_uuid(an_id(11)),
        roles: Roles::client(),
        provider: None,
    })
}

/// The provider of [`parties`].
pub fn the_provider() -> Actor {
    Actor::member(Member {
        account: parties().provider_account,
        session: SessionId::from_uuid(an_id(12)),
        roles: Roles::client().with(Role::Provider),
        provider: Some(parties().provider),
    })
}

/// Somebody with a role who has nothing to do with [`parties`].
pub fn a_stranger(role: Role) -> Actor {
    Actor::member(Member {
        account: AccountId::from_uuid(an_id(4)),
        session: SessionId::from_uuid(an_id(13)),
        roles: Roles::client().with(role),
        provider: (role == Role::Provider).then(|| ProviderId::from_uuid(an_id(5))),
    })
}

/// A text that somebody wrote.
pub fn a_reason(text: &str) -> Reason {
    Reason::new(text).expect("the text of a test is valid")
}

/// 100 euros.
pub fn a_price() -> Money {
    Money::new(10_000, Currency::EUR)
}

/// An hour from `start`, without buffers, of a provider who serves one at a time.
pub fn an_hour(start: DateTime<Utc>) -> Appointment {
    let slot = Interval::new(start, start + TimeDelta::hours(1)).expect("an hour is not empty");
    Appointment { slot, busy: slot, capacity: 1 }
}

/// A requested appointment three days ahead for 100 euros, without payments; change what the
/// test is about.
pub fn an_appointment(now: DateTime<Utc>) -> BookingRecord {
    BookingRecord {
        id: BookingId::from_uuid(an_id(6)),
        listing: ListingId::from_uuid(an_id(7)),
        title: "Haircut".to_owned(),
        parties: parties(),
        process: Process::Appointment { appointment: an_hour(now + TimeDelta::days(3)) },
        message: Message::new("Hello").expect("the text of a test is valid"),
        price: Some(a_price()),
        funds: Funds::NotTaken,
        cancellation: CancellationPolicy::default(),
        offers: Vec::new(),
        changes_left: 2,
        created_at: now,
        accepted_at: None,
        stale_at: None,
        status: Status::Requested { answer_due: now + TimeDelta::days(3) },
        version: 1,
    }
}

/// A requested quote with one offer in force, by a side.
pub fn a_quote(now: DateTime<Utc>, by: Side) -> BookingRecord {
    let offer = Offer {
        id: OfferId::from_uuid(an_id(8)),
        number: 1,
        by,
        price: a_price(),
        work: Work::new("All of it").expect("the text of a test is valid"),
        at: now,
        withdrawn_at: None,
    };
    BookingRecord {
        process: Process::Quote { budget: None },
        price: None,
        offers: vec![offer],
        ..an_appointment(now)
    }
}

/// A request without offers or a time.
pub fn a_request(now: DateTime<Utc>) -> BookingRecord {
    BookingRecord { process: Process::Request { budget: None }, ..an_appointment(now) }
}

/// An accepted appointment whose price the marketplace holds.
pub fn a_paid_appointment(now: DateTime<Utc>) -> BookingRecord {
    BookingRecord {
        funds: Funds::Captured,
        accepted_at: Some(now),
        stale_at: Some(now + TimeDelta::days(75)),
        status: Status::Accepted { proposal: None },
        ..an_appointment(now)
    }
}

/// One booking in each state, all entered at `now`, in the order of [`Status::NAMES`].
pub fn one_in_each_state(now: DateTime<Utc>) -> Vec<BookingRecord> {
    let days = TimeDelta::days;
    let reason = || a_reason("Because");
    let agreed = |status| BookingRecord { status, ..a_paid_appointment(now) };
    let unpaid = |status| BookingRecord { status, ..an_appointment(now) };
    vec![
        BookingRecord {
            funds: Funds::Awaited,
            status: Status::AwaitingPayment { hold_until: now + TimeDelta::minutes(15) },
            ..an_appointment(now)
        },
        an_appointment(now),
        a_paid_appointment(now),
        agreed(Status::InProgress { since: now }),
        agreed(Status::Done { since: now, confirm_due: now + days(7) }),
        agreed(Status::Disputed { since: now, decision_due: now + days(60), reason: reason() }),
        agreed(Status::Completed { at: now, how: Completion::Confirmed, refund: None }),
        unpaid(Status::Declined { at: now, reason: Some(reason()) }),
        unpaid(Status::Withdrawn { at: now }),
        unpaid(Status::Expired { at: now }),
        agreed(Status::Cancelled {
            at: now,
            cause: CancelCause::Client,
            reason: Some(reason()),
            refund: Some(a_price()),
        }),
    ]
}

/// Monday to Friday from nine to five in Berlin, an hour a slot, one at a time, two months ahead.
pub fn office_hours() -> AvailabilityRules {
    let nine = MinuteOfDay::new(9 * 60).expect("nine is a time of day");
    let five = MinuteOfDay::new(17 * 60).expect("five is a time of day");
    let weekdays = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
    AvailabilityRules {
        time_zone: Tz::Europe__Berlin,
        weekly: weekdays
            .into_iter()
            .map(|weekday| WeeklyHours { weekday, from: nine, to: five })
            .collect(),
        exceptions: Vec::new(),
        slot_minutes: 60,
        interval_minutes: 60,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        min_notice_minutes: 0,
        horizon_days: 60,
        per_day: None,
        per_week: None,
        capacity: 1,
    }
}

/// Opening hours of the provider of [`parties`].
pub fn an_availability(rules: AvailabilityRules) -> Availability {
    Availability::new(parties().provider, rules).expect("the hours of a test are valid")
}

/// A public listing of the provider of [`parties`], 100 euros, by appointment.
pub fn a_listing() -> BookableListing {
    let id = ListingId::from_uuid(an_id(7));
    BookableListing {
        id,
        title: "Haircut".to_owned(),
        public: true,
        provider: parties().provider,
        provider_account: parties().provider_account,
        processes: vec![ProcessKind::Appointment],
        price: ListPrice::Fixed(a_price()),
        settings: AppointmentSettings::none(id),
    }
}

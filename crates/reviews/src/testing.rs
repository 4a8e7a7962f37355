//! Mocks and builders for tests of this crate and of those that link it.

use access::{AuditEntry, AuditLog};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, Answer, BookingId, Claim, Event, IdempotencyError, IdempotencyLedger,
    IdempotencyScope, ListingId, Outbox, ProviderId, ReviewId, SequentialIds, StorageError, Timer,
    Timers, UnitOfWork,
};
use mockall::mock;

pub use crate::port::MockReviewStore;
use crate::{
    Arrangement, BookingFacts, CompletedBookings, Confirmation, Confirmations, Criteria,
    NewPicture, Policy, Rated, Rating, Ratings, ReportNote, ReportReason, Review, ReviewError,
    ReviewPictures, ReviewRecord, ReviewRepository, ReviewText, Side, Stars, Status, Votes,
};

mock! {
    #[derive(Debug)]
    pub ReviewTx {
        /// An event was published: its name, and who caused it. Stands for `Outbox::publish`,
        /// whose borrowed trait object a mock cannot take.
        pub fn published(&mut self, name: &'static str, actor: Option<AccountId>) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl ReviewRepository for ReviewTx {
        async fn review_pair_for_update(&mut self, id: ReviewId) -> Result<Option<(Review, Option<Review>)>, StorageError>;
        async fn insert_review(&mut self, review: &Review) -> Result<(), ReviewError>;
        async fn update_review(&mut self, review: &Review) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl CompletedBookings for ReviewTx {
        async fn booking_facts(&mut self, id: BookingId) -> Result<Option<BookingFacts>, StorageError>;
    }

    #[async_trait]
    impl ReviewPictures for ReviewTx {
        async fn check_arrangement(&mut self, review: ReviewId, arrangement: &Arrangement, adding: usize) -> Result<u64, ReviewError>;
        async fn change_pictures(&mut self, review: ReviewId, author: AccountId, arrangement: &Arrangement, add: Vec<NewPicture>, now: DateTime<Utc>) -> Result<(), ReviewError>;
        async fn drop_pictures(&mut self, review: ReviewId, now: DateTime<Utc>) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Confirmations for ReviewTx {
        async fn insert_confirmation(&mut self, link: &Confirmation) -> Result<(), StorageError>;
        async fn confirmation(&mut self, token_hash: [u8; 32]) -> Result<Option<Confirmation>, StorageError>;
        async fn delete_confirmations(&mut self, review: ReviewId) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Ratings for ReviewTx {
        async fn rating_for_update(&mut self, rated: Rated) -> Result<Rating, StorageError>;
        async fn store_rating(&mut self, rated: Rated, rating: Rating, mean: Option<f64>, score: Option<f64>) -> Result<(), StorageError>;
        async fn count_rating(&mut self, rated: Rated) -> Result<Rating, StorageError>;
    }

    #[async_trait]
    impl Votes for ReviewTx {
        async fn set_helpful(&mut self, review: ReviewId, reader: AccountId, helpful: bool, now: DateTime<Utc>) -> Result<u32, StorageError>;
        async fn insert_report(&mut self, review: ReviewId, reader: AccountId, reason: ReportReason, note: Option<ReportNote>, now: DateTime<Utc>) -> Result<bool, StorageError>;
        async fn close_reports(&mut self, review: ReviewId, now: DateTime<Utc>) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl AuditLog for ReviewTx {
        async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Timers for ReviewTx {
        async fn set_timer(&mut self, timer: &Timer) -> Result<(), StorageError>;
        async fn clear_timer(&mut self, kind: &'static str, subject: &str) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl IdempotencyLedger for ReviewTx {
        async fn claim(&mut self, scope: &IdempotencyScope) -> Result<Claim, IdempotencyError>;
        async fn remember(&mut self, scope: &IdempotencyScope, answer: &Answer) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl UnitOfWork for ReviewTx {
        async fn commit(self: Box<Self>) -> Result<(), StorageError>;
    }
}

#[async_trait]
impl Outbox for MockReviewTx {
    async fn publish(
        &mut self,
        event: &dyn Event,
        actor: Option<AccountId>,
        _: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.published(event.name(), actor)
    }
}

impl MockReviewTx {
    /// A transaction in which timers are set and cleared as they come.
    pub fn with_timers() -> Self {
        let mut tx = Self::new();
        tx.expect_set_timer().returning(|_| Ok(()));
        tx.expect_clear_timer().returning(|_, _| Ok(()));
        tx
    }
}

impl MockReviewStore {
    /// A store whose next transaction is `tx`, and whose authors have no names.
    pub fn with(tx: MockReviewTx) -> Self {
        let mut store = Self::new();
        store.expect_author_names().returning(|_| Ok(std::collections::HashMap::new()));
        store.expect_begin().return_once(move || Ok(Box::new(tx)));
        store
    }
}

/// A booking that was completed one day before `now`.
pub fn a_completed_booking(now: DateTime<Utc>) -> BookingFacts {
    let ids = SequentialIds::default();
    BookingFacts {
        booking: BookingId::next(&ids),
        listing: ListingId::next(&ids),
        provider: ProviderId::next(&ids),
        client: AccountId::next(&ids),
        provider_account: AccountId::next(&ids),
        completed_at: Some(now - TimeDelta::days(1)),
        criteria: vec!["punctuality".to_owned(), "quality".to_owned()],
    }
}

/// A review of that booking by its client, four stars, handed in at `now`; change what the test is
/// about.
pub fn a_review(now: DateTime<Utc>) -> ReviewRecord {
    let facts = a_completed_booking(now);
    ReviewRecord {
        id: ReviewId::from_uuid(facts.booking.as_uuid()),
        booking: facts.booking,
        listing: facts.listing,
        provider: facts.provider,
        side: Side::Client,
        author: facts.client,
        subject: facts.provider_account,
        stars: Stars::new(4).expect("four stars"),
        text: ReviewText::from_stored("On time, tidy, and the shelves are straight.".to_owned()),
        criteria: Criteria::default(),
        status: Status::PendingConfirmation { confirm_by: now + TimeDelta::days(7) },
        reply: None,
        window_ends_at: now + TimeDelta::days(13),
        created_at: now,
        edited_at: None,
        helpful_count: 0,
        open_reports: 0,
        version: 1,
    }
}

/// The provider's review of the same booking.
pub fn the_other_side(review: &ReviewRecord) -> ReviewRecord {
    ReviewRecord {
        id: ReviewId::from_uuid(review.listing.as_uuid()),
        side: Side::Provider,
        author: review.subject,
        subject: review.author,
        ..review.clone()
    }
}

/// A marketplace on which both sides review, blindly.
pub fn two_sided() -> Policy {
    Policy { two_sided: true, double_blind: true, ..Policy::default() }
}

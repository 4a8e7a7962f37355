use std::collections::{HashMap, HashSet};

use access::AuditLog;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, BookingId, IdempotencyLedger, Limit, ListingId, Outbox, Page, ProviderId, ReviewId,
    StorageError, Timers, Total, UnitOfWork,
};

use crate::{
    ModerationQueue, Rated, Rating, RatingDrift, Report, ReportNote, ReportReason, Review,
    ReviewError, ReviewPictures,
};

/// What reviews need to know of a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingFacts {
    /// The booking.
    pub booking: BookingId,
    /// What was booked.
    pub listing: ListingId,
    /// Who provided it.
    pub provider: ProviderId,
    /// The account of the client.
    pub client: AccountId,
    /// The account of the provider.
    pub provider_account: AccountId,
    /// When it was completed, if it was.
    pub completed_at: Option<DateTime<Utc>>,
    /// The keys of the criteria that the listing's type declares, such as `punctuality`.
    pub criteria: Vec<String>,
}

/// What reviews need to know of what they rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatedFacts {
    /// The provider that it is, or that offers it.
    pub provider: ProviderId,
    /// Whether everyone can see it.
    pub public: bool,
}

/// What reviews need of bookings; the glue lives with the adapters.
#[async_trait]
pub trait CompletedBookings: Send {
    /// The facts of a booking, completed or not.
    async fn booking_facts(&mut self, id: BookingId) -> Result<Option<BookingFacts>, StorageError>;
}

/// Reviews inside one transaction.
#[async_trait]
pub trait ReviewRepository: Send {
    /// Loads a review, and the other side's of the same booking if there is one, and keeps others
    /// from changing either until the transaction ends.
    async fn review_pair_for_update(
        &mut self,
        id: ReviewId,
    ) -> Result<Option<(Review, Option<Review>)>, StorageError>;

    /// Stores a new review.
    ///
    /// # Errors
    ///
    /// [`ReviewError::AlreadyReviewed`] if this side has one of the booking that is not discarded.
    async fn insert_review(&mut self, review: &Review) -> Result<(), ReviewError>;

    /// Stores a changed review.
    ///
    /// # Errors
    ///
    /// [`StorageError::Conflict`] if the stored version is not the loaded one.
    async fn update_review(&mut self, review: &Review) -> Result<(), StorageError>;
}

/// A link in a mail that confirms a review without signing in. The token itself is nowhere but in
/// the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Which review.
    pub review: ReviewId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// The link does not work from then on.
    pub expires_at: DateTime<Utc>,
}

/// Links that confirm reviews, inside one transaction.
#[async_trait]
pub trait Confirmations: Send {
    /// Remembers a link; the last ones sent keep working beside it, since mails overtake one
    /// another.
    async fn insert_confirmation(&mut self, link: &Confirmation) -> Result<(), StorageError>;

    /// The link with this hash.
    async fn confirmation(
        &mut self,
        token_hash: [u8; 32],
    ) -> Result<Option<Confirmation>, StorageError>;

    /// Forgets all links of a review: each works once, and one of them was used.
    async fn delete_confirmations(&mut self, review: ReviewId) -> Result<(), StorageError>;
}

/// The ratings of listings and providers, inside one transaction. The figures that searches sort
/// by change with it.
#[async_trait]
pub trait Ratings: Send {
    /// The stored rating, kept from others until the transaction ends.
    async fn rating_for_update(&mut self, rated: Rated) -> Result<Rating, StorageError>;

    /// Stores a rating: its two whole numbers, and what follows from them.
    async fn store_rating(
        &mut self,
        rated: Rated,
        rating: Rating,
        mean: Option<f64>,
        score: Option<f64>,
    ) -> Result<(), StorageError>;

    /// What the reviews add up to.
    async fn count_rating(&mut self, rated: Rated) -> Result<Rating, StorageError>;
}

/// Readers' opinions of reviews, inside one transaction.
#[async_trait]
pub trait Votes: Send {
    /// Sets whether the reader finds the review helpful; answers how many do.
    async fn set_helpful(
        &mut self,
        review: ReviewId,
        reader: AccountId,
        helpful: bool,
        now: DateTime<Utc>,
    ) -> Result<u32, StorageError>;

    /// Stores a report; answers whether it is the reader's first of this review.
    async fn insert_report(
        &mut self,
        review: ReviewId,
        reader: AccountId,
        reason: ReportReason,
        note: Option<ReportNote>,
        now: DateTime<Utc>,
    ) -> Result<bool, StorageError>;

    /// Closes all open reports of a review: a moderator decided.
    async fn close_reports(
        &mut self,
        review: ReviewId,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;
}

/// Everything a command may touch atomically.
pub trait ReviewTx:
    ReviewRepository
    + CompletedBookings
    + ReviewPictures
    + Confirmations
    + Ratings
    + Votes
    + AuditLog
    + Outbox
    + Timers
    + IdempotencyLedger
    + UnitOfWork
{
}

impl<T> ReviewTx for T where
    T: ReviewRepository
        + CompletedBookings
        + ReviewPictures
        + Confirmations
        + Ratings
        + Votes
        + AuditLog
        + Outbox
        + Timers
        + IdempotencyLedger
        + UnitOfWork
{
}

/// Which reviews a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewFilter {
    /// The shown ones by clients of a listing.
    OfListing(ListingId),
    /// The shown ones by clients of a provider.
    OfProvider(ProviderId),
    /// All that an account wrote, whatever their state.
    ByAuthor(AccountId),
    /// The shown ones about an account.
    AboutAccount(AccountId),
    /// What waits for moderators, whatever the sort: the oldest first.
    Queue(ModerationQueue),
}

/// How a list is sorted; ties by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReviewSort {
    /// The latest first: shown last, or written last where not all are shown.
    #[default]
    Newest,
    /// The most helpful first.
    Helpful,
    /// The most stars first.
    Best,
    /// The fewest stars first.
    Worst,
}

/// A place in a sorted list: the last item's sort key and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewPosition {
    /// Microseconds since 1970, votes or stars, by the sort.
    pub key: i64,
    /// Parts equals.
    pub id: ReviewId,
}

/// Opens transactions, and answers reads that need none.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait ReviewStore: Send + Sync {
    /// Opens a transaction.
    async fn begin(&self) -> Result<Box<dyn ReviewTx>, StorageError>;

    /// A review, and the other side's of the same booking.
    async fn review_pair(
        &self,
        id: ReviewId,
    ) -> Result<Option<(Review, Option<Review>)>, StorageError>;

    /// One page of reviews.
    async fn reviews(
        &self,
        filter: ReviewFilter,
        sort: ReviewSort,
        after: Option<ReviewPosition>,
        limit: Limit,
    ) -> Result<Page<Review, ReviewPosition>, StorageError>;

    /// The position of the last of so many first reviews of a queue; `None` if there are fewer.
    async fn queue_position(
        &self,
        queue: ModerationQueue,
        skipped: u16,
    ) -> Result<Option<ReviewPosition>, StorageError>;

    /// How many reviews a queue has.
    async fn count_queue(&self, queue: ModerationQueue) -> Result<Total, StorageError>;

    /// The names that authors go by; one who left has none.
    async fn author_names(
        &self,
        authors: Vec<AccountId>,
    ) -> Result<HashMap<AccountId, String>, StorageError>;

    /// Which of these reviews the reader finds helpful.
    async fn helpful_votes(
        &self,
        reader: AccountId,
        reviews: Vec<ReviewId>,
    ) -> Result<HashSet<ReviewId>, StorageError>;

    /// The reports that wait for a decision, by review, the latest ten of each.
    async fn open_reports(
        &self,
        reviews: Vec<ReviewId>,
    ) -> Result<HashMap<ReviewId, Vec<Report>>, StorageError>;

    /// The facts of a listing or provider; `None` if there is no such thing.
    async fn rated_facts(&self, rated: Rated) -> Result<Option<RatedFacts>, StorageError>;

    /// The rating of a listing or provider; none yet if it has no review.
    async fn rating(&self, rated: Rated) -> Result<Rating, StorageError>;

    /// All ratings that are not what their reviews add up to. Reads everything: for operators.
    async fn rating_drift(&self) -> Result<Vec<RatingDrift>, StorageError>;
}

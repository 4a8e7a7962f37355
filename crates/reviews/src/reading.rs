use std::collections::{HashMap, HashSet};

use access::{Action, Actor};
use kernel::{AccountId, Limit, Page, PageNumber, ReviewId, Total};

use crate::{
    ModerationQueue, Rated, Rating, Reason, Report, Review, ReviewError, ReviewFilter,
    ReviewPosition, ReviewService, ReviewSort, Status,
};

/// A review as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// The review.
    pub review: Review,
    /// What its author goes by; one who left has no name.
    pub author_name: Option<String>,
    /// Whether this reader finds it helpful.
    pub is_helpful: bool,
    /// Whether this reader wrote it.
    pub is_own: bool,
    /// What this reader could do with it now; only where one review is shown.
    pub allowed: Vec<&'static str>,
    /// The reports that wait for a decision; only for moderators.
    pub reports: Vec<Report>,
}

impl Presented {
    /// A review that its author has just written: nobody can have said anything about it.
    pub(crate) const fn new_own(
        review: Review,
        author_name: Option<String>,
        allowed: Vec<&'static str>,
    ) -> Self {
        Self { review, author_name, is_helpful: false, is_own: true, allowed, reports: Vec::new() }
    }

    /// Why it was hidden: for its author and for moderators, who alone see a hidden review.
    pub const fn hidden_because(&self) -> Option<&Reason> {
        match self.review.status() {
            Status::Hidden { reason, .. } => Some(reason),
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Held { .. }
            | Status::Published { .. }
            | Status::Discarded { .. } => None,
        }
    }
}

/// One page of the reviews of a listing or provider, with its rating.
#[derive(Debug, Clone, PartialEq)]
pub struct RatedReviews {
    /// The rating, over all reviews.
    pub rating: Rating,
    /// The page.
    pub page: Page<Presented, ReviewPosition>,
}

impl ReviewService {
    /// One review.
    pub async fn review(&self, actor: &Actor, id: ReviewId) -> Result<Presented, ReviewError> {
        let pair = self.store.review_pair(id).await?;
        let (review, other) = pair.ok_or(ReviewError::NotFound { id })?;
        if !review.is_visible_to(actor) {
            return Err(ReviewError::NotFound { id });
        }
        let other = other.as_ref().map_or(crate::Counterpart::Missing, Review::as_counterpart);
        let allowed = review.allowed(actor, &self.policy, other, self.clock.now());
        let moderates = review.authorize(actor, Action::ReviewModerate).is_ok();
        let presented = self.present(actor, vec![review], moderates).await?;
        let presented = presented.into_iter().next().ok_or(ReviewError::NotFound { id })?;
        Ok(Presented { allowed, ..presented })
    }

    /// The shown reviews by clients of a listing or provider, for whoever sees that.
    pub async fn reviews_of(
        &self,
        actor: &Actor,
        rated: Rated,
        sort: ReviewSort,
        after: Option<ReviewPosition>,
        limit: Limit,
    ) -> Result<RatedReviews, ReviewError> {
        let filter = match rated {
            Rated::Listing(id) => ReviewFilter::OfListing(id),
            Rated::Provider(id) => ReviewFilter::OfProvider(id),
        };
        let facts = self.store.rated_facts(rated).await?;
        if !facts.is_some_and(|facts| facts.is_visible_to(actor, rated)) {
            return Err(ReviewError::RatedNotFound { rated });
        }
        let rating = self.store.rating(rated).await?;
        let page = self.page(actor, filter, sort, after, limit, false).await?;
        Ok(RatedReviews { rating, page })
    }

    /// What the caller wrote, in any state, the latest first.
    pub async fn own_reviews(
        &self,
        actor: &Actor,
        after: Option<ReviewPosition>,
        limit: Limit,
    ) -> Result<Page<Presented, ReviewPosition>, ReviewError> {
        let account = signed_in(actor)?;
        let filter = ReviewFilter::ByAuthor(account);
        self.page(actor, filter, ReviewSort::Newest, after, limit, false).await
    }

    /// What others wrote about the caller and is shown, the latest first.
    pub async fn reviews_about(
        &self,
        actor: &Actor,
        after: Option<ReviewPosition>,
        limit: Limit,
    ) -> Result<Page<Presented, ReviewPosition>, ReviewError> {
        let account = signed_in(actor)?;
        let filter = ReviewFilter::AboutAccount(account);
        self.page(actor, filter, ReviewSort::Newest, after, limit, false).await
    }

    /// What waits for moderators, the oldest first, with the open reports.
    pub async fn queue(
        &self,
        actor: &Actor,
        queue: ModerationQueue,
        after: Option<ReviewPosition>,
        limit: Limit,
    ) -> Result<Page<Presented, ReviewPosition>, ReviewError> {
        Self::authorize_queue(actor)?;
        let filter = ReviewFilter::Queue(queue);
        self.page(actor, filter, ReviewSort::Newest, after, limit, true).await
    }

    /// The same by the number of the page.
    pub async fn queue_numbered(
        &self,
        actor: &Actor,
        queue: ModerationQueue,
        number: PageNumber,
        limit: Limit,
    ) -> Result<Page<Presented, ReviewPosition>, ReviewError> {
        Self::authorize_queue(actor)?;
        let after = match number.skipped() {
            0 => None,
            skipped => match self.store.queue_position(queue, skipped).await? {
                Some(position) => Some(position),
                None => return Ok(Page { items: Vec::new(), next: None }),
            },
        };
        let filter = ReviewFilter::Queue(queue);
        self.page(actor, filter, ReviewSort::Newest, after, limit, true).await
    }

    /// How many reviews wait for moderators.
    pub async fn count_queue(
        &self,
        actor: &Actor,
        queue: ModerationQueue,
    ) -> Result<Total, ReviewError> {
        Self::authorize_queue(actor)?;
        Ok(self.store.count_queue(queue).await?)
    }

    /// A review that was just changed, as its changer sees it.
    pub async fn presented(&self, actor: &Actor, review: Review) -> Result<Presented, ReviewError> {
        let id = review.id();
        if review.is_visible_to(actor) {
            return self.review(actor, id).await;
        }
        // Confirmed by a link: whoever holds it sees what it did, and no more.
        let presented = self.present(actor, vec![review], false).await?;
        presented.into_iter().next().ok_or(ReviewError::NotFound { id })
    }

    async fn page(
        &self,
        actor: &Actor,
        filter: ReviewFilter,
        sort: ReviewSort,
        after: Option<ReviewPosition>,
        limit: Limit,
        with_reports: bool,
    ) -> Result<Page<Presented, ReviewPosition>, ReviewError> {
        let page = self.store.reviews(filter, sort, after, limit).await?;
        let items = self.present(actor, page.items, with_reports).await?;
        Ok(Page { items, next: page.next })
    }

    /// Adds what belongs to readers and authors: at most three queries, however many reviews.
    async fn present(
        &self,
        actor: &Actor,
        reviews: Vec<Review>,
        with_reports: bool,
    ) -> Result<Vec<Presented>, ReviewError> {
        if reviews.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ReviewId> = reviews.iter().map(Review::id).collect();
        let authors = distinct(reviews.iter().map(|review| review.record().author));
        let names = self.store.author_names(authors).await?;
        let helpful = match actor.account() {
            Some(reader) => self.store.helpful_votes(reader, ids.clone()).await?,
            None => HashSet::new(),
        };
        let mut reports =
            if with_reports { self.store.open_reports(ids).await? } else { HashMap::new() };
        Ok(reviews
            .into_iter()
            .map(|review| Presented {
                author_name: names.get(&review.record().author).cloned(),
                is_helpful: helpful.contains(&review.id()),
                is_own: review.is_by(actor),
                allowed: Vec::new(),
                reports: reports.remove(&review.id()).unwrap_or_default(),
                review,
            })
            .collect())
    }
}

fn signed_in(actor: &Actor) -> Result<AccountId, ReviewError> {
    actor.account().ok_or(ReviewError::Unauthenticated)
}

fn distinct(accounts: impl Iterator<Item = AccountId>) -> Vec<AccountId> {
    let mut accounts: Vec<AccountId> = accounts.collect();
    accounts.sort_unstable();
    accounts.dedup();
    accounts
}

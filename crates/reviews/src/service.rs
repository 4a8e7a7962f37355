use std::sync::Arc;

use access::{Action, Actor, decide};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use kernel::{AccountId, Clock, FieldErrors, Idempotency, Ids, Once, Random, ReviewId, Timer};
use sha2::{Digest, Sha256};

use crate::command::{check_text, parse, parse_change};
use crate::{
    BookingFacts, ChangePictures, ChangeReview, Confirmation, Counterpart, Edit, HelpfulState,
    Policy, Presented, Rated, RatingDrift, ReplyText, ReportNote, ReportReason, Review,
    ReviewError, ReviewEvent, ReviewStore, ReviewTx, Side, Status, WriteReview,
};

/// A held review is shown.
const REVEAL: &str = "review.reveal";
/// A review that nobody handed in or confirmed is discarded.
const DISCARD: &str = "review.discard";

/// The timers of reviews: a due one goes to [`ReviewService::on_timer`].
pub const TIMER_KINDS: &[&str] = &[REVEAL, DISCARD];

/// Everything that can be done with reviews.
#[derive(Clone)]
pub struct ReviewService {
    pub(crate) store: Arc<dyn ReviewStore>,
    pub(crate) clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    random: Arc<dyn Random>,
    pub(crate) policy: Policy,
}

impl std::fmt::Debug for ReviewService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReviewService").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A review loaded to be changed, with what the change depends on.
pub(crate) struct Loaded {
    pub(crate) review: Review,
    other: Option<Review>,
}

impl Loaded {
    pub(crate) fn counterpart(&self) -> Counterpart {
        self.other.as_ref().map_or(Counterpart::Missing, Review::as_counterpart)
    }
}

impl ReviewService {
    /// A service on a store.
    pub fn new(
        store: Arc<dyn ReviewStore>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        random: Arc<dyn Random>,
        policy: Policy,
    ) -> Self {
        Self { store, clock, ids, random, policy }
    }

    /// Writes a review of a completed booking, and hands it in unless it is a draft. Its author
    /// gets a mail with a link that confirms it.
    pub async fn write(
        &self,
        actor: &Actor,
        command: WriteReview,
        idempotency: Option<Idempotency<'_, Presented>>,
    ) -> Result<Once<Presented>, ReviewError> {
        let now = self.clock.now();
        let author = actor.account().ok_or(ReviewError::Unauthenticated)?;
        // Before the transaction: one command holds one connection.
        let author_name = self.store.author_names(vec![author]).await?.remove(&author);
        let mut tx = self.store.begin().await?;
        if let Some(idempotency) = &idempotency
            && let Some(answer) = idempotency.replay(&mut *tx).await?
        {
            return Ok(Once::Replayed(answer));
        }
        let facts = tx
            .booking_facts(command.booking)
            .await?
            .ok_or(ReviewError::BookingNotFound { id: command.booking })?;
        let (facts, side) = authorize_side(actor, facts)?;
        self.policy.admits(side)?;
        let declared: &[String] = match side {
            Side::Client => &facts.criteria,
            Side::Provider => &[],
        };
        let (stars, text, criteria) = parse(&command, declared)?;
        let id = ReviewId::next(&*self.ids);
        let mut review = Review::draft(id, &facts, side, stars, text, criteria, &self.policy, now)?;
        let event = if command.draft { None } else { Some(review.submit(&self.policy, now)?) };
        tx.insert_review(&review).await?;
        set_timers(&mut *tx, &review).await?;
        publish(&mut *tx, event.as_ref(), Some(author), now).await?;
        let allowed = review.allowed(actor, &self.policy, Counterpart::Missing, now);
        let written = Presented::new_own(review, author_name, allowed);
        if let Some(idempotency) = &idempotency {
            idempotency.remember(&mut *tx, &written).await?;
        }
        tx.commit().await?;
        Ok(Once::Done(written))
    }

    /// Hands a draft in.
    pub async fn submit(&self, actor: &Actor, id: ReviewId) -> Result<Review, ReviewError> {
        self.change(actor, id, Action::ReviewUpdate, |loaded, policy, now| {
            loaded.review.submit(policy, now).map(Some)
        })
        .await
    }

    /// Its author stands by it.
    pub async fn confirm(&self, actor: &Actor, id: ReviewId) -> Result<Review, ReviewError> {
        self.change(actor, id, Action::ReviewUpdate, |loaded, policy, now| {
            let other = loaded.counterpart();
            loaded.review.confirm(policy, other, now).map(Some)
        })
        .await
    }

    /// Its author followed the link in their mail: whoever holds it may confirm, once.
    ///
    /// # Errors
    ///
    /// [`ReviewError::LinkInvalid`] if it was used, is too old, or never was.
    pub async fn confirm_by_link(&self, id: ReviewId, token: &str) -> Result<Review, ReviewError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let link = tx.confirmation(hash(token)).await?;
        link.filter(|link| link.review == id && now < link.expires_at)
            .ok_or(ReviewError::LinkInvalid)?;
        let mut loaded = load(&mut *tx, id).await?;
        let author = loaded.review.record().author;
        let before = loaded.review.clone();
        let other = loaded.counterpart();
        let event = loaded
            .review
            .confirm(&self.policy, other, now)
            .map_err(|_| ReviewError::LinkInvalid)?;
        tx.delete_confirmations(id).await?;
        self.store_change(tx, &before, loaded, Some(event), Some(author), now).await
    }

    /// A token that confirms the review without signing in, for the mail that is about to be
    /// sent. `None` if there is nothing to confirm any more. Only its hash is stored.
    pub async fn mint_confirmation(&self, id: ReviewId) -> Result<Option<String>, ReviewError> {
        let mut tx = self.store.begin().await?;
        let Some((review, _)) = tx.review_pair_for_update(id).await? else { return Ok(None) };
        let Status::PendingConfirmation { confirm_by } = *review.status() else {
            return Ok(None);
        };
        let mut secret = [0; 32];
        self.random.fill(&mut secret);
        let token = BASE64_URL_SAFE_NO_PAD.encode(secret);
        let link = Confirmation { review: id, token_hash: hash(&token), expires_at: confirm_by };
        tx.insert_confirmation(&link).await?;
        tx.commit().await?;
        Ok(Some(token))
    }

    /// Its author changes it, within [`Policy::edit`] of its confirmation.
    pub async fn edit(
        &self,
        actor: &Actor,
        id: ReviewId,
        change: ChangeReview,
    ) -> Result<Review, ReviewError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mut loaded = load(&mut *tx, id).await?;
        loaded.review.authorize(actor, Action::ReviewUpdate)?;
        if change.expected_version.is_some_and(|version| version != loaded.review.record().version)
        {
            return Err(ReviewError::Stale { id });
        }
        let declared = match (&change.criteria, loaded.review.record().side) {
            (Some(_), Side::Client) => {
                let facts = tx.booking_facts(loaded.review.record().booking).await?;
                facts.map(|facts| facts.criteria).unwrap_or_default()
            }
            (Some(_), Side::Provider) | (None, Side::Client | Side::Provider) => Vec::new(),
        };
        let edit = parse_change(&change, &declared)?;
        let before = loaded.review.clone();
        let other = loaded.counterpart();
        let event = loaded
            .review
            .edit(edit, &self.policy, other, now)
            .map_err(|error| self.explain(error, &before, other, actor, now))?;
        self.store_change(tx, &before, loaded, event, actor.account(), now).await
    }

    /// Its author removes, adds and orders its pictures in one step, as long as they may change it.
    /// At most [`Review::MAX_PICTURES`], also where several requests come at once.
    pub async fn change_pictures(
        &self,
        actor: &Actor,
        id: ReviewId,
        change: ChangePictures,
    ) -> Result<Review, ReviewError> {
        let is_empty = change.is_empty();
        let ChangePictures { uploads, arrangement, expected_version } = change;
        let adding = uploads.count();
        let add = if adding == 0 {
            Vec::new()
        } else {
            // What can be refused before files are taken in, is; and none is while a lock is held.
            let mut tx = self.store.begin().await?;
            self.touch(&mut *tx, actor, id, expected_version, self.clock.now()).await?;
            let removing = tx.check_arrangement(id, &arrangement, adding).await?;
            drop(tx);
            uploads.receive(removing).await?
        };

        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let (before, loaded, event) =
            self.touch(&mut *tx, actor, id, expected_version, now).await?;
        if is_empty {
            return Ok(before);
        }
        let author = before.record().author;
        tx.change_pictures(id, author, &arrangement, add, now).await?;
        self.store_change(tx, &before, loaded, event, actor.account(), now).await
    }

    /// A review before and after its author changed what it does not hold itself.
    async fn touch(
        &self,
        tx: &mut dyn ReviewTx,
        actor: &Actor,
        id: ReviewId,
        expected_version: Option<i32>,
        now: DateTime<Utc>,
    ) -> Result<(Review, Loaded, Option<ReviewEvent>), ReviewError> {
        let mut loaded = load(tx, id).await?;
        loaded.review.authorize(actor, Action::ReviewUpdate)?;
        if expected_version.is_some_and(|version| version != loaded.review.record().version) {
            return Err(ReviewError::Stale { id });
        }
        let before = loaded.review.clone();
        let other = loaded.counterpart();
        let event = loaded
            .review
            .edit(Edit::default(), &self.policy, other, now)
            .map_err(|error| self.explain(error, &before, other, actor, now))?;
        Ok((before, loaded, event))
    }

    /// The reviewed side answers, once and in public.
    pub async fn reply(
        &self,
        actor: &Actor,
        id: ReviewId,
        text: &str,
    ) -> Result<Review, ReviewError> {
        let mut errors = FieldErrors::new();
        let text = check_text(&mut errors, "/text", ReplyText::new(text));
        self.change(actor, id, Action::ReviewReply, |loaded, _, now| {
            let text = text.ok_or(ReviewError::Invalid(errors))?;
            loaded.review.reply(text, now).map(Some)
        })
        .await
    }

    /// A reader finds it helpful, or does not any more. Any number of times.
    pub async fn set_helpful(
        &self,
        actor: &Actor,
        id: ReviewId,
        helpful: bool,
    ) -> Result<HelpfulState, ReviewError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let reader = self.reader(&mut *tx, actor, id, now).await?;
        let count = tx.set_helpful(id, reader, helpful, now).await?;
        tx.commit().await?;
        Ok(HelpfulState { helpful, count })
    }

    /// A reader tells the moderators that something is wrong with it. A second report by the same
    /// reader changes nothing.
    pub async fn report(
        &self,
        actor: &Actor,
        id: ReviewId,
        reason: ReportReason,
        note: Option<&str>,
    ) -> Result<(), ReviewError> {
        let now = self.clock.now();
        let mut errors = FieldErrors::new();
        let note = note.map(|note| check_text(&mut errors, "/note", ReportNote::new(note)));
        let mut tx = self.store.begin().await?;
        let reader = self.reader(&mut *tx, actor, id, now).await?;
        errors.into_result().map_err(ReviewError::Invalid)?;
        if tx.insert_report(id, reader, reason, note.flatten(), now).await? {
            let loaded = load(&mut *tx, id).await?;
            publish(&mut *tx, Some(&loaded.review.reported()), Some(reader), now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// A timer of [`TIMER_KINDS`] is due. The review decides whether it is still meant.
    pub async fn on_timer(&self, kind: &str, subject: &str) -> Result<(), ReviewError> {
        let Ok(id) = subject.parse::<ReviewId>() else { return Ok(()) };
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some((review, other)) = tx.review_pair_for_update(id).await? else { return Ok(()) };
        let mut loaded = Loaded { review, other };
        let before = loaded.review.clone();
        let other = loaded.counterpart();
        let event = match kind {
            REVEAL => loaded.review.reveal(other, now),
            DISCARD => loaded.review.discard(now),
            _ => None,
        };
        if event.is_some() {
            self.store_change(tx, &before, loaded, event, None, now).await?;
        }
        Ok(())
    }

    /// Compares every rating with what its reviews add up to, and mends those that differ if
    /// asked. Answers what differed. For operators.
    pub async fn recompute_all(&self, mend: bool) -> Result<Vec<RatingDrift>, ReviewError> {
        let drift = self.store.rating_drift().await?;
        if mend {
            for RatingDrift { rated, .. } in &drift {
                let mut tx = self.store.begin().await?;
                tx.rating_for_update(*rated).await?;
                let rating = tx.count_rating(*rated).await?;
                let score = rating.score(&self.policy);
                tx.store_rating(*rated, rating, rating.mean(), score).await?;
                tx.commit().await?;
            }
        }
        Ok(drift)
    }

    /// One change of one review: load, authorise, decide, store, publish, commit.
    async fn change(
        &self,
        actor: &Actor,
        id: ReviewId,
        action: Action,
        decide: impl FnOnce(
            &mut Loaded,
            &Policy,
            DateTime<Utc>,
        ) -> Result<Option<ReviewEvent>, ReviewError>
        + Send,
    ) -> Result<Review, ReviewError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mut loaded = load(&mut *tx, id).await?;
        loaded.review.authorize(actor, action)?;
        let before = loaded.review.clone();
        let other = loaded.counterpart();
        let event = decide(&mut loaded, &self.policy, now)
            .map_err(|error| self.explain(error, &before, other, actor, now))?;
        self.store_change(tx, &before, loaded, event, actor.account(), now).await
    }

    /// Stores a changed review and all that follows from the change: the other side's review that
    /// is shown with it, ratings, timers, events.
    pub(crate) async fn store_change(
        &self,
        mut tx: Box<dyn ReviewTx>,
        before: &Review,
        loaded: Loaded,
        event: Option<ReviewEvent>,
        by: Option<AccountId>,
        now: DateTime<Utc>,
    ) -> Result<Review, ReviewError> {
        let Loaded { review, other } = loaded;
        tx.update_review(&review).await?;
        if matches!(review.status(), Status::Discarded { .. }) {
            tx.drop_pictures(review.id(), now).await?;
        }
        set_timers(&mut *tx, &review).await?;
        publish(&mut *tx, event.as_ref(), by, now).await?;
        let mut changes = vec![(before.clone(), review.clone())];
        if let Some(mut other) = other {
            let hidden = other.clone();
            if let Some(event) = other.reveal(review.as_counterpart(), now) {
                tx.update_review(&other).await?;
                set_timers(&mut *tx, &other).await?;
                // Nobody did this to the other review: both sides are told.
                publish(&mut *tx, Some(&event), None, now).await?;
                changes.push((hidden, other));
            }
        }
        for (before, after) in &changes {
            self.rate(&mut *tx, before, after).await?;
        }
        tx.commit().await?;
        Ok(next_version(&review))
    }

    /// Brings the ratings in step with a change. The listing always before its provider, so that
    /// two changes never wait for one another.
    async fn rate(
        &self,
        tx: &mut dyn ReviewTx,
        before: &Review,
        after: &Review,
    ) -> Result<(), ReviewError> {
        let (out, in_) = (before.counted(), after.counted());
        if out == in_ {
            return Ok(());
        }
        let record = after.record();
        for rated in [Rated::Listing(record.listing), Rated::Provider(record.provider)] {
            let rating = tx.rating_for_update(rated).await?.changed(out, in_);
            tx.store_rating(rated, rating, rating.mean(), rating.score(&self.policy)).await?;
        }
        Ok(())
    }

    async fn reader(
        &self,
        tx: &mut dyn ReviewTx,
        actor: &Actor,
        id: ReviewId,
        now: DateTime<Utc>,
    ) -> Result<AccountId, ReviewError> {
        let loaded = load(tx, id).await?;
        loaded.review.authorize(actor, Action::ReviewVote)?;
        let reader = actor.account().ok_or(ReviewError::Unauthenticated)?;
        let other = loaded.counterpart();
        loaded
            .review
            .vote(reader)
            .map_err(|error| self.explain(error, &loaded.review, other, actor, now))?;
        Ok(reader)
    }

    /// Adds to a refusal what this caller could do instead.
    pub(crate) fn explain(
        &self,
        error: ReviewError,
        review: &Review,
        other: Counterpart,
        actor: &Actor,
        now: DateTime<Utc>,
    ) -> ReviewError {
        match error {
            ReviewError::IllegalTransition { id, from, command, .. } => {
                let allowed = review.allowed(actor, &self.policy, other, now);
                ReviewError::IllegalTransition { id, from, command, allowed }
            }
            other => other,
        }
    }
}

pub(crate) async fn load(tx: &mut dyn ReviewTx, id: ReviewId) -> Result<Loaded, ReviewError> {
    let pair = tx.review_pair_for_update(id).await?;
    let (review, other) = pair.ok_or(ReviewError::NotFound { id })?;
    Ok(Loaded { review, other })
}

/// Which side the actor is, if they may review; a stranger learns nothing of the booking.
fn authorize_side(actor: &Actor, facts: BookingFacts) -> Result<(BookingFacts, Side), ReviewError> {
    let side = match actor.account() {
        Some(account) if account == facts.client => Side::Client,
        Some(account) if account == facts.provider_account => Side::Provider,
        Some(_) | None => return Err(ReviewError::BookingNotFound { id: facts.booking }),
    };
    match decide(actor, Action::ReviewWrite, side.relation(), true) {
        Ok(()) => Ok((facts, side)),
        Err(_) => Err(ReviewError::Forbidden { action: Action::ReviewWrite }),
    }
}

/// A review's timers follow from its state alone.
async fn set_timers(tx: &mut dyn ReviewTx, review: &Review) -> Result<(), ReviewError> {
    let subject = review.id().to_string();
    for (kind, due) in [(REVEAL, review.reveal_at()), (DISCARD, review.discard_at())] {
        match due {
            Some(due_at) => {
                tx.set_timer(&Timer { kind, subject: subject.clone(), due_at }).await?;
            }
            None => tx.clear_timer(kind, &subject).await?,
        }
    }
    Ok(())
}

async fn publish(
    tx: &mut dyn ReviewTx,
    event: Option<&ReviewEvent>,
    by: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<(), ReviewError> {
    if let Some(event) = event {
        tx.publish(event, by, now).await?;
    }
    Ok(())
}

/// The review as it is stored now: an update counts its version up.
fn next_version(review: &Review) -> Review {
    let mut record = review.record().clone();
    record.version += 1;
    Review::restore(record)
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

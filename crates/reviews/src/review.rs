use chrono::{DateTime, Utc};
use kernel::{AccountId, BookingId, ListingId, ProviderId, ReviewId};

use crate::event::{About, What};
use crate::{
    BookingFacts, Counterpart, Criteria, Edit, Policy, Reason, Reply, ReplyText, ReviewError,
    ReviewEvent, ReviewText, Side, Stars, Status,
};

/// What one side of a completed booking says about the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    record: ReviewRecord,
}

/// The fields of a [`Review`], for storage adapters and presenters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewRecord {
    /// Identifies it.
    pub id: ReviewId,
    /// What was booked and done.
    pub booking: BookingId,
    /// The listing that was booked.
    pub listing: ListingId,
    /// Who provided it.
    pub provider: ProviderId,
    /// Which side wrote it.
    pub side: Side,
    /// Who wrote it.
    pub author: AccountId,
    /// Whom it is about: the account of the other side.
    pub subject: AccountId,
    /// Overall.
    pub stars: Stars,
    /// In words.
    pub text: ReviewText,
    /// By criterion.
    pub criteria: Criteria,
    /// Where it stands.
    pub status: Status,
    /// The answer of the other side.
    pub reply: Option<Reply>,
    /// When the time to review the booking is over.
    pub window_ends_at: DateTime<Utc>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When its author last changed it after confirming it.
    pub edited_at: Option<DateTime<Utc>>,
    /// How many found it helpful. Kept by [`Votes`](crate::Votes).
    pub helpful_count: u32,
    /// How many reports wait for a decision. Kept by [`Votes`](crate::Votes).
    pub open_reports: u32,
    /// Counts changes.
    pub version: i32,
}

impl Review {
    /// Begins a review of a booking by one of its sides.
    ///
    /// # Errors
    ///
    /// [`ReviewError::NotCompleted`], [`ReviewError::WindowClosed`], [`ReviewError::OneSided`].
    #[expect(clippy::too_many_arguments, reason = "each is a fact of its own")]
    pub fn draft(
        id: ReviewId,
        facts: &BookingFacts,
        side: Side,
        stars: Stars,
        text: ReviewText,
        criteria: Criteria,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<Self, ReviewError> {
        policy.admits(side)?;
        let (author, subject) = match side {
            Side::Client => (facts.client, facts.provider_account),
            Side::Provider => (facts.provider_account, facts.client),
        };
        let completed_at =
            facts.completed_at.ok_or(ReviewError::NotCompleted { id: facts.booking })?;
        let window_ends_at = completed_at + policy.window;
        if now >= window_ends_at {
            let ended_at = window_ends_at;
            return Err(ReviewError::WindowClosed { id: facts.booking, ended_at });
        }
        Ok(Self::restore(ReviewRecord {
            id,
            booking: facts.booking,
            listing: facts.listing,
            provider: facts.provider,
            side,
            author,
            subject,
            stars,
            text,
            criteria,
            status: Status::Draft,
            reply: None,
            window_ends_at,
            created_at: now,
            edited_at: None,
            helpful_count: 0,
            open_reports: 0,
            version: 1,
        }))
    }

    /// Hands the review in; its author still has to confirm it.
    pub fn submit(
        &mut self,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Result<ReviewEvent, ReviewError> {
        match self.record.status {
            Status::Draft if now >= self.record.window_ends_at => Err(ReviewError::WindowClosed {
                id: self.record.booking,
                ended_at: self.record.window_ends_at,
            }),
            Status::Draft => {
                let confirm_by = now + policy.confirmation;
                self.record.status = Status::PendingConfirmation { confirm_by };
                Ok(self.event(What::Submitted))
            }
            Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Held { .. }
            | Status::Published { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => Err(self.illegal("submit")),
        }
    }

    /// Its author stands by it: shown at once, or after a moderator or the other side.
    pub fn confirm(
        &mut self,
        policy: &Policy,
        other: Counterpart,
        now: DateTime<Utc>,
    ) -> Result<ReviewEvent, ReviewError> {
        match self.record.status {
            Status::PendingConfirmation { confirm_by } if now < confirm_by => {
                if policy.moderation {
                    self.record.status = Status::PendingModeration { confirmed_at: now };
                    Ok(self.event(What::AwaitsModeration))
                } else {
                    Ok(self.show(now, None, policy, other, now))
                }
            }
            Status::PendingConfirmation { .. }
            | Status::Draft
            | Status::PendingModeration { .. }
            | Status::Held { .. }
            | Status::Published { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => Err(self.illegal("confirm")),
        }
    }

    /// Changes it: freely before it is confirmed, for a while after. What a moderator approved
    /// and its author then changed goes back to the moderator.
    pub fn edit(
        &mut self,
        edit: Edit,
        policy: &Policy,
        other: Counterpart,
        now: DateTime<Utc>,
    ) -> Result<Option<ReviewEvent>, ReviewError> {
        let event = match self.record.status {
            Status::Draft | Status::PendingConfirmation { .. } => None,
            Status::PendingModeration { confirmed_at }
            | Status::Held { confirmed_at }
            | Status::Published { confirmed_at, .. } => {
                self.still_editable(confirmed_at, policy, other, now)?;
                self.record.edited_at = Some(now);
                self.after_edit(policy)
            }
            Status::Hidden { .. } | Status::Discarded { .. } => return Err(self.illegal("edit")),
        };
        let Edit { stars, text, criteria } = edit;
        self.record.stars = stars.unwrap_or(self.record.stars);
        if let Some(text) = text {
            self.record.text = text;
        }
        if let Some(criteria) = criteria {
            self.record.criteria = criteria;
        }
        Ok(event)
    }

    fn still_editable(
        &self,
        confirmed_at: DateTime<Utc>,
        policy: &Policy,
        other: Counterpart,
        now: DateTime<Utc>,
    ) -> Result<(), ReviewError> {
        let closed = |because| Err(ReviewError::EditClosed { id: self.record.id, because });
        if now >= confirmed_at + policy.edit {
            return closed("the time for changes is over");
        }
        let shown = matches!(self.record.status, Status::Published { .. });
        if policy.is_blind() && shown && other == Counterpart::Shown {
            // Otherwise the second reader would answer under the mask of a first impression.
            return closed("both sides have read one another's");
        }
        Ok(())
    }

    fn after_edit(&mut self, policy: &Policy) -> Option<ReviewEvent> {
        match self.record.status {
            Status::Held { confirmed_at } | Status::Published { confirmed_at, .. }
                if policy.moderation =>
            {
                self.record.status = Status::PendingModeration { confirmed_at };
                Some(self.event(What::AwaitsModeration))
            }
            Status::Published { .. } => Some(self.event(What::Edited)),
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Held { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => None,
        }
    }

    /// A moderator finds nothing wrong with it: it is shown, or stays shown in spite of reports.
    pub fn approve(
        &mut self,
        policy: &Policy,
        other: Counterpart,
        now: DateTime<Utc>,
    ) -> Result<Option<ReviewEvent>, ReviewError> {
        match self.record.status {
            Status::PendingModeration { confirmed_at } => {
                Ok(Some(self.show(confirmed_at, None, policy, other, now)))
            }
            Status::Published { .. } => Ok(None),
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::Held { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => Err(self.illegal("approve")),
        }
    }

    /// A moderator takes it out of sight.
    pub fn hide(&mut self, reason: Reason, now: DateTime<Utc>) -> Result<ReviewEvent, ReviewError> {
        let (confirmed_at, published_at) = match self.record.status {
            Status::PendingModeration { confirmed_at } | Status::Held { confirmed_at } => {
                (confirmed_at, None)
            }
            Status::Published { confirmed_at, at } => (confirmed_at, Some(at)),
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => return Err(self.illegal("hide")),
        };
        self.record.status = Status::Hidden { confirmed_at, published_at, at: now, reason };
        Ok(self.event(What::Hidden))
    }

    /// A moderator takes that back.
    pub fn restore_shown(
        &mut self,
        policy: &Policy,
        other: Counterpart,
        now: DateTime<Utc>,
    ) -> Result<ReviewEvent, ReviewError> {
        match self.record.status {
            Status::Hidden { confirmed_at, published_at, .. } => {
                self.show(confirmed_at, published_at, policy, other, now);
                Ok(self.event(What::Restored))
            }
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Held { .. }
            | Status::Published { .. }
            | Status::Discarded { .. } => Err(self.illegal("restore")),
        }
    }

    /// Shows a held review: the other side's is in, or the window is over. `None` if it is not
    /// time, or not held.
    pub fn reveal(&mut self, other: Counterpart, now: DateTime<Utc>) -> Option<ReviewEvent> {
        match self.record.status {
            Status::Held { confirmed_at }
                if other != Counterpart::Missing || now >= self.record.window_ends_at =>
            {
                self.record.status = Status::Published { confirmed_at, at: now };
                Some(self.event(What::Published))
            }
            Status::Held { .. }
            | Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Published { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => None,
        }
    }

    /// Discards a review that was not handed in, or not confirmed, in time; `None` if it was.
    pub fn discard(&mut self, now: DateTime<Utc>) -> Option<ReviewEvent> {
        let due = self.discard_at().is_some_and(|due| now >= due);
        due.then(|| {
            self.record.status = Status::Discarded { at: now };
            self.event(What::Discarded)
        })
    }

    /// When it will be discarded, unless its author acts.
    pub const fn discard_at(&self) -> Option<DateTime<Utc>> {
        match self.record.status {
            Status::Draft => Some(self.record.window_ends_at),
            Status::PendingConfirmation { confirm_by } => Some(confirm_by),
            Status::PendingModeration { .. }
            | Status::Held { .. }
            | Status::Published { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => None,
        }
    }

    /// When it will be shown, whatever the other side does.
    pub const fn reveal_at(&self) -> Option<DateTime<Utc>> {
        match self.record.status {
            Status::Held { .. } => Some(self.record.window_ends_at),
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Published { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => None,
        }
    }

    /// The other side answers, once.
    pub fn reply(
        &mut self,
        text: ReplyText,
        now: DateTime<Utc>,
    ) -> Result<ReviewEvent, ReviewError> {
        match self.record.status {
            Status::Published { .. } if self.record.reply.is_none() => {
                self.record.reply = Some(Reply { text, at: now });
                Ok(self.event(What::Replied))
            }
            Status::Published { .. } => Err(ReviewError::AlreadyReplied { id: self.record.id }),
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Held { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => Err(self.illegal("reply")),
        }
    }

    /// Passes if this reader may vote on it or report it; says that it was reported.
    pub fn vote(&self, voter: AccountId) -> Result<(), ReviewError> {
        match self.record.status {
            Status::Published { .. } if voter == self.record.author => Err(ReviewError::OwnReview),
            Status::Published { .. } => Ok(()),
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Held { .. }
            | Status::Hidden { .. }
            | Status::Discarded { .. } => Err(self.illegal("vote on")),
        }
    }

    pub(crate) const fn reported(&self) -> ReviewEvent {
        self.event(What::Reported)
    }

    /// The stars it adds to the rating of its listing and provider now, if it counts.
    pub const fn counted(&self) -> Option<Stars> {
        match (&self.record.status, self.record.side) {
            (Status::Published { .. }, Side::Client) => Some(self.record.stars),
            (Status::Published { .. }, Side::Provider)
            | (
                Status::Draft
                | Status::PendingConfirmation { .. }
                | Status::PendingModeration { .. }
                | Status::Held { .. }
                | Status::Hidden { .. }
                | Status::Discarded { .. },
                Side::Client | Side::Provider,
            ) => None,
        }
    }

    /// What it is to the review of the other side.
    pub const fn as_counterpart(&self) -> Counterpart {
        match self.record.status {
            Status::Held { .. } => Counterpart::In,
            Status::Published { .. } => Counterpart::Shown,
            Status::Hidden { published_at, .. } => match published_at {
                Some(_) => Counterpart::Shown,
                None => Counterpart::In,
            },
            Status::Draft
            | Status::PendingConfirmation { .. }
            | Status::PendingModeration { .. }
            | Status::Discarded { .. } => Counterpart::Missing,
        }
    }

    /// A review from its record.
    pub const fn restore(record: ReviewRecord) -> Self {
        Self { record }
    }

    /// Its fields.
    pub const fn record(&self) -> &ReviewRecord {
        &self.record
    }

    /// Identifies it.
    pub const fn id(&self) -> ReviewId {
        self.record.id
    }

    /// Where it stands.
    pub const fn status(&self) -> &Status {
        &self.record.status
    }

    /// Shows it, unless it has to wait for the other side.
    fn show(
        &mut self,
        confirmed_at: DateTime<Utc>,
        published_at: Option<DateTime<Utc>>,
        policy: &Policy,
        other: Counterpart,
        now: DateTime<Utc>,
    ) -> ReviewEvent {
        let waits = policy.is_blind()
            && published_at.is_none()
            && other == Counterpart::Missing
            && now < self.record.window_ends_at;
        if waits {
            self.record.status = Status::Held { confirmed_at };
            self.event(What::Held)
        } else {
            let at = published_at.unwrap_or(now);
            self.record.status = Status::Published { confirmed_at, at };
            self.event(What::Published)
        }
    }

    const fn event(&self, what: What) -> ReviewEvent {
        let record = &self.record;
        let about = About {
            id: record.id,
            booking: record.booking,
            listing: record.listing,
            provider: record.provider,
            author: record.author,
            subject: record.subject,
        };
        ReviewEvent { about, what }
    }

    const fn illegal(&self, command: &'static str) -> ReviewError {
        let (id, from) = (self.record.id, self.record.status.name());
        ReviewError::IllegalTransition { id, from, command, allowed: Vec::new() }
    }
}

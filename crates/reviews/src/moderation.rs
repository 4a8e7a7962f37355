use access::{Action, Actor, AuditEntry, Denial, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{AccountId, ReviewId};
use serde_json::json;

use crate::command::invalid_reason;
use crate::service::{Loaded, load};
use crate::{
    Policy, Reason, ReportNote, ReportReason, Review, ReviewError, ReviewEvent, ReviewService,
};

/// What waits for moderators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModerationQueue {
    /// Confirmed, to be looked at before they are shown.
    #[default]
    Pending,
    /// Shown, and reported by readers.
    Reported,
    /// Hidden by a moderator.
    Hidden,
}

impl ModerationQueue {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pending, Self::Reported, Self::Hidden];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Reported => "reported",
            Self::Hidden => "hidden",
        }
    }
}

/// What a reader complains of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Who.
    pub reader: AccountId,
    /// What, from the list.
    pub reason: ReportReason,
    /// What, in their words.
    pub note: Option<ReportNote>,
    /// When.
    pub at: DateTime<Utc>,
}

impl ReviewService {
    /// A moderator finds nothing wrong with it; open reports are closed.
    pub async fn approve(
        &self,
        actor: &Actor,
        id: ReviewId,
        note: Option<&str>,
    ) -> Result<Review, ReviewError> {
        let note = note.map(Reason::new).transpose().map_err(invalid_reason)?;
        self.moderate(actor, id, "approve", note, |loaded, policy, now| {
            let other = loaded.counterpart();
            loaded.review.approve(policy, other, now)
        })
        .await
    }

    /// A moderator takes it out of sight. Its author is told, with the reason.
    pub async fn hide(
        &self,
        actor: &Actor,
        id: ReviewId,
        reason: &str,
    ) -> Result<Review, ReviewError> {
        let reason = Reason::new(reason).map_err(invalid_reason)?;
        self.moderate(actor, id, "hide", Some(reason.clone()), |loaded, _, now| {
            loaded.review.hide(reason, now).map(Some)
        })
        .await
    }

    /// A moderator takes a hiding back.
    pub async fn restore(
        &self,
        actor: &Actor,
        id: ReviewId,
        reason: &str,
    ) -> Result<Review, ReviewError> {
        let reason = Reason::new(reason).map_err(invalid_reason)?;
        self.moderate(actor, id, "restore", Some(reason), |loaded, policy, now| {
            let other = loaded.counterpart();
            loaded.review.restore_shown(policy, other, now).map(Some)
        })
        .await
    }

    /// Reviews in a queue are for moderators.
    pub(crate) fn authorize_queue(actor: &Actor) -> Result<(), ReviewError> {
        let action = Action::ReviewModerate;
        decide(actor, action, Relation::Stranger, true).map_err(|denial| match denial {
            Denial::SignIn => ReviewError::Unauthenticated,
            Denial::Forbidden(action) => ReviewError::Forbidden { action },
            Denial::Hidden => ReviewError::Forbidden { action },
        })
    }

    /// The same by a moderator: also closes reports and leaves a line in the audit log.
    async fn moderate(
        &self,
        actor: &Actor,
        id: ReviewId,
        command: &'static str,
        reason: Option<Reason>,
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
        loaded.review.authorize(actor, Action::ReviewModerate)?;
        let before = loaded.review.clone();
        let other = loaded.counterpart();
        let event = decide(&mut loaded, &self.policy, now)
            .map_err(|error| self.explain(error, &before, other, actor, now))?;
        tx.close_reports(id, now).await?;
        let entry = AuditEntry::new(actor, Action::ReviewModerate, command, &id, now).changed(
            json!({ "status": before.status().name() }),
            json!({ "status": loaded.review.status().name() }),
        );
        let entry = match reason {
            Some(reason) => entry.because(reason.as_str()),
            None => entry,
        };
        tx.record_audit(&entry).await?;
        self.store_change(tx, &before, loaded, event, actor.account(), now).await
    }
}

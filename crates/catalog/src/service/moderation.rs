use std::sync::Arc;

use access::{Action, Actor, AuditEntry};
use kernel::{ChangeRequestId, Clock, ListingId, Page, PageNumber, Total};
use serde_json::json;

use super::{media_of, permit, store_edit, type_of, withdraw_pending};
use crate::lifecycle::Cause;
use crate::port::{CatalogStore, CatalogTx, QueuePosition, ReviewItem, ReviewQueue};
use crate::{CatalogError, ChangeRequest, Listing, ListingFact, Reason};

/// What a moderator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is all right.
    Approve,
    /// It is not.
    Reject {
        /// Why; its provider reads it.
        reason: Reason,
    },
}

impl Decision {
    const fn command(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject { .. } => "reject",
        }
    }
}

/// What a moderator decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReviewTarget {
    /// A listing.
    Listing(ListingId),
    /// A change of a listing.
    Change(ChangeRequestId),
}

/// What moderators do with listings.
#[derive(Debug, Clone)]
pub struct ModerationService {
    store: Arc<dyn CatalogStore>,
    clock: Arc<dyn Clock>,
}

impl ModerationService {
    /// The most decisions of one request.
    pub const MAX_BULK: usize = 500;

    /// The service over these parts.
    pub const fn new(store: Arc<dyn CatalogStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// What waits for a moderator, oldest first.
    pub async fn queue(
        &self,
        actor: &Actor,
        wanted: &ReviewQueue,
    ) -> Result<Page<ReviewItem, QueuePosition>, CatalogError> {
        permit(actor, Action::ListingModerate)?;
        Ok(self.store.review_queue(wanted).await?)
    }

    /// The same by the number of the page, in place of where the last one ended.
    pub async fn queue_numbered(
        &self,
        actor: &Actor,
        wanted: ReviewQueue,
        number: PageNumber,
    ) -> Result<Page<ReviewItem, QueuePosition>, CatalogError> {
        permit(actor, Action::ListingModerate)?;
        let listing_type = wanted.listing_type.clone();
        let after = match number.skipped() {
            0 => None,
            skipped => match self.store.review_queue_position(listing_type, skipped).await? {
                Some(position) => Some(position),
                None => return Ok(Page { items: Vec::new(), next: None }),
            },
        };
        Ok(self.store.review_queue(&ReviewQueue { after, ..wanted }).await?)
    }

    /// How many items wait for a moderator, of all listing types or of one.
    pub async fn count_queue(
        &self,
        actor: &Actor,
        listing_type: Option<String>,
    ) -> Result<Total, CatalogError> {
        permit(actor, Action::ListingModerate)?;
        Ok(self.store.count_review_queue(listing_type).await?)
    }

    /// A change request with its listing.
    pub async fn change_request(
        &self,
        actor: &Actor,
        id: ChangeRequestId,
    ) -> Result<ReviewItem, CatalogError> {
        permit(actor, Action::ListingModerate)?;
        self.store.change_request(id).await?.ok_or(CatalogError::ChangeRequestNotFound { id })
    }

    /// Decides on a listing or a change; the listing as it is then. `expected` is the version of
    /// what is decided on, as the moderator saw it.
    pub async fn decide(
        &self,
        actor: &Actor,
        target: ReviewTarget,
        decision: &Decision,
        expected: Option<i32>,
    ) -> Result<Listing, CatalogError> {
        permit(actor, Action::ListingModerate)?;
        let mut tx = self.store.begin_catalog().await?;
        let listing = match target {
            ReviewTarget::Listing(id) => {
                self.decide_on_listing(&mut *tx, actor, id, decision, expected).await?
            }
            ReviewTarget::Change(id) => {
                self.decide_on_change(&mut *tx, actor, id, decision, expected).await?
            }
        };
        tx.commit().await?;
        Ok(listing)
    }

    /// Decides on many, each by itself: one that cannot be does not keep the others from it.
    pub async fn decide_in_bulk(
        &self,
        actor: &Actor,
        targets: &[ReviewTarget],
        decision: &Decision,
    ) -> Result<Vec<(ReviewTarget, Result<Listing, CatalogError>)>, CatalogError> {
        permit(actor, Action::ListingModerate)?;
        if targets.is_empty() || targets.len() > Self::MAX_BULK {
            let detail = format!("must be 1 to {}", Self::MAX_BULK);
            return Err(CatalogError::field("/ids", "out_of_range", &detail));
        }
        let mut results = Vec::with_capacity(targets.len());
        for target in targets {
            results.push((*target, self.decide(actor, *target, decision, None).await));
        }
        Ok(results)
    }

    async fn decide_on_listing(
        &self,
        tx: &mut dyn CatalogTx,
        actor: &Actor,
        id: ListingId,
        decision: &Decision,
        expected: Option<i32>,
    ) -> Result<Listing, CatalogError> {
        let cause = self.cause(actor);
        let mut listing = listing(tx, id).await?;
        listing.expect_version(expected)?;
        let before = listing.status().name();
        let event = match decision {
            Decision::Approve => listing.approve(cause.now)?,
            Decision::Reject { reason } => {
                let event = listing.reject(reason.clone(), cause.now)?;
                withdraw_pending(tx, &listing, cause).await?;
                event
            }
        };
        tx.update_listing(&listing).await?;
        tx.publish(&event, cause.actor, cause.now).await?;
        let entry = entry(actor, decision, &id, cause)
            .changed(json!({ "status": before }), json!({ "status": listing.status().name() }));
        tx.record_audit(&entry).await?;
        Ok(listing)
    }

    async fn decide_on_change(
        &self,
        tx: &mut dyn CatalogTx,
        actor: &Actor,
        id: ChangeRequestId,
        decision: &Decision,
        expected: Option<i32>,
    ) -> Result<Listing, CatalogError> {
        let cause = self.cause(actor);
        let missing = || CatalogError::ChangeRequestNotFound { id };
        let listing_id = tx.listing_of_change_request(id).await?.ok_or_else(missing)?;
        let mut listing = listing(tx, listing_id).await?;
        let mut request = tx.change_request_for_update(id).await?.ok_or_else(missing)?;
        if expected.is_some_and(|version| version != request.version) {
            return Err(CatalogError::Stale { current: request.version });
        }
        let before = request.status.name();
        let fact = match decision {
            Decision::Approve => {
                request.approve(cause.actor, cause.now)?;
                apply(tx, &mut listing, &request, cause).await?;
                ListingFact::ChangeApproved { request: id }
            }
            Decision::Reject { reason } => {
                request.reject(cause.actor, reason.clone(), cause.now)?;
                tx.discard_media(request.changes.files()).await?;
                ListingFact::ChangeRejected { request: id }
            }
        };
        tx.update_change_request(&request).await?;
        tx.publish(&listing.event(fact), cause.actor, cause.now).await?;
        let entry = entry(actor, decision, &id, cause)
            .changed(json!({ "status": before }), json!({ "status": request.status.name() }));
        tx.record_audit(&entry).await?;
        Ok(listing)
    }

    fn cause(&self, actor: &Actor) -> Cause {
        Cause { actor: actor.account(), now: self.clock.now() }
    }
}

async fn listing(tx: &mut dyn CatalogTx, id: ListingId) -> Result<Listing, CatalogError> {
    tx.listing_for_update(id).await?.ok_or(CatalogError::ListingNotFound { id })
}

async fn apply(
    tx: &mut dyn CatalogTx,
    listing: &mut Listing,
    request: &ChangeRequest,
    cause: Cause,
) -> Result<(), CatalogError> {
    let listing_type = type_of(tx, listing).await?;
    let media = media_of(tx, listing.id(), &listing_type).await?;
    // Who changes the price is who asked for it.
    let author = Cause { actor: Some(request.requested_by), ..cause };
    let edit = listing.apply(&listing_type, &request.changes, author)?;
    store_edit(tx, listing, media, edit, author).await?;
    Ok(())
}

fn entry(actor: &Actor, decision: &Decision, object: &impl ToString, cause: Cause) -> AuditEntry {
    let entry =
        AuditEntry::new(actor, Action::ListingModerate, decision.command(), object, cause.now);
    match decision {
        Decision::Approve => entry,
        Decision::Reject { reason } => entry.because(reason.as_str()),
    }
}

use kernel::{AccountId, ChangeRequestId, Event, ListingId, Money, ProviderId};
use serde_json::{Value, json};

use crate::{Key, ListingField, PriceReason};

/// What happened to a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListingFact {
    /// It was written down.
    Created,
    /// What it says changed.
    Changed {
        /// Which fields.
        fields: Vec<ListingField>,
    },
    /// It waits for a moderator.
    Submitted,
    /// It is public.
    Published,
    /// A moderator refused it, or took it down.
    Rejected,
    /// Its provider took it back to mend it.
    Withdrawn,
    /// It is off the market for a while.
    Paused,
    /// It is back on the market.
    Resumed,
    /// It is gone for good.
    Archived,
    /// It was never needed by anything and was removed.
    Deleted,
    /// Its price changed.
    PriceChanged {
        /// What it was.
        old: Option<Money>,
        /// What it is.
        new: Option<Money>,
        /// Why.
        reason: PriceReason,
    },
    /// A change of it waits for a moderator.
    ChangeRequested {
        /// The request.
        request: ChangeRequestId,
    },
    /// A moderator accepted a change.
    ChangeApproved {
        /// The request.
        request: ChangeRequestId,
    },
    /// A moderator refused a change.
    ChangeRejected {
        /// The request.
        request: ChangeRequestId,
    },
    /// Its provider gave a change up.
    ChangeWithdrawn {
        /// The request.
        request: ChangeRequestId,
    },
    /// A moderator looked at a public listing and found nothing wrong.
    Reviewed,
}

/// Something happened to a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingEvent {
    /// To which.
    pub listing: ListingId,
    /// Whose that is.
    pub provider: ProviderId,
    /// The key of its type.
    pub listing_type: Key,
    /// What happened.
    pub fact: ListingFact,
}

impl Event for ListingEvent {
    fn name(&self) -> &'static str {
        match self.fact {
            ListingFact::Created => "listing.created.v1",
            ListingFact::Changed { .. } => "listing.changed.v1",
            ListingFact::Submitted => "listing.submitted.v1",
            ListingFact::Published => "listing.published.v1",
            ListingFact::Rejected => "listing.rejected.v1",
            ListingFact::Withdrawn => "listing.withdrawn.v1",
            ListingFact::Paused => "listing.paused.v1",
            ListingFact::Resumed => "listing.resumed.v1",
            ListingFact::Archived => "listing.archived.v1",
            ListingFact::Deleted => "listing.deleted.v1",
            ListingFact::PriceChanged { .. } => "listing.price_changed.v1",
            ListingFact::ChangeRequested { .. } => "listing.change_requested.v1",
            ListingFact::ChangeApproved { .. } => "listing.change_approved.v1",
            ListingFact::ChangeRejected { .. } => "listing.change_rejected.v1",
            ListingFact::ChangeWithdrawn { .. } => "listing.change_withdrawn.v1",
            ListingFact::Reviewed => "listing.reviewed.v1",
        }
    }

    fn subject(&self) -> String {
        self.listing.to_string()
    }

    fn payload(&self) -> Value {
        let mut payload = json!({
            "listing": self.listing,
            "provider": self.provider,
            "listing_type": self.listing_type,
        });
        let money = |money: Option<Money>| {
            money.map(|money| json!({"amount": money.minor(), "currency": money.currency()}))
        };
        match &self.fact {
            ListingFact::Changed { fields } => payload["fields"] = json!(fields),
            ListingFact::PriceChanged { old, new, reason } => {
                payload["old"] = json!(money(*old));
                payload["new"] = json!(money(*new));
                payload["reason"] = json!(reason.name());
            }
            ListingFact::ChangeRequested { request }
            | ListingFact::ChangeApproved { request }
            | ListingFact::ChangeRejected { request }
            | ListingFact::ChangeWithdrawn { request } => {
                payload["change_request"] = json!(request);
            }
            ListingFact::Created
            | ListingFact::Submitted
            | ListingFact::Published
            | ListingFact::Rejected
            | ListingFact::Withdrawn
            | ListingFact::Paused
            | ListingFact::Resumed
            | ListingFact::Archived
            | ListingFact::Deleted
            | ListingFact::Reviewed => {}
        }
        payload
    }
}

/// What happened to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderFact {
    /// An account became a provider.
    Registered,
    /// It changed its profile.
    Changed,
    /// It asked to be verified.
    VerificationRequested,
    /// Moderators verified it.
    Verified,
    /// Moderators did not verify it, or do not any more.
    VerificationRefused,
    /// Moderators took it off the market.
    Suspended,
    /// Moderators brought it back.
    Restored,
}

/// Something happened to a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderEvent {
    /// To which.
    pub provider: ProviderId,
    /// Whose that is.
    pub account: AccountId,
    /// What happened.
    pub fact: ProviderFact,
}

impl Event for ProviderEvent {
    fn name(&self) -> &'static str {
        match self.fact {
            ProviderFact::Registered => "provider.registered.v1",
            ProviderFact::Changed => "provider.changed.v1",
            ProviderFact::VerificationRequested => "provider.verification_requested.v1",
            ProviderFact::Verified => "provider.verified.v1",
            ProviderFact::VerificationRefused => "provider.verification_refused.v1",
            ProviderFact::Suspended => "provider.suspended.v1",
            ProviderFact::Restored => "provider.restored.v1",
        }
    }

    fn subject(&self) -> String {
        self.provider.to_string()
    }

    fn payload(&self) -> Value {
        json!({ "provider": self.provider, "account": self.account })
    }
}

/// A listing type or the tree of categories changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxonomyEvent {
    /// The key of the listing type, or the id of the category.
    pub subject: String,
}

impl Event for TaxonomyEvent {
    fn name(&self) -> &'static str {
        "taxonomy.changed.v1"
    }

    fn subject(&self) -> String {
        self.subject.clone()
    }

    fn payload(&self) -> Value {
        json!({ "subject": self.subject })
    }
}

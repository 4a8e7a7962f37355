//! The commands of a listing: `draft → pending_review → published ⇄ paused → archived`, and
//! `pending_review → rejected → draft`.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{AccountId, FieldErrors, ListingId, MediaId, ProviderId, Slug};

use crate::content::{Content, ContentPatch};
use crate::event::{ListingEvent, ListingFact};
use crate::price::{PriceChange, PriceReason, is_small_change};
use crate::{
    CatalogError, ChangeSet, Counters, Listing, ListingField, ListingRecord, ListingStatus,
    ListingType, MediaEdit, Moderation, Promoted, Rating, Reason,
};

/// Who does something, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// Who; `None` for the marketplace itself.
    pub actor: Option<AccountId>,
    /// When.
    pub now: DateTime<Utc>,
}

/// What an edit came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Edit {
    /// What happened at once.
    pub events: Vec<ListingEvent>,
    /// The line for the price history.
    pub price_change: Option<PriceChange>,
    /// What the media become at once; checked and attached by whoever holds them.
    pub media: Option<MediaEdit>,
    /// What waits for a moderator.
    pub pending: Option<ChangeSet>,
}

impl Listing {
    /// A new listing, seen by its provider alone.
    pub fn draft(
        id: ListingId,
        provider: ProviderId,
        listing_type: &ListingType,
        content: Content,
        cause: Cause,
    ) -> (Self, Edit) {
        let slug = slug_of(&content.title, listing_type);
        let listing = Self::restore(ListingRecord {
            id,
            listing_type: listing_type.key().clone(),
            provider,
            provider_active: true,
            slug,
            content,
            status: ListingStatus::Draft,
            approved_price: None,
            unreviewed_since: None,
            cover: None,
            rating: Rating::default(),
            promoted: Promoted::default(),
            counters: Counters::default(),
            version: 1,
            created_at: cause.now,
            updated_at: cause.now,
            published_at: None,
        });
        let edit = Edit {
            events: vec![listing.event(ListingFact::Created)],
            price_change: listing.content().price.map(|new| PriceChange {
                listing: id,
                old: None,
                new: Some(new),
                reason: PriceReason::Manual,
                actor: cause.actor,
                at: cause.now,
            }),
            media: None,
            pending: None,
        };
        (listing, edit)
    }

    /// Makes the slug one that nothing else has, by the end of the id.
    pub fn distinguish_slug(&mut self) {
        let id = self.record.id.as_uuid().simple().to_string();
        let (_, tail) = id.split_at(id.len() - 10);
        let base = shortened(self.record.slug.as_str(), Slug::MAX - 11);
        self.record.slug = Slug::from_stored(format!("{base}-{tail}"));
    }

    /// Changes what it says. A refused listing becomes a draft again. What a moderator has to see
    /// first becomes a change set, and the public version stays as it is.
    pub fn edit(
        &mut self,
        listing_type: &ListingType,
        patch: &ContentPatch,
        media: Option<MediaEdit>,
        cause: Cause,
    ) -> Result<Edit, CatalogError> {
        let wanted = self.record.content.patched(listing_type, patch)?;
        let media = media.filter(|media| !media.is_empty());
        match self.record.status {
            ListingStatus::Draft => Ok(self.change(wanted, media, cause)),
            ListingStatus::Rejected { .. } => {
                let edit = self.change(wanted, media, cause);
                if !edit.events.is_empty() {
                    self.record.status = ListingStatus::Draft;
                }
                Ok(edit)
            }
            ListingStatus::Published | ListingStatus::Paused => {
                check_publishable(&wanted, listing_type)?;
                match listing_type.moderation() {
                    Moderation::Before => {
                        Ok(self.change_in_part(listing_type, wanted, media, cause))
                    }
                    Moderation::After => {
                        let edit = self.change(wanted, media, cause);
                        if !edit.events.is_empty() {
                            self.record.unreviewed_since.get_or_insert(cause.now);
                        }
                        Ok(edit)
                    }
                    Moderation::None => Ok(self.change(wanted, media, cause)),
                }
            }
            ListingStatus::PendingReview { .. } | ListingStatus::Archived { .. } => {
                Err(self.illegal("edit"))
            }
        }
    }

    /// Applies what is harmless, and returns the rest as pending.
    fn change_in_part(
        &mut self,
        listing_type: &ListingType,
        wanted: Content,
        media: Option<MediaEdit>,
        cause: Cause,
    ) -> Edit {
        let current = self.record.content.clone();
        // Not from the last price: small steps would lead anywhere.
        let approved_price = self.record.approved_price;
        let mut fields = current.differing(&wanted);
        let mut keys = current.attributes.differing(&wanted.attributes);
        let is_harmless = |field: &ListingField| {
            listing_type.is_harmless(*field)
                && (*field != ListingField::Price || is_small_change(approved_price, wanted.price))
        };
        keys.retain(|key| listing_type.attribute(key).is_none_or(|a| !a.harmless));
        if keys.is_empty() {
            fields.remove(&ListingField::Attributes);
        }
        fields.retain(|field| !is_harmless(field));
        if !fields.contains(&ListingField::Attributes) {
            keys.clear();
        }
        let (media_now, media_later) = if listing_type.is_harmless(ListingField::Media) {
            (media, None)
        } else {
            (None, media)
        };
        let pending = (!fields.is_empty() || media_later.is_some())
            .then(|| ChangeSet::new(&current, &wanted, fields, keys, media_later));

        // What is not pending is what the wanted content says; the pending fields stay.
        let at_once = match &pending {
            None => wanted,
            Some(pending) => pending.reverted(&wanted),
        };
        Edit { pending, ..self.change(at_once, media_now, cause) }
    }

    /// Applies a change that a moderator accepted.
    pub fn apply(
        &mut self,
        listing_type: &ListingType,
        changes: &ChangeSet,
        cause: Cause,
    ) -> Result<Edit, CatalogError> {
        match self.record.status {
            ListingStatus::Published | ListingStatus::Paused => {
                let wanted = changes.applied(&self.record.content);
                check_publishable(&wanted, listing_type)?;
                let edit = self.change(wanted, changes.media().cloned(), cause);
                self.record.approved_price = self.record.content.price;
                Ok(edit)
            }
            ListingStatus::Draft
            | ListingStatus::PendingReview { .. }
            | ListingStatus::Rejected { .. }
            | ListingStatus::Archived { .. } => Err(self.illegal("apply a change to")),
        }
    }

    fn change(&mut self, wanted: Content, media: Option<MediaEdit>, cause: Cause) -> Edit {
        let mut fields: BTreeSet<_> = self.record.content.differing(&wanted);
        if media.is_some() {
            fields.insert(ListingField::Media);
        }
        if fields.is_empty() {
            return Edit::default();
        }
        let mut events = Vec::new();
        let old = self.record.content.price;
        let price_change = (old != wanted.price).then(|| PriceChange {
            listing: self.id(),
            old,
            new: wanted.price,
            reason: PriceReason::Manual,
            actor: cause.actor,
            at: cause.now,
        });
        if let Some(PriceChange { old, new, reason, .. }) = price_change {
            events.push(self.event(ListingFact::PriceChanged { old, new, reason }));
        }
        events.push(self.event(ListingFact::Changed { fields: fields.into_iter().collect() }));
        self.record.content = wanted;
        self.touch(cause.now);
        Edit { events, price_change, media, pending: None }
    }

    /// The picture that stands for it from now on.
    pub const fn set_cover(&mut self, cover: Option<MediaId>) {
        self.record.cover = cover;
    }

    /// Offers it to the public: at once, or to the moderators first, as its type says.
    pub fn publish(
        &mut self,
        listing_type: &ListingType,
        now: DateTime<Utc>,
    ) -> Result<ListingEvent, CatalogError> {
        match self.record.status {
            ListingStatus::Draft => {
                check_publishable(&self.record.content, listing_type)?;
                self.touch(now);
                match listing_type.moderation() {
                    Moderation::Before => {
                        self.record.status = ListingStatus::PendingReview { since: now };
                        Ok(self.event(ListingFact::Submitted))
                    }
                    Moderation::After => {
                        self.record.unreviewed_since = Some(now);
                        Ok(self.go_public(now))
                    }
                    Moderation::None => Ok(self.go_public(now)),
                }
            }
            ListingStatus::PendingReview { .. }
            | ListingStatus::Published
            | ListingStatus::Paused
            | ListingStatus::Rejected { .. }
            | ListingStatus::Archived { .. } => Err(self.illegal("publish")),
        }
    }

    fn go_public(&mut self, now: DateTime<Utc>) -> ListingEvent {
        self.record.status = ListingStatus::Published;
        self.record.approved_price = self.record.content.price;
        self.record.published_at.get_or_insert(now);
        self.event(ListingFact::Published)
    }

    /// Takes it back from the moderators, or takes up a refused one, to mend it.
    pub fn withdraw(&mut self, now: DateTime<Utc>) -> Result<ListingEvent, CatalogError> {
        match self.record.status {
            ListingStatus::PendingReview { .. } | ListingStatus::Rejected { .. } => {
                self.record.status = ListingStatus::Draft;
                self.touch(now);
                Ok(self.event(ListingFact::Withdrawn))
            }
            ListingStatus::Draft
            | ListingStatus::Published
            | ListingStatus::Paused
            | ListingStatus::Archived { .. } => Err(self.illegal("withdraw")),
        }
    }

    /// Takes it off the market for a while.
    pub fn pause(&mut self, now: DateTime<Utc>) -> Result<ListingEvent, CatalogError> {
        match self.record.status {
            ListingStatus::Published => {
                self.record.status = ListingStatus::Paused;
                self.touch(now);
                Ok(self.event(ListingFact::Paused))
            }
            ListingStatus::Draft
            | ListingStatus::PendingReview { .. }
            | ListingStatus::Paused
            | ListingStatus::Rejected { .. }
            | ListingStatus::Archived { .. } => Err(self.illegal("pause")),
        }
    }

    /// Brings it back to the market.
    pub fn resume(
        &mut self,
        listing_type: &ListingType,
        now: DateTime<Utc>,
    ) -> Result<ListingEvent, CatalogError> {
        match self.record.status {
            ListingStatus::Paused => {
                check_publishable(&self.record.content, listing_type)?;
                self.record.status = ListingStatus::Published;
                self.touch(now);
                Ok(self.event(ListingFact::Resumed))
            }
            ListingStatus::Draft
            | ListingStatus::PendingReview { .. }
            | ListingStatus::Published
            | ListingStatus::Rejected { .. }
            | ListingStatus::Archived { .. } => Err(self.illegal("resume")),
        }
    }

    /// Takes it away for good; what refers to it still finds it.
    pub fn archive(&mut self, now: DateTime<Utc>) -> Result<ListingEvent, CatalogError> {
        match self.record.status {
            ListingStatus::Draft
            | ListingStatus::PendingReview { .. }
            | ListingStatus::Published
            | ListingStatus::Paused
            | ListingStatus::Rejected { .. } => {
                self.record.status = ListingStatus::Archived { at: now };
                self.record.unreviewed_since = None;
                self.touch(now);
                Ok(self.event(ListingFact::Archived))
            }
            ListingStatus::Archived { .. } => Err(self.illegal("archive")),
        }
    }

    /// A moderator finds nothing wrong: it becomes public, or stays so.
    pub fn approve(&mut self, now: DateTime<Utc>) -> Result<ListingEvent, CatalogError> {
        match self.record.status {
            ListingStatus::PendingReview { .. } => {
                self.touch(now);
                Ok(self.go_public(now))
            }
            ListingStatus::Published | ListingStatus::Paused
                if self.record.unreviewed_since.is_some() =>
            {
                self.record.unreviewed_since = None;
                self.record.approved_price = self.record.content.price;
                self.touch(now);
                Ok(self.event(ListingFact::Reviewed))
            }
            ListingStatus::Draft
            | ListingStatus::Published
            | ListingStatus::Paused
            | ListingStatus::Rejected { .. }
            | ListingStatus::Archived { .. } => Err(self.illegal("approve")),
        }
    }

    /// A moderator refuses it, or takes it down.
    pub fn reject(
        &mut self,
        reason: Reason,
        now: DateTime<Utc>,
    ) -> Result<ListingEvent, CatalogError> {
        match self.record.status {
            ListingStatus::PendingReview { .. }
            | ListingStatus::Published
            | ListingStatus::Paused => {
                self.record.status = ListingStatus::Rejected { at: now, reason };
                self.record.unreviewed_since = None;
                self.touch(now);
                Ok(self.event(ListingFact::Rejected))
            }
            ListingStatus::Draft
            | ListingStatus::Rejected { .. }
            | ListingStatus::Archived { .. } => Err(self.illegal("reject")),
        }
    }

    /// Something that happened to it.
    pub fn event(&self, fact: ListingFact) -> ListingEvent {
        ListingEvent {
            listing: self.id(),
            provider: self.record.provider,
            listing_type: self.record.listing_type.clone(),
            fact,
        }
    }

    fn touch(&mut self, now: DateTime<Utc>) {
        self.record.version += 1;
        self.record.updated_at = now;
    }

    /// The commands that its provider or a moderator could give now.
    const fn allowed(&self) -> &'static [&'static str] {
        match self.record.status {
            ListingStatus::Draft => &["edit", "publish", "archive"],
            ListingStatus::PendingReview { .. } => &["withdraw", "archive", "approve", "reject"],
            ListingStatus::Published => &["edit", "pause", "archive", "reject"],
            ListingStatus::Paused => &["edit", "resume", "archive", "reject"],
            ListingStatus::Rejected { .. } => &["edit", "withdraw", "archive"],
            ListingStatus::Archived { .. } => &[],
        }
    }

    fn illegal(&self, command: &'static str) -> CatalogError {
        CatalogError::IllegalTransition {
            object: format!("listing {}", self.id()),
            from: self.record.status.name(),
            command,
            allowed: self.allowed(),
        }
    }
}

fn check_publishable(content: &Content, listing_type: &ListingType) -> Result<(), CatalogError> {
    let mut errors = FieldErrors::new();
    content.check(listing_type, &mut errors);
    errors.into_result().map_err(CatalogError::Incomplete)
}

fn slug_of(title: &str, listing_type: &ListingType) -> Slug {
    let slug = shortened(&slug::slugify(title), 70);
    // A title without a letter that ASCII knows.
    let slug = if slug.is_empty() { listing_type.key().as_str().replace('_', "-") } else { slug };
    Slug::from_stored(slug)
}

/// The beginning of a slug, without a hyphen at its end.
pub(crate) fn shortened(slug: &str, most: usize) -> String {
    slug.chars().take(most).collect::<String>().trim_matches('-').to_owned()
}

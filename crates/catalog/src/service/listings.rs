use std::sync::Arc;

use access::{Action, Actor, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{
    ChangeRequestId, Clock, FieldErrors, Idempotency, Ids, Limit, ListingId, MediaId, Money, Once,
    Page, ProviderId,
};

use super::{both, load, media_of, store_edit, type_of, withdraw_pending, without_media};
use crate::content::{Content, ContentPatch};
use crate::lifecycle::Cause;
use crate::media::{
    Alt, LocalFile, MediaIntake, MediaItem, MediaOwner, MediaRef, MediaSet, NewMedia,
};
use crate::port::{
    CatalogStore, CatalogTx, ListedListing, ListingDetail, ListingName, Newest, ProviderListings,
};
use crate::price::{PUBLIC_PRICE_HISTORY, REFERENCE_PERIOD, lowest_30d};
use crate::{
    CatalogError, Change, ChangeRequest, ChangeRequestStatus, ChangeSet, Key, Listing,
    ListingEvent, ListingFact, ListingStatus, ListingType, MediaEdit, PriceChange, Taxonomy,
};

/// The files of a request, in their order.
#[derive(Debug, Default)]
pub struct Uploads {
    /// On the local disk, not checked.
    pub files: Vec<LocalFile>,
    /// What they show, in the order of the files; may be shorter.
    pub descriptions: Vec<Option<Alt>>,
}

/// A listing that a provider wants to make.
#[derive(Debug, Default)]
pub struct NewListing {
    /// The key of its type.
    pub listing_type: String,
    /// What it shall say.
    pub content: ContentPatch,
    /// Its pictures and documents.
    pub uploads: Uploads,
    /// Their order, if not as they come.
    pub order: Option<Vec<MediaRef>>,
}

/// A change that a provider wants to make.
#[derive(Debug, Default)]
pub struct ListingEdit {
    /// What it shall say.
    pub content: ContentPatch,
    /// New pictures and documents.
    pub uploads: Uploads,
    /// The items that shall go.
    pub remove: Vec<MediaId>,
    /// The order of all that stay or come.
    pub order: Option<Vec<MediaRef>>,
}

/// A listing as a command left it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredListing {
    /// The listing.
    pub listing: Listing,
    /// Its pictures and documents, in their order.
    pub media: Vec<MediaItem>,
    /// The change that waits for a moderator.
    pub pending: Option<ChangeRequest>,
}

/// What a removal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Something refers to it: it was archived.
    Archived,
    /// Nothing did: it is gone, with its media.
    Deleted,
}

/// What everyone may know of the price of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceHistory {
    /// The price now.
    pub current: Option<Money>,
    /// The lowest price of the 30 days before the last reduction, else before now.
    pub lowest_30d: Option<Money>,
    /// The changes of the last 90 days, newest first.
    pub changes: Vec<PriceChange>,
}

/// Listings, for their providers and for everyone.
#[derive(Debug, Clone)]
pub struct ListingService {
    store: Arc<dyn CatalogStore>,
    intake: MediaIntake,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl ListingService {
    /// The service over these parts.
    pub const fn new(
        store: Arc<dyn CatalogStore>,
        intake: MediaIntake,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { store, intake, clock, ids }
    }

    /// Writes a new listing down, as a draft, with its media.
    pub async fn create(
        &self,
        actor: &Actor,
        command: NewListing,
        once: Option<Idempotency<'_, StoredListing>>,
    ) -> Result<Once<StoredListing>, CatalogError> {
        let NewListing { listing_type: key, content, uploads, order } = command;
        let provider = own_provider(actor, Action::ListingCreate)?;
        let taxonomy = self.store.taxonomy().await?;
        let listing_type = taxonomy.listing_type(&key).ok_or_else(|| {
            let detail = format!("must be one of {}", crate::taxonomy::keys(&taxonomy));
            CatalogError::field("/listing_type", "unknown_listing_type", &detail)
        })?;
        let media = MediaSet::new(listing_type.media().clone());
        let can_be = media.preview(&[], uploads.files.len(), order.as_deref());
        both(checked(&taxonomy, &content, Content::draft(listing_type, &content)), can_be)?;
        let files = self.receive(listing_type, provider.into(), 0, uploads).await?;

        let cause = self.cause(actor);
        let mut tx = self.store.begin_catalog().await?;
        if let Some(once) = &once
            && let Some(answer) = once.replay(&mut *tx).await?
        {
            return Ok(Once::Replayed(answer));
        }
        let stored = self
            .insert(&mut *tx, provider, listing_type.key(), &content, (files, order), cause)
            .await?;
        if let Some(once) = &once {
            once.remember(&mut *tx, &stored).await?;
        }
        tx.commit().await?;
        Ok(Once::Done(stored))
    }

    async fn insert(
        &self,
        tx: &mut dyn CatalogTx,
        provider: ProviderId,
        key: &Key,
        content: &ContentPatch,
        (files, order): (Vec<NewMedia>, Option<Vec<MediaRef>>),
        cause: Cause,
    ) -> Result<StoredListing, CatalogError> {
        let listing_type = tx
            .listing_type_for_share(key)
            .await?
            .ok_or_else(|| CatalogError::ListingTypeNotFound { key: key.to_string() })?;
        let owner = tx.provider_for_share(provider).await?.ok_or(CatalogError::NotAProvider)?;
        owner.expect_active()?;

        let content = Content::draft(&listing_type, content)?;
        let id = ListingId::next(&*self.ids);
        let (mut listing, edit) = Listing::draft(id, provider, &listing_type, content, cause);
        let mut media = MediaSet::new(listing_type.media().clone());
        let change = media.change(&[], files, order.as_deref())?;
        listing.set_cover(media.cover().map(|item| item.id));
        match tx.insert_listing(&listing).await {
            Err(CatalogError::SlugTaken) => {
                listing.distinguish_slug();
                tx.insert_listing(&listing).await?;
            }
            done => done?,
        }
        tx.store_media_change(id.into(), &change, cause.now).await?;
        if let Some(event) = change.event(id.into()) {
            tx.publish(&event, cause.actor, cause.now).await?;
        }
        if let Some(change) = &edit.price_change {
            tx.record_price_change(change).await?;
        }
        for event in &edit.events {
            tx.publish(event, cause.actor, cause.now).await?;
        }
        Ok(StoredListing { listing, media: media.items().to_vec(), pending: None })
    }

    /// Passes if the actor may change a listing; what else is wrong is not looked at.
    pub async fn may_update(&self, actor: &Actor, id: ListingId) -> Result<(), CatalogError> {
        let found = self.store.listing_detail(&ListingName::Id(id), None).await?;
        let found = found.ok_or(CatalogError::ListingNotFound { id })?;
        found.listing.authorize(actor, Action::ListingUpdate)
    }

    /// Changes a listing and its media in one step. What a moderator has to see first waits as a
    /// change request; the rest applies at once.
    pub async fn update(
        &self,
        actor: &Actor,
        id: ListingId,
        edit: ListingEdit,
        expected: Option<i32>,
    ) -> Result<StoredListing, CatalogError> {
        let ListingEdit { content, uploads, remove, order } = edit;
        let taxonomy = self.store.taxonomy().await?;
        let add = if uploads.files.is_empty() {
            Vec::new()
        } else {
            let (remove, order) = (remove.as_slice(), order.as_deref());
            self.receive_for(actor, id, &content, (uploads, remove, order), expected).await?
        };
        let media_edit = MediaEdit { remove, add, order };

        let cause = self.cause(actor);
        let mut tx = self.store.begin_catalog().await?;
        let mut listing = load(&mut *tx, actor, id, Action::ListingUpdate).await?;
        listing.expect_version(expected)?;
        expect_market(&listing)?;
        let listing_type = type_of(&mut *tx, &listing).await?;
        let media = media_of(&mut *tx, id, &listing_type).await?;
        let adding = media_edit.add.len();
        let can_be = if media_edit.is_empty() {
            Ok(())
        } else {
            media.preview(&media_edit.remove, adding, media_edit.order.as_deref())
        };
        let wanted = listing.content().patched(&listing_type, &content);
        both(checked(&taxonomy, &content, wanted), can_be)?;

        let mut outcome = listing.edit(&listing_type, &content, Some(media_edit), cause)?;
        let pending = match outcome.pending.take() {
            Some(changes) => {
                Some(self.request_change(&mut *tx, actor, &listing, changes, cause).await?)
            }
            None => tx.pending_change_for_update(id).await?,
        };
        let media = store_edit(&mut *tx, &mut listing, media, outcome, cause).await?;
        tx.commit().await?;
        Ok(StoredListing { listing, media, pending })
    }

    async fn request_change(
        &self,
        tx: &mut dyn CatalogTx,
        actor: &Actor,
        listing: &Listing,
        changes: ChangeSet,
        cause: Cause,
    ) -> Result<ChangeRequest, CatalogError> {
        let requested_by = actor.account().ok_or(CatalogError::Unauthenticated)?;
        let changes = match tx.pending_change_for_update(listing.id()).await? {
            None => changes,
            Some(mut earlier) => {
                if changes.media().is_some() {
                    tx.discard_media(earlier.changes.files()).await?;
                }
                earlier.supersede(cause.now)?;
                tx.update_change_request(&earlier).await?;
                changes.over(&earlier.changes)
            }
        };
        // After what they take the place of was given up: only one of the two counts.
        tx.keep_media(listing.id(), changes.files()).await?;
        let request = ChangeRequest {
            id: ChangeRequestId::next(&*self.ids),
            listing: listing.id(),
            provider: listing.record().provider,
            changes,
            requested_by,
            requested_at: cause.now,
            status: ChangeRequestStatus::Pending,
            version: 1,
        };
        tx.insert_change_request(&request).await?;
        let event = listing.event(ListingFact::ChangeRequested { request: request.id });
        tx.publish(&event, cause.actor, cause.now).await?;
        Ok(request)
    }

    /// Checks what can be checked before files are taken in, then takes them in.
    async fn receive_for(
        &self,
        actor: &Actor,
        id: ListingId,
        content: &ContentPatch,
        (uploads, remove, order): (Uploads, &[MediaId], Option<&[MediaRef]>),
        expected: Option<i32>,
    ) -> Result<Vec<NewMedia>, CatalogError> {
        let taxonomy = self.store.taxonomy().await?;
        let found = self.store.listing_detail(&ListingName::Id(id), None).await?;
        let ListingDetail { listing, media, .. } =
            found.ok_or(CatalogError::ListingNotFound { id })?;
        listing.authorize(actor, Action::ListingUpdate)?;
        listing.expect_version(expected)?;
        let key = &listing.record().listing_type;
        let listing_type = taxonomy
            .listing_type(key.as_str())
            .ok_or_else(|| CatalogError::ListingTypeNotFound { key: key.to_string() })?;
        let gone = media.iter().filter(|item| remove.contains(&item.id));
        let removing = gone.map(|item| item.file.bytes).sum();
        let media = MediaSet::restore(listing_type.media().clone(), media);
        let wanted = listing.content().patched(listing_type, content);
        let can_be = media.preview(remove, uploads.files.len(), order);
        both(checked(&taxonomy, content, wanted), can_be)?;
        self.receive(listing_type, id.into(), removing, uploads).await
    }

    async fn receive(
        &self,
        listing_type: &ListingType,
        owner: MediaOwner,
        removing: u64,
        uploads: Uploads,
    ) -> Result<Vec<NewMedia>, CatalogError> {
        let limits = listing_type.media();
        let mut files = self.intake.receive(limits, owner, removing, uploads.files).await?;
        MediaIntake::describe(&mut files, uploads.descriptions);
        Ok(files)
    }

    /// Offers a draft to the public, or to the moderators first.
    pub async fn publish(
        &self,
        actor: &Actor,
        id: ListingId,
        expected: Option<i32>,
    ) -> Result<StoredListing, CatalogError> {
        self.command(actor, id, expected, |listing, listing_type, media, now| {
            expect_market(listing)?;
            check_media(media)?;
            listing.publish(listing_type, now)
        })
        .await
    }

    /// Takes a listing back from the moderators, or takes up a refused one.
    pub async fn withdraw(
        &self,
        actor: &Actor,
        id: ListingId,
        expected: Option<i32>,
    ) -> Result<StoredListing, CatalogError> {
        self.command(actor, id, expected, |listing, _, _, now| listing.withdraw(now)).await
    }

    /// Takes a listing off the market for a while.
    pub async fn pause(
        &self,
        actor: &Actor,
        id: ListingId,
        expected: Option<i32>,
    ) -> Result<StoredListing, CatalogError> {
        self.command(actor, id, expected, |listing, _, _, now| listing.pause(now)).await
    }

    /// Brings a paused listing back.
    pub async fn resume(
        &self,
        actor: &Actor,
        id: ListingId,
        expected: Option<i32>,
    ) -> Result<StoredListing, CatalogError> {
        self.command(actor, id, expected, |listing, listing_type, media, now| {
            expect_market(listing)?;
            check_media(media)?;
            listing.resume(listing_type, now)
        })
        .await
    }

    /// Takes a listing away for good.
    pub async fn archive(
        &self,
        actor: &Actor,
        id: ListingId,
        expected: Option<i32>,
    ) -> Result<StoredListing, CatalogError> {
        self.command(actor, id, expected, |listing, _, _, now| listing.archive(now)).await
    }

    async fn command(
        &self,
        actor: &Actor,
        id: ListingId,
        expected: Option<i32>,
        act: impl FnOnce(
            &mut Listing,
            &ListingType,
            &MediaSet,
            DateTime<Utc>,
        ) -> Result<ListingEvent, CatalogError>
        + Send,
    ) -> Result<StoredListing, CatalogError> {
        let cause = self.cause(actor);
        let mut tx = self.store.begin_catalog().await?;
        let mut listing = load(&mut *tx, actor, id, Action::ListingPublish).await?;
        listing.expect_version(expected)?;
        let listing_type = type_of(&mut *tx, &listing).await?;
        let media = media_of(&mut *tx, id, &listing_type).await?;
        let event = act(&mut listing, &listing_type, &media, cause.now)?;
        if matches!(listing.status(), ListingStatus::Archived { .. }) {
            withdraw_pending(&mut *tx, &listing, cause).await?;
        }
        tx.update_listing(&listing).await?;
        tx.publish(&event, cause.actor, cause.now).await?;
        let pending = tx.pending_change_for_update(id).await?;
        tx.commit().await?;
        Ok(StoredListing { listing, media: media.items().to_vec(), pending })
    }

    /// Gives up the change that waits for a moderator.
    pub async fn withdraw_change(&self, actor: &Actor, id: ListingId) -> Result<(), CatalogError> {
        let cause = self.cause(actor);
        let mut tx = self.store.begin_catalog().await?;
        let listing = load(&mut *tx, actor, id, Action::ListingUpdate).await?;
        if !withdraw_pending(&mut *tx, &listing, cause).await? {
            return Err(CatalogError::NothingPending { id });
        }
        tx.commit().await?;
        Ok(())
    }

    /// Removes a listing with its media, or archives it if anything refers to it.
    pub async fn delete(
        &self,
        actor: &Actor,
        id: ListingId,
        expected: Option<i32>,
    ) -> Result<Removal, CatalogError> {
        let cause = self.cause(actor);
        let mut tx = self.store.begin_catalog().await?;
        let mut listing = load(&mut *tx, actor, id, Action::ListingPublish).await?;
        listing.expect_version(expected)?;
        withdraw_pending(&mut *tx, &listing, cause).await?;
        let removal = if tx.listing_is_referred_to(id).await? {
            if !matches!(listing.status(), ListingStatus::Archived { .. }) {
                let event = listing.archive(cause.now)?;
                tx.update_listing(&listing).await?;
                tx.publish(&event, cause.actor, cause.now).await?;
            }
            Removal::Archived
        } else {
            let items = tx.media_of(id.into()).await?;
            if !items.is_empty() {
                tx.store_media_change(id.into(), &without_media(items), cause.now).await?;
            }
            tx.delete_listing(id).await?;
            let event = listing.event(ListingFact::Deleted);
            tx.publish(&event, cause.actor, cause.now).await?;
            Removal::Deleted
        };
        tx.commit().await?;
        Ok(removal)
    }

    /// Everything that the page of a listing shows.
    pub async fn listing(
        &self,
        actor: &Actor,
        name: &ListingName,
    ) -> Result<ListingDetail, CatalogError> {
        let missing = || match name {
            ListingName::Id(id) => CatalogError::ListingNotFound { id: *id },
            ListingName::Slug { .. } => CatalogError::NoListingOfThatName,
        };
        let detail = self.store.listing_detail(name, actor.account()).await?.ok_or_else(missing)?;
        if detail.listing.is_visible_to(actor) { Ok(detail) } else { Err(missing()) }
    }

    /// The change of a listing that waits for a moderator, for its provider and for moderators.
    pub async fn pending_change(
        &self,
        actor: &Actor,
        listing: &Listing,
    ) -> Result<Option<ChangeRequest>, CatalogError> {
        match listing.authorize(actor, Action::ListingReadUnpublished) {
            Ok(()) => Ok(self.store.pending_change(listing.id()).await?),
            Err(_) => Ok(None),
        }
    }

    /// The caller's own listings, in any state.
    pub async fn own_listings(
        &self,
        actor: &Actor,
        statuses: Vec<&'static str>,
        limit: Limit,
        after: Option<Newest<ListingId>>,
    ) -> Result<Page<ListedListing, Newest<ListingId>>, CatalogError> {
        let provider = own_provider(actor, Action::ListingCreate)?;
        let wanted = ProviderListings { provider, statuses, limit, after };
        Ok(self.store.listings_of_provider(&wanted, actor.account()).await?)
    }

    /// The public listings of a provider.
    pub async fn listings_of_provider(
        &self,
        actor: &Actor,
        provider: ProviderId,
        limit: Limit,
        after: Option<Newest<ListingId>>,
    ) -> Result<Page<ListedListing, Newest<ListingId>>, CatalogError> {
        let missing = CatalogError::ProviderNotFound { id: provider };
        let found = self.store.provider(provider).await?.ok_or(missing)?;
        if !found.is_visible_to(actor) {
            return Err(CatalogError::ProviderNotFound { id: provider });
        }
        let statuses = vec![ListingStatus::Published.name()];
        let wanted = ProviderListings { provider, statuses, limit, after };
        Ok(self.store.listings_of_provider(&wanted, actor.account()).await?)
    }

    /// What everyone may know of the price of a listing.
    pub async fn price_history(
        &self,
        actor: &Actor,
        id: ListingId,
    ) -> Result<PriceHistory, CatalogError> {
        let detail = self.listing(actor, &ListingName::Id(id)).await?;
        let now = self.clock.now();
        let current = detail.listing.content().price;
        let since = now - PUBLIC_PRICE_HISTORY - REFERENCE_PERIOD;
        let mut changes = self.store.price_changes(id, since).await?;
        let lowest_30d = lowest_30d(current, &changes, now);
        changes.retain(|change| change.at >= now - PUBLIC_PRICE_HISTORY);
        Ok(PriceHistory { current, lowest_30d, changes })
    }

    fn cause(&self, actor: &Actor) -> Cause {
        Cause { actor: actor.account(), now: self.clock.now() }
    }
}

/// The provider profile of the actor.
fn own_provider(actor: &Actor, action: Action) -> Result<ProviderId, CatalogError> {
    decide(actor, action, Relation::Stranger, true)
        .map_err(|denial| CatalogError::denied(denial, CatalogError::Forbidden { action }))?;
    actor.provider().ok_or(CatalogError::NotAProvider)
}

/// Passes if the provider of a listing is on the market.
fn expect_market(listing: &Listing) -> Result<(), CatalogError> {
    if listing.record().provider_active {
        Ok(())
    } else {
        Err(CatalogError::ProviderSuspended { reason: "ask the moderators".to_owned() })
    }
}

/// Passes if a listing has as many items as its type wants.
fn check_media(media: &MediaSet) -> Result<(), CatalogError> {
    Ok(media.preview(&[], 0, None)?)
}

/// What was found, and whether the category exists.
fn checked<T>(
    taxonomy: &Taxonomy,
    patch: &ContentPatch,
    content: Result<T, FieldErrors>,
) -> Result<T, FieldErrors> {
    let unknown = match &patch.category {
        Change::Set(given) => {
            given.parse().is_ok_and(|category| taxonomy.category(category).is_none())
        }
        Change::Keep | Change::Clear => false,
    };
    if !unknown {
        return content;
    }
    let mut errors = content.err().unwrap_or_default();
    errors.add("/category_id", "unknown_category", "does not exist");
    Err(errors)
}

//! The use cases. Each begins, loads for update and authorises, lets the aggregate decide, stores,
//! publishes and commits.

mod listings;
mod moderation;
mod providers;
mod taxonomy;

use access::{Action, Actor, Relation, decide};
use kernel::{FieldErrors, ListingId};

use crate::lifecycle::{Cause, Edit};
use crate::media::{MediaChange, MediaError, MediaItem, MediaSet};
use crate::port::CatalogTx;
use crate::{CatalogError, Listing, ListingFact, ListingType};

pub use listings::{
    ListingEdit, ListingService, NewListing, PriceHistory, Removal, StoredListing, Uploads,
};
pub use moderation::{Decision, ModerationService, ReviewTarget};
pub use providers::ProviderService;
pub use taxonomy::{CategorySeed, TaxonomyService};

/// Passes if the actor may do this whatever the object is, as moderators and admins may.
fn permit(actor: &Actor, action: Action) -> Result<(), CatalogError> {
    decide(actor, action, Relation::Stranger, true)
        .map_err(|denial| CatalogError::denied(denial, CatalogError::Forbidden { action }))
}

/// Loads a listing to change it, and authorises the actor.
async fn load(
    tx: &mut dyn CatalogTx,
    actor: &Actor,
    id: ListingId,
    action: Action,
) -> Result<Listing, CatalogError> {
    let listing = tx.listing_for_update(id).await?.ok_or(CatalogError::ListingNotFound { id })?;
    listing.authorize(actor, action)?;
    Ok(listing)
}

/// The type of a listing, unchanged until the transaction ends.
async fn type_of(tx: &mut dyn CatalogTx, listing: &Listing) -> Result<ListingType, CatalogError> {
    let key = &listing.record().listing_type;
    tx.listing_type_for_share(key)
        .await?
        .ok_or_else(|| CatalogError::ListingTypeNotFound { key: key.to_string() })
}

/// The media of a listing.
async fn media_of(
    tx: &mut dyn CatalogTx,
    listing: ListingId,
    listing_type: &ListingType,
) -> Result<MediaSet, CatalogError> {
    Ok(MediaSet::restore(listing_type.media().clone(), tx.media_of(listing.into()).await?))
}

/// Stores what an edit came to: media, listing, price history and events.
async fn store_edit(
    tx: &mut dyn CatalogTx,
    listing: &mut Listing,
    mut media: MediaSet,
    edit: Edit,
    cause: Cause,
) -> Result<Vec<MediaItem>, CatalogError> {
    let mut media_event = None;
    if let Some(wanted) = edit.media {
        let change = media.change(&wanted.remove, wanted.add, wanted.order.as_deref())?;
        tx.store_media_change(listing.id().into(), &change, cause.now).await?;
        media_event = change.event(listing.id().into());
        listing.set_cover(media.cover().map(|item| item.id));
    }
    if !edit.events.is_empty() {
        tx.update_listing(listing).await?;
    }
    if let Some(change) = &edit.price_change {
        tx.record_price_change(change).await?;
    }
    for event in &edit.events {
        tx.publish(event, cause.actor, cause.now).await?;
    }
    if let Some(event) = media_event {
        tx.publish(&event, cause.actor, cause.now).await?;
    }
    Ok(media.items().to_vec())
}

/// Gives up the change of a listing that waits, if there is one.
async fn withdraw_pending(
    tx: &mut dyn CatalogTx,
    listing: &Listing,
    cause: Cause,
) -> Result<bool, CatalogError> {
    let Some(mut request) = tx.pending_change_for_update(listing.id()).await? else {
        return Ok(false);
    };
    request.withdraw(cause.now)?;
    tx.discard_media(request.changes.files()).await?;
    tx.update_change_request(&request).await?;
    let event = listing.event(ListingFact::ChangeWithdrawn { request: request.id });
    tx.publish(&event, cause.actor, cause.now).await?;
    Ok(true)
}

/// Takes all media away: only where the listing goes with them.
fn without_media(items: Vec<MediaItem>) -> MediaChange {
    MediaChange { added: Vec::new(), removed: items, order: Vec::new() }
}

/// All that two checks found, or what the first one made.
fn both<T>(
    content: Result<T, FieldErrors>,
    media: Result<(), MediaError>,
) -> Result<T, CatalogError> {
    match (content, media) {
        (Ok(content), Ok(())) => Ok(content),
        (Err(mut errors), Err(MediaError::Set(more))) => {
            errors.0.extend(more.0);
            Err(errors.into())
        }
        (Ok(_), Err(MediaError::Set(errors))) | (Err(errors), _) => Err(errors.into()),
        (Ok(_), Err(error)) => Err(error.into()),
    }
}

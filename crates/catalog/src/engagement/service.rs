use std::sync::Arc;

use access::{Action, Actor, Denial, Relation, decide};
use chrono::{NaiveDate, TimeDelta};
use kernel::{AccountId, Clock, EventMessage, Limit, ListingId, Page, ProviderId, StorageError};
use serde::Deserialize;

use super::buffer::SightingBuffer;
use super::figures::{Interval, Span, Statistics};
use super::port::{
    BookingStep, CountedBooking, EngagementStore, Favorite, FavoritePosition, FavoriteState, Kept,
};
use super::sighting::{Sight, Sighting, Viewer};
use crate::CatalogError;
use crate::search::{ListingCard, ProviderCard};

/// A client sent a request.
const REQUESTED: &str = "booking.submitted.v1";
/// The two sides of a request agreed.
const ACCEPTED: &str = "booking.accepted.v1";

/// For how long it is remembered who saw what: longer than an hour lasts on any clock.
const MEMORY: TimeDelta = TimeDelta::days(2);

/// Favourites, views and figures.
#[derive(Debug, Clone)]
pub struct EngagementService {
    store: Arc<dyn EngagementStore>,
    clock: Arc<dyn Clock>,
    sightings: Arc<SightingBuffer>,
}

impl EngagementService {
    /// The name of the handler of events.
    pub const HANDLER: &'static str = "engagement.on_event";
    /// The events that it handles.
    pub const EVENTS: &'static [&'static str] = &[REQUESTED, ACCEPTED];

    /// A service over its ports, with nothing waiting to be counted.
    pub fn new(store: Arc<dyn EngagementStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, sightings: Arc::default() }
    }

    /// Keeps something as a favourite, if it is none yet.
    pub async fn keep(
        &self,
        actor: &Actor,
        favorite: Favorite,
    ) -> Result<FavoriteState, CatalogError> {
        let account = keeper(actor)?;
        let state = self.store.keep(account, favorite, self.clock.now()).await?;
        state.ok_or_else(|| not_found(favorite))
    }

    /// Keeps something as a favourite no longer, if it is one.
    pub async fn let_go(
        &self,
        actor: &Actor,
        favorite: Favorite,
    ) -> Result<FavoriteState, CatalogError> {
        let account = keeper(actor)?;
        let state = self.store.let_go(account, favorite).await?;
        state.ok_or_else(|| not_found(favorite))
    }

    /// Whether the caller keeps it as a favourite; nobody who is not signed in does.
    pub async fn is_favorite(
        &self,
        actor: &Actor,
        favorite: Favorite,
    ) -> Result<bool, CatalogError> {
        match actor.account() {
            Some(account) => Ok(self.store.keeps(account, favorite).await?),
            None => Ok(false),
        }
    }

    /// The caller's favourite listings, the latest first.
    pub async fn favorite_listings(
        &self,
        actor: &Actor,
        limit: Limit,
        after: Option<FavoritePosition<ListingId>>,
    ) -> Result<Page<Kept<ListingCard>, FavoritePosition<ListingId>>, CatalogError> {
        Ok(self.store.favorite_listings(keeper(actor)?, limit, after).await?)
    }

    /// The caller's favourite providers, the latest first.
    pub async fn favorite_providers(
        &self,
        actor: &Actor,
        limit: Limit,
        after: Option<FavoritePosition<ProviderId>>,
    ) -> Result<Page<Kept<ProviderCard>, FavoritePosition<ProviderId>>, CatalogError> {
        Ok(self.store.favorite_providers(keeper(actor)?, limit, after).await?)
    }

    /// Notes that somebody looked at the page of a listing. A provider who looks at its own does
    /// not count.
    pub fn listing_seen(
        &self,
        actor: &Actor,
        listing: ListingId,
        provider: ProviderId,
        viewer: Viewer,
    ) {
        if actor.provider() != Some(provider) {
            self.note(Sight::Listing(listing), viewer);
        }
    }

    /// Notes that somebody looked at the profile of a provider, perhaps coming from a listing.
    pub fn profile_seen(
        &self,
        actor: &Actor,
        provider: ProviderId,
        from: Option<ListingId>,
        viewer: Viewer,
    ) {
        if actor.provider() == Some(provider) {
            return;
        }
        self.note(Sight::Profile(provider), viewer);
        if let Some(listing) = from {
            self.note(Sight::ProfileFrom { listing, provider }, viewer);
        }
    }

    fn note(&self, sight: Sight, viewer: Viewer) {
        self.sightings.note(Sighting::new(sight, viewer, self.clock.now()));
    }

    /// Counts what was seen since the last time. Called every second or two, and once more before
    /// the server stops. What could not be counted waits for the next time.
    pub async fn count_sightings(&self) -> Result<usize, StorageError> {
        let sightings = self.sightings.take();
        let count = sightings.len();
        if count == 0 {
            return Ok(0);
        }
        let counted = self.store.count_sightings(sightings.clone()).await;
        if counted.is_err() {
            self.sightings.put_back(sightings);
        }
        counted.map(|()| count)
    }

    /// Forgets who saw what, once it cannot be counted again.
    pub async fn forget_sightings(&self) -> Result<u64, StorageError> {
        self.store.forget_sightings(self.clock.now() - MEMORY).await
    }

    /// The figures of the caller's own provider profile.
    pub async fn statistics(
        &self,
        actor: &Actor,
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
        interval: Interval,
    ) -> Result<Statistics, CatalogError> {
        authorised(actor, Action::ProviderStatsRead, Relation::Owner)?;
        let provider = actor.provider().ok_or(CatalogError::NotAProvider)?;
        let today = self.clock.now().date_naive();
        let span = Span::new(from, to, today).map_err(CatalogError::Invalid)?;
        let stored = self.store.daily_figures(provider, span).await?;
        Ok(Statistics::new(provider, span, interval, stored))
    }

    /// Counts requests and their acceptance.
    pub async fn on_event(&self, event: &EventMessage) -> Result<(), CatalogError> {
        let step = match event.name.as_str() {
            REQUESTED => BookingStep::Requested,
            ACCEPTED => BookingStep::Accepted,
            _ => return Ok(()),
        };
        let of = About::deserialize(&event.payload)
            .map_err(|error| StorageError::corrupt("read an event", error))?;
        let mut tx = self.store.begin_engagement().await?;
        if !tx.first_time(Self::HANDLER, event.id).await? {
            return Ok(());
        }
        let counted = CountedBooking {
            listing: of.listing_id,
            provider: of.provider_id,
            step,
            day: event.at.date_naive(),
        };
        tx.count_booking(&counted).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// What the events of a booking say that figures need.
#[derive(Debug, Deserialize)]
struct About {
    listing_id: ListingId,
    provider_id: ProviderId,
}

fn keeper(actor: &Actor) -> Result<AccountId, CatalogError> {
    authorised(actor, Action::FavoriteManage, Relation::Stranger)?;
    actor.account().ok_or(CatalogError::Unauthenticated)
}

fn authorised(actor: &Actor, action: Action, relation: Relation) -> Result<(), CatalogError> {
    decide(actor, action, relation, true).map_err(|denial| match denial {
        Denial::SignIn => CatalogError::Unauthenticated,
        Denial::Forbidden(action) => CatalogError::Forbidden { action },
        Denial::Hidden => CatalogError::Forbidden { action },
    })
}

fn not_found(favorite: Favorite) -> CatalogError {
    match favorite {
        Favorite::Listing(id) => CatalogError::ListingNotFound { id },
        Favorite::Provider(id) => CatalogError::ProviderNotFound { id },
    }
}

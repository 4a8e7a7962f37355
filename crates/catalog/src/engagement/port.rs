use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};
use kernel::{AccountId, Inbox, Limit, ListingId, Page, ProviderId, StorageError, UnitOfWork};
use serde::{Deserialize, Serialize};

use super::figures::{DailyFigures, Span};
use super::sighting::Sighting;
use crate::search::{ListingCard, ProviderCard};

/// Something that an account keeps as a favourite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Favorite {
    /// A listing.
    Listing(ListingId),
    /// A provider.
    Provider(ProviderId),
}

/// How something stands as a favourite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FavoriteState {
    /// Whether the account keeps it.
    pub is_favorite: bool,
    /// How many accounts do.
    pub favorites: i32,
}

/// A favourite with the time since when it is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept<T> {
    /// What is kept.
    pub item: T,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Where a page of favourites ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FavoritePosition<I> {
    /// Since when the last one is kept.
    pub since: DateTime<Utc>,
    /// The last one.
    pub id: I,
}

/// A request to a provider, or its acceptance, as far as figures are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedBooking {
    /// What it is about.
    pub listing: ListingId,
    /// To whom.
    pub provider: ProviderId,
    /// What happened.
    pub step: BookingStep,
    /// The day in UTC.
    pub day: NaiveDate,
}

/// What happened to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookingStep {
    /// A client sent it.
    Requested,
    /// The two sides agreed.
    Accepted,
}

/// Figures that follow events.
#[async_trait]
pub trait FiguresRepository: Send {
    /// Adds a request, or its acceptance, to the figures of its day.
    async fn count_booking(&mut self, counted: &CountedBooking) -> Result<(), StorageError>;
}

/// What a handler of events may touch atomically.
pub trait EngagementTx: FiguresRepository + Inbox + UnitOfWork {}

impl<T: FiguresRepository + Inbox + UnitOfWork> EngagementTx for T {}

/// Favourites, sightings and figures. Each write is atomic in itself.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait EngagementStore: Debug + Send + Sync {
    /// Opens a transaction.
    async fn begin_engagement(&self) -> Result<Box<dyn EngagementTx>, StorageError>;

    /// Keeps something public as a favourite; nothing changes if it is one. `None` if nothing
    /// public has this id.
    async fn keep(
        &self,
        account: AccountId,
        favorite: Favorite,
        now: DateTime<Utc>,
    ) -> Result<Option<FavoriteState>, StorageError>;

    /// Keeps something no longer; nothing changes if it is no favourite. `None` if nothing public
    /// has this id and it was no favourite.
    async fn let_go(
        &self,
        account: AccountId,
        favorite: Favorite,
    ) -> Result<Option<FavoriteState>, StorageError>;

    /// Whether an account keeps it.
    async fn keeps(&self, account: AccountId, favorite: Favorite) -> Result<bool, StorageError>;

    /// The favourite listings of an account that are public, the latest first.
    async fn favorite_listings(
        &self,
        account: AccountId,
        limit: Limit,
        after: Option<FavoritePosition<ListingId>>,
    ) -> Result<Page<Kept<ListingCard>, FavoritePosition<ListingId>>, StorageError>;

    /// The favourite providers of an account that are active, the latest first.
    async fn favorite_providers(
        &self,
        account: AccountId,
        limit: Limit,
        after: Option<FavoritePosition<ProviderId>>,
    ) -> Result<Page<Kept<ProviderCard>, FavoritePosition<ProviderId>>, StorageError>;

    /// Counts those of the sightings that were never counted, all or none of them, whatever was
    /// counted at the same time or in vain before. What is not public does not count.
    async fn count_sightings(&self, sightings: Vec<Sighting>) -> Result<(), StorageError>;

    /// Forgets who saw what before an hour; the figures stay.
    async fn forget_sightings(&self, before: DateTime<Utc>) -> Result<u64, StorageError>;

    /// What happened around a provider.
    async fn daily_figures(
        &self,
        provider: ProviderId,
        span: Span,
    ) -> Result<DailyFigures, StorageError>;
}

//! What needs no transaction: pages, lists, queues.

use std::sync::Arc;

use async_trait::async_trait;
use catalog::media::{MediaItem, MediaKind};
use catalog::{
    CatalogStore, CatalogTx, ChangeRequest, ListedListing, Listing, ListingDetail, ListingName,
    Newest, PriceChange, PriceReason, Provider, ProviderFilter, ProviderListings, QueuePosition,
    ReviewItem, ReviewQueue, Taxonomy,
};
use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{AccountId, ChangeRequestId, ListingId, Page, ProviderId, StorageError, Total};
use uuid::Uuid;

use super::change_requests::ChangeRequestRow;
use super::media::media_of_listings;
use super::rows::{
    MarkedRow, PromotedRow, ProviderRow, corrupt, marked_provider, money, promoted_listing,
    provider_of, providers_of,
};
use crate::PgStore;
use crate::failure::storage;
use crate::promotions::in_force::in_force;
use crate::schema::catalog::{change_requests, listings, price_history, providers};
use crate::schema::discovery::listing_favorites;
use crate::statement::Statement;

diesel::define_sql_function! {
    /// The first of the two that is not null.
    fn coalesce(first: Nullable<Timestamptz>, second: Nullable<Timestamptz>) -> Nullable<Timestamptz>;
}

/// Rows of the price history that are read at most.
const MOST_PRICES: i64 = 500;

/// Whether the viewer keeps a listing; nobody keeps anything as a visitor.
macro_rules! kept_by {
    ($viewer:expr) => {
        exists(
            listing_favorites::table.filter(listing_favorites::listing_id.eq(listings::id)).filter(
                listing_favorites::account_id.eq($viewer.map_or(Uuid::nil(), AccountId::as_uuid)),
            ),
        )
    };
}

fn cover(media: Vec<MediaItem>) -> Option<MediaItem> {
    media.into_iter().find(|item| item.file.format.kind() == MediaKind::Picture)
}

#[async_trait]
impl CatalogStore for PgStore {
    async fn begin_catalog(&self) -> Result<Box<dyn CatalogTx>, StorageError> {
        Ok(Box::new(self.open().await?))
    }

    async fn taxonomy(&self) -> Result<Arc<Taxonomy>, StorageError> {
        self.cached_taxonomy().await
    }

    fn taxonomy_changed(&self) {
        self.taxonomy_cache().forget();
    }

    async fn listing_detail(
        &self,
        name: &ListingName,
        viewer: Option<AccountId>,
    ) -> Result<Option<ListingDetail>, StorageError> {
        let conn = &mut *self.conn().await?;
        let now = self.now();
        let marked = in_force!("pro", "providers.id", now);
        let provider = ProviderRow::as_select();
        let select = (kept_by!(viewer), marked, provider, promoted_listing!(now));
        let found: Option<(bool, bool, ProviderRow, PromotedRow)> = match name {
            ListingName::Id(id) => {
                listings::table
                    .inner_join(providers::table)
                    .filter(listings::id.eq(id.as_uuid()))
                    .select(select)
                    .first(conn)
                    .await
            }
            ListingName::Slug { listing_type, slug } => {
                listings::table
                    .inner_join(providers::table)
                    .filter(listings::listing_type.eq(listing_type))
                    .filter(listings::slug.eq(slug))
                    .select(select)
                    .first(conn)
                    .await
            }
        }
        .optional()
        .map_err(storage("load a listing"))?;
        let Some((is_favorite, is_pro, provider, listing)) = found else { return Ok(None) };
        let id = listing.listing.id;
        let media = media_of_listings(conn, &[id]).await?.remove(&id).unwrap_or_default();
        let provider = provider_of(conn, Some(MarkedRow { provider, is_pro })).await?;
        let provider = provider.ok_or_else(|| corrupt("a listing is nobody's"))?;
        Ok(Some(ListingDetail { listing: listing.try_into()?, provider, media, is_favorite }))
    }

    async fn listings_of_provider(
        &self,
        wanted: &ProviderListings,
        viewer: Option<AccountId>,
    ) -> Result<Page<ListedListing, Newest<ListingId>>, StorageError> {
        let conn = &mut *self.conn().await?;
        let now = self.now();
        let mut query = listings::table
            .filter(listings::provider_id.eq(wanted.provider.as_uuid()))
            .order((listings::created_at.desc(), listings::id.desc()))
            .limit(wanted.limit.rows())
            .select((kept_by!(viewer), promoted_listing!(now)))
            .into_boxed();
        if !wanted.statuses.is_empty() {
            query = query.filter(listings::status.eq_any(&wanted.statuses));
        }
        if let Some(Newest { at, id }) = wanted.after {
            query = query.filter(
                listings::created_at
                    .lt(at)
                    .or(listings::created_at.eq(at).and(listings::id.lt(id.as_uuid()))),
            );
        }
        let rows: Vec<(bool, PromotedRow)> =
            query.load(conn).await.map_err(storage("load the listings of a provider"))?;
        let ids: Vec<Uuid> = rows.iter().map(|(_, row)| row.listing.id).collect();
        let mut media = media_of_listings(conn, &ids).await?;
        let listed = rows
            .into_iter()
            .map(|(is_favorite, row)| {
                let cover = media.remove(&row.listing.id).and_then(cover);
                Ok(ListedListing { listing: row.try_into()?, cover, is_favorite })
            })
            .collect::<Result<Vec<_>, StorageError>>()?;
        Ok(Page::from_rows(listed, wanted.limit, |listed| Newest {
            at: listed.listing.record().created_at,
            id: listed.listing.id(),
        }))
    }

    async fn pending_change(
        &self,
        listing: ListingId,
    ) -> Result<Option<ChangeRequest>, StorageError> {
        let row: Option<ChangeRequestRow> = change_requests::table
            .filter(change_requests::listing_id.eq(listing.as_uuid()))
            .filter(change_requests::status.eq("pending"))
            .select(ChangeRequestRow::as_select())
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load a change request"))?;
        row.map(ChangeRequest::try_from).transpose()
    }

    async fn change_request(
        &self,
        id: ChangeRequestId,
    ) -> Result<Option<ReviewItem>, StorageError> {
        let now = self.now();
        let row: Option<(ChangeRequestRow, PromotedRow)> = change_requests::table
            .inner_join(listings::table)
            .filter(change_requests::id.eq(id.as_uuid()))
            .select((ChangeRequestRow::as_select(), promoted_listing!(now)))
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load a change request"))?;
        row.map(|(change, listing)| changed_item(change, listing)).transpose()
    }

    async fn review_queue(
        &self,
        wanted: &ReviewQueue,
    ) -> Result<Page<ReviewItem, QueuePosition>, StorageError> {
        let conn = &mut *self.conn().await?;
        let now = self.now();
        let since = coalesce(listings::submitted_at, listings::unreviewed_since);
        let mut new = listings::table
            .filter(
                listings::submitted_at.is_not_null().or(listings::unreviewed_since.is_not_null()),
            )
            .order((since, listings::id))
            .limit(wanted.limit.rows())
            .select(promoted_listing!(now))
            .into_boxed();
        let mut changed = change_requests::table
            .inner_join(listings::table)
            .filter(change_requests::status.eq("pending"))
            .order((change_requests::requested_at, change_requests::id))
            .limit(wanted.limit.rows())
            .select((ChangeRequestRow::as_select(), promoted_listing!(now)))
            .into_boxed();
        if let Some(key) = &wanted.listing_type {
            new = new.filter(listings::listing_type.eq(key));
            changed = changed.filter(listings::listing_type.eq(key));
        }
        if let Some(QueuePosition { since: at, id }) = wanted.after {
            new = new.filter(since.gt(at).or(since.eq(at).and(listings::id.nullable().gt(id))));
            changed = changed.filter(
                change_requests::requested_at
                    .gt(at)
                    .or(change_requests::requested_at.eq(at).and(change_requests::id.gt(id))),
            );
        }
        let new: Vec<PromotedRow> =
            new.load(conn).await.map_err(storage("load the queue of listings"))?;
        let changed: Vec<(ChangeRequestRow, PromotedRow)> =
            changed.load(conn).await.map_err(storage("load the queue of changes"))?;
        let new = new.into_iter().map(new_item);
        let changed = changed.into_iter().map(|(change, listing)| changed_item(change, listing));
        let mut items = new.chain(changed).collect::<Result<Vec<_>, StorageError>>()?;
        items.sort_by_key(|item| (item.since, queue_id(item)));
        Ok(Page::from_rows(items, wanted.limit, |item| QueuePosition {
            since: item.since,
            id: queue_id(item),
        }))
    }

    async fn review_queue_position(
        &self,
        listing_type: Option<String>,
        skipped: u16,
    ) -> Result<Option<QueuePosition>, StorageError> {
        let mut st = Statement::<(Timestamptz, SqlUuid)>::new();
        st.sql("SELECT since, id FROM (");
        waiting(&mut st, listing_type, i64::from(skipped));
        st.sql(") waiting ORDER BY since, id OFFSET ").bind(i64::from(skipped) - 1);
        st.sql(" LIMIT 1");
        let row: Option<(DateTime<Utc>, Uuid)> = st
            .get_result(&mut self.conn().await?)
            .await
            .optional()
            .map_err(storage("find a page of the queue"))?;
        Ok(row.map(|(since, id)| QueuePosition { since, id }))
    }

    async fn count_review_queue(
        &self,
        listing_type: Option<String>,
    ) -> Result<Total, StorageError> {
        let mut st = Statement::<BigInt>::new();
        st.sql("SELECT count(*) FROM (");
        waiting(&mut st, listing_type, Total::rows());
        st.sql(") waiting");
        let rows =
            st.get_result(&mut self.conn().await?).await.map_err(storage("count the queue"))?;
        Ok(Total::of_rows(rows))
    }

    async fn price_changes(
        &self,
        listing: ListingId,
        since: DateTime<Utc>,
    ) -> Result<Vec<PriceChange>, StorageError> {
        let rows: Vec<PriceRow> = price_history::table
            .filter(price_history::listing_id.eq(listing.as_uuid()))
            .filter(price_history::changed_at.ge(since))
            .order((price_history::changed_at.desc(), price_history::id.desc()))
            .limit(MOST_PRICES)
            .select(PriceRow::as_select())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("load the price history"))?;
        rows.into_iter().map(PriceChange::try_from).collect()
    }

    async fn provider(&self, id: ProviderId) -> Result<Option<Provider>, StorageError> {
        let conn = &mut *self.conn().await?;
        let row: Option<MarkedRow> = providers::table
            .find(id.as_uuid())
            .select(marked_provider!(self.now()))
            .first(conn)
            .await
            .optional()
            .map_err(storage("load a provider"))?;
        provider_of(conn, row).await
    }

    async fn providers(
        &self,
        wanted: &ProviderFilter,
    ) -> Result<Page<Provider, Newest<ProviderId>>, StorageError> {
        let mut query = providers::table
            .order((providers::created_at.desc(), providers::id.desc()))
            .limit(wanted.limit.rows())
            .select(marked_provider!(self.now()))
            .into_boxed();
        if let Some(status) = &wanted.status {
            query = query.filter(providers::status.eq(status));
        }
        if let Some(verification) = &wanted.verification {
            query = query.filter(providers::verification.eq(verification));
        }
        if let Some(Newest { at, id }) = wanted.after {
            query = query.filter(
                providers::created_at
                    .lt(at)
                    .or(providers::created_at.eq(at).and(providers::id.lt(id.as_uuid()))),
            );
        }
        let conn = &mut *self.conn().await?;
        let rows: Vec<MarkedRow> = query.load(conn).await.map_err(storage("load providers"))?;
        let found = providers_of(conn, rows).await?;
        Ok(Page::from_rows(found, wanted.limit, |provider| Newest {
            at: provider.created_at,
            id: provider.id,
        }))
    }
}

fn new_item(row: PromotedRow) -> Result<ReviewItem, StorageError> {
    let listing = Listing::try_from(row)?;
    let since = match listing.status() {
        catalog::ListingStatus::PendingReview { since } => Some(*since),
        catalog::ListingStatus::Draft
        | catalog::ListingStatus::Published
        | catalog::ListingStatus::Paused
        | catalog::ListingStatus::Rejected { .. }
        | catalog::ListingStatus::Archived { .. } => listing.record().unreviewed_since,
    };
    let since = since.ok_or_else(|| corrupt("a listing waits since no time"))?;
    Ok(ReviewItem { since, listing, change: None })
}

fn changed_item(
    change: ChangeRequestRow,
    listing: PromotedRow,
) -> Result<ReviewItem, StorageError> {
    let change = ChangeRequest::try_from(change)?;
    Ok(ReviewItem {
        since: change.requested_at,
        listing: listing.try_into()?,
        change: Some(change),
    })
}

/// What waits for a moderator: the first so many listings and as many changes.
fn waiting<ST>(st: &mut Statement<ST>, listing_type: Option<String>, most: i64) {
    st.sql(
        "(SELECT coalesce(submitted_at, unreviewed_since) AS since, id FROM listings \
         WHERE (submitted_at IS NOT NULL OR unreviewed_since IS NOT NULL)",
    );
    if let Some(key) = &listing_type {
        st.and("listing_type = ").bind(key.clone());
    }
    st.sql(" ORDER BY coalesce(submitted_at, unreviewed_since), id LIMIT ").bind(most);
    st.sql(
        ") UNION ALL (SELECT c.requested_at, c.id FROM change_requests c \
         JOIN listings l ON l.id = c.listing_id WHERE c.status = 'pending'",
    );
    if let Some(key) = listing_type {
        st.and("l.listing_type = ").bind(key);
    }
    st.sql(" ORDER BY c.requested_at, c.id LIMIT ").bind(most).sql(")");
}

fn queue_id(item: &ReviewItem) -> Uuid {
    match &item.change {
        Some(change) => change.id.as_uuid(),
        None => item.listing.id().as_uuid(),
    }
}

/// A row of `price_history`.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = price_history, check_for_backend(diesel::pg::Pg))]
struct PriceRow {
    listing_id: Uuid,
    old_minor: Option<i64>,
    old_currency: Option<String>,
    new_minor: Option<i64>,
    new_currency: Option<String>,
    reason: String,
    actor_id: Option<Uuid>,
    changed_at: DateTime<Utc>,
}

impl TryFrom<PriceRow> for PriceChange {
    type Error = StorageError;

    fn try_from(row: PriceRow) -> Result<Self, StorageError> {
        let reason = PriceReason::ALL
            .into_iter()
            .find(|reason| reason.name() == row.reason)
            .ok_or_else(|| corrupt(format!("`{}` is no reason for a price", row.reason)))?;
        Ok(Self {
            listing: ListingId::from_uuid(row.listing_id),
            old: money(row.old_minor, row.old_currency.as_deref())?,
            new: money(row.new_minor, row.new_currency.as_deref())?,
            reason,
            actor: row.actor_id.map(AccountId::from_uuid),
            at: row.changed_at,
        })
    }
}

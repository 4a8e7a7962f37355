//! Favourites, sightings and daily figures.
//!
//! Lock order: listings, their days, the days of providers, providers; each by id.

use std::collections::BTreeMap;

use async_trait::async_trait;
use catalog::Title;
use catalog::engagement::{
    BookingStep, CountedBooking, DailyFigures, EngagementStore, EngagementTx, Favorite,
    FavoritePosition, FavoriteState, Figures, FiguresRepository, Kept, Sight, Sighting, Span,
    TopListing,
};
use catalog::search::{ListingCard, ProviderCard};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::OptionalExtension;
use diesel::sql_types::{BigInt, Bool, Date, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use kernel::{AccountId, Limit, ListingId, Page, ProviderId, StorageError, UnitOfWork};
use uuid::Uuid;

use super::search::{listing_cards, provider_cards};
use crate::failure::storage;
use crate::statement::Statement;
use crate::{PgStore, PgTx};

#[async_trait]
impl EngagementStore for PgStore {
    async fn begin_engagement(&self) -> Result<Box<dyn EngagementTx>, StorageError> {
        Ok(Box::new(self.open().await?))
    }

    async fn keep(
        &self,
        account: AccountId,
        favorite: Favorite,
        now: DateTime<Utc>,
    ) -> Result<Option<FavoriteState>, StorageError> {
        let st = match favorite {
            Favorite::Listing(id) => keep_listing(account, id, now),
            Favorite::Provider(id) => keep_provider(account, id, now),
        };
        let favorites = st
            .get_result::<i32>(&mut self.conn().await?)
            .await
            .optional()
            .map_err(storage("keep a favourite"))?;
        Ok(favorites.map(|favorites| FavoriteState { is_favorite: true, favorites }))
    }

    async fn let_go(
        &self,
        account: AccountId,
        favorite: Favorite,
    ) -> Result<Option<FavoriteState>, StorageError> {
        let st = match favorite {
            Favorite::Listing(id) => let_listing_go(account, id),
            Favorite::Provider(id) => let_provider_go(account, id),
        };
        let favorites = st
            .get_result::<i32>(&mut self.conn().await?)
            .await
            .optional()
            .map_err(storage("let a favourite go"))?;
        Ok(favorites.map(|favorites| FavoriteState { is_favorite: false, favorites }))
    }

    async fn keeps(&self, account: AccountId, favorite: Favorite) -> Result<bool, StorageError> {
        let mut st = Statement::<Bool>::new();
        match favorite {
            Favorite::Listing(id) => st
                .sql("SELECT EXISTS (SELECT FROM listing_favorites WHERE listing_id = ")
                .bind(id.as_uuid()),
            Favorite::Provider(id) => st
                .sql("SELECT EXISTS (SELECT FROM provider_favorites WHERE provider_id = ")
                .bind(id.as_uuid()),
        };
        st.sql(" AND account_id = ").bind(account.as_uuid()).sql(")");
        st.get_result(&mut self.conn().await?).await.map_err(storage("look at a favourite"))
    }

    async fn favorite_listings(
        &self,
        account: AccountId,
        limit: Limit,
        after: Option<FavoritePosition<ListingId>>,
    ) -> Result<Page<Kept<ListingCard>, FavoritePosition<ListingId>>, StorageError> {
        let mut st = Statement::new();
        st.sql(
            "SELECT f.listing_id, f.created_at FROM listing_favorites f \
             JOIN listing_search s ON s.id = f.listing_id WHERE f.account_id = ",
        );
        st.bind(account.as_uuid());
        if let Some(after) = after {
            st.sql(" AND (f.created_at, f.listing_id) < (").bind(after.since).sql(", ");
            st.bind(after.id.as_uuid()).sql(")");
        }
        st.sql(" ORDER BY f.created_at DESC, f.listing_id DESC LIMIT ").bind(limit.rows());
        let mut conn = self.conn().await?;
        let page = kept(&mut conn, st, limit).await?;
        let ids = page.items.iter().map(|(id, _)| *id).collect();
        let mut cards = listing_cards(&mut conn, ids, Some(account), self.now()).await?;
        let card = |(id, since)| Some(Kept { item: cards.remove(&id)?, since });
        let items = page.items.into_iter().filter_map(card).collect();
        let next =
            page.next.map(|(id, since)| FavoritePosition { since, id: ListingId::from_uuid(id) });
        Ok(Page { items, next })
    }

    async fn favorite_providers(
        &self,
        account: AccountId,
        limit: Limit,
        after: Option<FavoritePosition<ProviderId>>,
    ) -> Result<Page<Kept<ProviderCard>, FavoritePosition<ProviderId>>, StorageError> {
        let mut st = Statement::new();
        st.sql(
            "SELECT f.provider_id, f.created_at FROM provider_favorites f \
             JOIN provider_search s ON s.id = f.provider_id WHERE f.account_id = ",
        );
        st.bind(account.as_uuid());
        if let Some(after) = after {
            st.sql(" AND (f.created_at, f.provider_id) < (").bind(after.since).sql(", ");
            st.bind(after.id.as_uuid()).sql(")");
        }
        st.sql(" ORDER BY f.created_at DESC, f.provider_id DESC LIMIT ").bind(limit.rows());
        let mut conn = self.conn().await?;
        let page = kept(&mut conn, st, limit).await?;
        let ids = page.items.iter().map(|(id, _)| *id).collect();
        let mut cards = provider_cards(&mut conn, ids, Some(account), self.now()).await?;
        let card = |(id, since)| Some(Kept { item: cards.remove(&id)?, since });
        let items = page.items.into_iter().filter_map(card).collect();
        let next =
            page.next.map(|(id, since)| FavoritePosition { since, id: ProviderId::from_uuid(id) });
        Ok(Page { items, next })
    }

    async fn count_sightings(&self, sightings: Vec<Sighting>) -> Result<(), StorageError> {
        let mut tx = self.open().await?;
        let fresh = note_sightings(tx.conn(), &sightings).await?;
        count(tx.conn(), &fresh).await?;
        Box::new(tx).commit().await
    }

    async fn forget_sightings(&self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        let mut st = Statement::<()>::new();
        st.sql("DELETE FROM sightings WHERE hour < ").bind(before);
        let forgotten =
            st.execute(&mut self.conn().await?).await.map_err(storage("forget who saw what"))?;
        Ok(u64::try_from(forgotten).unwrap_or(u64::MAX))
    }

    async fn daily_figures(
        &self,
        provider: ProviderId,
        span: Span,
    ) -> Result<DailyFigures, StorageError> {
        let mut conn = self.conn().await?;
        Ok(DailyFigures {
            days: days(&mut conn, provider, span).await?,
            top: top_listings(&mut conn, provider, span).await?,
            listings: public_listings(&mut conn, provider).await?,
        })
    }
}

#[async_trait]
impl FiguresRepository for PgTx {
    async fn count_booking(&mut self, counted: &CountedBooking) -> Result<(), StorageError> {
        let CountedBooking { listing, provider, step, day } = *counted;
        let (requests, bookings) = match step {
            BookingStep::Requested => (1_i64, 0_i64),
            BookingStep::Accepted => (0, 1),
        };
        let mut st = Statement::<()>::new();
        st.sql("INSERT INTO listing_days AS d (listing_id, day, provider_id, requests, bookings) ");
        st.sql("SELECT id, ").bind(day).sql(", ").bind(provider.as_uuid()).sql(", ");
        st.bind(requests).sql(", ").bind(bookings).sql(" FROM listings WHERE id = ");
        st.bind(listing.as_uuid()).sql(
            " ON CONFLICT (listing_id, day) DO UPDATE SET \
             requests = d.requests + excluded.requests, bookings = d.bookings + excluded.bookings",
        );
        st.execute(self.conn()).await.map_err(storage("count a request"))?;
        let mut st = Statement::<()>::new();
        st.sql("INSERT INTO provider_days AS d (provider_id, day, requests, bookings) VALUES (");
        st.bind(provider.as_uuid()).sql(", ").bind(day).sql(", ").bind(requests).sql(", ");
        st.bind(bookings).sql(
            ") ON CONFLICT (provider_id, day) DO UPDATE SET \
             requests = d.requests + excluded.requests, bookings = d.bookings + excluded.bookings",
        );
        st.execute(self.conn()).await.map_err(storage("count a request"))?;
        Ok(())
    }
}

/// One row with the number of accounts that keep it, or none if nothing public has the id.
fn keep_listing(account: AccountId, id: ListingId, now: DateTime<Utc>) -> Statement<Integer> {
    let (account, id) = (account.as_uuid(), id.as_uuid());
    let mut st = Statement::new();
    st.sql("WITH kept AS (INSERT INTO listing_favorites (account_id, listing_id, created_at) ");
    st.sql("SELECT ").bind(account).sql(", s.id, ").bind(now);
    st.sql(" FROM listing_search s WHERE s.id = ").bind(id);
    st.sql(
        " ON CONFLICT DO NOTHING RETURNING listing_id), counted AS (\
         UPDATE listings l SET favorite_count = l.favorite_count + 1 FROM kept \
         WHERE l.id = kept.listing_id RETURNING l.id, l.provider_id, l.favorite_count), \
         of_listing AS (INSERT INTO listing_days AS d (listing_id, day, provider_id, favorites) \
         SELECT id, ",
    );
    st.bind(now.date_naive()).sql(
        ", provider_id, 1 FROM counted ON CONFLICT (listing_id, day) \
         DO UPDATE SET favorites = d.favorites + 1), \
         of_provider AS (INSERT INTO provider_days AS d (provider_id, day, listing_favorites) \
         SELECT provider_id, ",
    );
    st.bind(now.date_naive()).sql(
        ", 1 FROM counted ON CONFLICT (provider_id, day) \
         DO UPDATE SET listing_favorites = d.listing_favorites + 1) \
         SELECT coalesce((SELECT favorite_count FROM counted), l.favorite_count) \
         FROM listings l WHERE l.id = ",
    );
    st.bind(id).sql(
        " AND (EXISTS (SELECT FROM listing_search s WHERE s.id = l.id) \
         OR EXISTS (SELECT FROM listing_favorites f WHERE f.listing_id = l.id AND f.account_id = ",
    );
    st.bind(account).sql("))");
    st
}

fn keep_provider(account: AccountId, id: ProviderId, now: DateTime<Utc>) -> Statement<Integer> {
    let (account, id) = (account.as_uuid(), id.as_uuid());
    let mut st = Statement::new();
    st.sql("WITH kept AS (INSERT INTO provider_favorites (account_id, provider_id, created_at) ");
    st.sql("SELECT ").bind(account).sql(", s.id, ").bind(now);
    st.sql(" FROM provider_search s WHERE s.id = ").bind(id);
    st.sql(
        " ON CONFLICT DO NOTHING RETURNING provider_id), \
         of_provider AS (INSERT INTO provider_days AS d (provider_id, day, provider_favorites) \
         SELECT provider_id, ",
    );
    st.bind(now.date_naive()).sql(
        ", 1 FROM kept ON CONFLICT (provider_id, day) \
         DO UPDATE SET provider_favorites = d.provider_favorites + 1 RETURNING d.provider_id), \
         counted AS (UPDATE providers p SET favorite_count = p.favorite_count + 1 \
         FROM of_provider o WHERE p.id = o.provider_id RETURNING p.favorite_count) \
         SELECT coalesce((SELECT favorite_count FROM counted), p.favorite_count) \
         FROM providers p WHERE p.id = ",
    );
    st.bind(id).sql(
        " AND (EXISTS (SELECT FROM provider_search s WHERE s.id = p.id) \
         OR EXISTS (SELECT FROM provider_favorites f WHERE f.provider_id = p.id AND f.account_id = ",
    );
    st.bind(account).sql("))");
    st
}

/// The favourite leaves the figures of the day on which it was made.
fn let_listing_go(account: AccountId, id: ListingId) -> Statement<Integer> {
    let mut st = Statement::new();
    st.sql("WITH gone AS (DELETE FROM listing_favorites WHERE account_id = ");
    st.bind(account.as_uuid()).sql(" AND listing_id = ").bind(id.as_uuid());
    st.sql(
        " RETURNING listing_id, (created_at AT TIME ZONE 'UTC')::date AS day), \
         counted AS (UPDATE listings l SET favorite_count = l.favorite_count - 1 FROM gone \
         WHERE l.id = gone.listing_id RETURNING l.id, l.provider_id, l.favorite_count, gone.day), \
         of_listing AS (UPDATE listing_days d SET favorites = d.favorites - 1 FROM counted c \
         WHERE d.listing_id = c.id AND d.day = c.day), \
         of_provider AS (UPDATE provider_days d SET listing_favorites = d.listing_favorites - 1 \
         FROM counted c WHERE d.provider_id = c.provider_id AND d.day = c.day) \
         SELECT coalesce((SELECT favorite_count FROM counted), l.favorite_count) \
         FROM listings l WHERE l.id = ",
    );
    st.bind(id.as_uuid()).sql(
        " AND (EXISTS (SELECT FROM listing_search s WHERE s.id = l.id) \
         OR EXISTS (SELECT FROM gone))",
    );
    st
}

fn let_provider_go(account: AccountId, id: ProviderId) -> Statement<Integer> {
    let mut st = Statement::new();
    st.sql("WITH gone AS (DELETE FROM provider_favorites WHERE account_id = ");
    st.bind(account.as_uuid()).sql(" AND provider_id = ").bind(id.as_uuid());
    st.sql(
        " RETURNING provider_id, (created_at AT TIME ZONE 'UTC')::date AS day), \
         of_provider AS (UPDATE provider_days d SET provider_favorites = d.provider_favorites - 1 \
         FROM gone WHERE d.provider_id = gone.provider_id AND d.day = gone.day), \
         counted AS (UPDATE providers p SET favorite_count = p.favorite_count - 1 \
         FROM gone WHERE p.id = gone.provider_id RETURNING p.favorite_count) \
         SELECT coalesce((SELECT favorite_count FROM counted), p.favorite_count) \
         FROM providers p WHERE p.id = ",
    );
    st.bind(id.as_uuid()).sql(
        " AND (EXISTS (SELECT FROM provider_search s WHERE s.id = p.id) \
         OR EXISTS (SELECT FROM gone))",
    );
    st
}

async fn kept(
    conn: &mut AsyncPgConnection,
    st: Statement<(SqlUuid, Timestamptz)>,
    limit: Limit,
) -> Result<Page<(Uuid, DateTime<Utc>), (Uuid, DateTime<Utc>)>, StorageError> {
    let rows: Vec<(Uuid, DateTime<Utc>)> =
        st.load(conn).await.map_err(storage("load favourites"))?;
    Ok(Page::from_rows(rows, limit, |last| *last))
}

/// Remembers the sightings; answers with those that are new.
async fn note_sightings(
    conn: &mut AsyncPgConnection,
    sightings: &[Sighting],
) -> Result<Vec<(Uuid, String, DateTime<Utc>)>, StorageError> {
    let (mut subjects, mut kinds, mut viewers, mut hours, mut providers) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for Sighting { sight, viewer, hour } in sightings {
        let (subject, kind, provider) = match sight {
            Sight::Listing(listing) => (listing.as_uuid(), "listing_view", Uuid::nil()),
            Sight::Profile(provider) => (provider.as_uuid(), "profile_visit", provider.as_uuid()),
            Sight::ProfileFrom { listing, provider } => {
                (listing.as_uuid(), "to_profile", provider.as_uuid())
            }
        };
        subjects.push(subject);
        kinds.push(kind.to_owned());
        viewers.push(viewer.as_bytes().to_vec());
        hours.push(*hour);
        providers.push(provider);
    }
    let mut st = Statement::<(SqlUuid, Text, Timestamptz)>::new();
    st.sql("INSERT INTO sightings (subject_id, kind, viewer, hour) ");
    st.sql("SELECT subject, kind, viewer, hour FROM unnest(").bind(subjects).sql(", ").bind(kinds);
    st.sql(", ").bind(viewers).sql(", ").bind(hours).sql(", ").bind(providers);
    // In order, so that two servers that saw the same do not wait for each other crosswise.
    st.sql(
        ") seen (subject, kind, viewer, hour, provider) \
         WHERE CASE kind WHEN 'profile_visit' \
         THEN EXISTS (SELECT FROM provider_search p WHERE p.id = subject) \
         ELSE EXISTS (SELECT FROM listing_search l WHERE l.id = subject \
         AND (kind = 'listing_view' OR l.provider_id = provider)) END \
         ORDER BY subject, kind, viewer, hour ON CONFLICT DO NOTHING \
         RETURNING subject_id, kind, hour",
    );
    st.load(conn).await.map_err(storage("remember who saw what"))
}

/// Adds new sightings to counters and figures.
async fn count(
    conn: &mut AsyncPgConnection,
    fresh: &[(Uuid, String, DateTime<Utc>)],
) -> Result<(), StorageError> {
    let mut views: BTreeMap<Uuid, i64> = BTreeMap::new();
    // By listing and day: views, and visits to the profile.
    let mut of_listings: BTreeMap<(Uuid, NaiveDate), (i64, i64)> = BTreeMap::new();
    let mut of_providers: BTreeMap<(Uuid, NaiveDate), i64> = BTreeMap::new();
    for (subject, kind, hour) in fresh {
        let key = (*subject, hour.date_naive());
        match kind.as_str() {
            "profile_visit" => *of_providers.entry(key).or_default() += 1,
            "to_profile" => of_listings.entry(key).or_default().1 += 1,
            _ => {
                of_listings.entry(key).or_default().0 += 1;
                *views.entry(*subject).or_default() += 1;
            }
        }
    }
    if !views.is_empty() {
        count_views(conn, views).await?;
    }
    if !of_listings.is_empty() {
        count_listing_days(conn, &of_listings).await?;
    }
    if !of_providers.is_empty() {
        count_visits(conn, &of_providers).await?;
    }
    Ok(())
}

async fn count_views(
    conn: &mut AsyncPgConnection,
    views: BTreeMap<Uuid, i64>,
) -> Result<(), StorageError> {
    let (ids, counts): (Vec<Uuid>, Vec<i64>) = views.into_iter().unzip();
    let mut st = Statement::<()>::new();
    st.sql("WITH seen AS (SELECT * FROM unnest(").bind(ids).sql(", ").bind(counts);
    st.sql(
        ") t (id, views)), locked AS MATERIALIZED (SELECT l.id, seen.views \
         FROM listings l JOIN seen ON seen.id = l.id ORDER BY l.id FOR NO KEY UPDATE OF l) \
         UPDATE listings l SET view_count = l.view_count + locked.views \
         FROM locked WHERE l.id = locked.id",
    );
    st.execute(conn).await.map_err(storage("count views"))?;
    Ok(())
}

async fn count_listing_days(
    conn: &mut AsyncPgConnection,
    counted: &BTreeMap<(Uuid, NaiveDate), (i64, i64)>,
) -> Result<(), StorageError> {
    let ids: Vec<Uuid> = counted.keys().map(|(id, _)| *id).collect();
    let days: Vec<NaiveDate> = counted.keys().map(|(_, day)| *day).collect();
    let views: Vec<i64> = counted.values().map(|(views, _)| *views).collect();
    let visits: Vec<i64> = counted.values().map(|(_, visits)| *visits).collect();
    let seen = |st: &mut Statement<()>| {
        st.sql(" FROM unnest(").bind(ids.clone()).sql(", ").bind(days.clone()).sql(", ");
        st.bind(views.clone()).sql(", ").bind(visits.clone());
        st.sql(") seen (id, day, views, visits) JOIN listings l ON l.id = seen.id ");
    };
    let mut st = Statement::<()>::new();
    st.sql("INSERT INTO listing_days AS d (listing_id, day, provider_id, views, to_profile) ");
    st.sql("SELECT l.id, seen.day, l.provider_id, seen.views, seen.visits");
    seen(&mut st);
    st.sql(
        "ORDER BY l.id, seen.day ON CONFLICT (listing_id, day) DO UPDATE SET \
         views = d.views + excluded.views, to_profile = d.to_profile + excluded.to_profile",
    );
    st.execute(conn).await.map_err(storage("count views"))?;
    let mut st = Statement::<()>::new();
    st.sql("INSERT INTO provider_days AS d (provider_id, day, views, to_profile) ");
    st.sql("SELECT l.provider_id, seen.day, sum(seen.views), sum(seen.visits)");
    seen(&mut st);
    st.sql(
        "GROUP BY 1, 2 ORDER BY 1, 2 ON CONFLICT (provider_id, day) DO UPDATE SET \
         views = d.views + excluded.views, to_profile = d.to_profile + excluded.to_profile",
    );
    st.execute(conn).await.map_err(storage("count views"))?;
    Ok(())
}

async fn count_visits(
    conn: &mut AsyncPgConnection,
    counted: &BTreeMap<(Uuid, NaiveDate), i64>,
) -> Result<(), StorageError> {
    let ids: Vec<Uuid> = counted.keys().map(|(id, _)| *id).collect();
    let days: Vec<NaiveDate> = counted.keys().map(|(_, day)| *day).collect();
    let visits: Vec<i64> = counted.values().copied().collect();
    let mut st = Statement::<()>::new();
    st.sql("INSERT INTO provider_days AS d (provider_id, day, profile_visits) ");
    st.sql("SELECT p.id, seen.day, seen.visits FROM unnest(").bind(ids.clone()).sql(", ");
    st.bind(days).sql(", ").bind(visits).sql(
        ") seen (id, day, visits) JOIN providers p ON p.id = seen.id \
         ORDER BY p.id, seen.day ON CONFLICT (provider_id, day) DO UPDATE SET \
         profile_visits = d.profile_visits + excluded.profile_visits",
    );
    st.execute(conn).await.map_err(storage("count visits"))?;
    let mut st = Statement::<()>::new();
    st.sql(
        "UPDATE provider_search s SET popularity = now.popularity FROM (\
         SELECT p.id, provider_popularity(p.id, p.favorite_count) AS popularity \
         FROM providers p WHERE p.id = ANY (",
    );
    st.bind(ids).sql(")) now WHERE s.id = now.id AND s.popularity <> now.popularity");
    st.execute(conn).await.map_err(storage("rate what is popular"))?;
    Ok(())
}

type DayRow = (NaiveDate, i64, i64, i64, i64, i64, i64, i64);
type DaySql = (Date, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt);

async fn days(
    conn: &mut AsyncPgConnection,
    provider: ProviderId,
    span: Span,
) -> Result<Vec<(NaiveDate, Figures)>, StorageError> {
    let mut st = Statement::<DaySql>::new();
    st.sql(
        "SELECT day, views::bigint, listing_favorites::bigint, profile_visits::bigint, \
         to_profile::bigint, provider_favorites::bigint, requests::bigint, bookings::bigint \
         FROM provider_days WHERE provider_id = ",
    );
    st.bind(provider.as_uuid()).sql(" AND day >= ").bind(span.from());
    st.sql(" AND day <= ").bind(span.to()).sql(" ORDER BY day");
    let rows: Vec<DayRow> = st.load(conn).await.map_err(storage("load figures"))?;
    let figures = |(day, views, favorites, visits, to_profile, of_profile, requests, bookings)| {
        let figures = Figures {
            views,
            favorites,
            profile_visits: visits,
            to_profile,
            profile_favorites: of_profile,
            requests,
            bookings,
        };
        (day, figures)
    };
    Ok(rows.into_iter().map(figures).collect())
}

type TopSql = (SqlUuid, Text, BigInt, BigInt, BigInt, BigInt, BigInt);

async fn top_listings(
    conn: &mut AsyncPgConnection,
    provider: ProviderId,
    span: Span,
) -> Result<Vec<TopListing>, StorageError> {
    let mut st = Statement::<TopSql>::new();
    st.sql(
        "SELECT l.id, l.title, top.views, top.favorites, top.to_profile, top.requests, \
         top.bookings FROM (SELECT listing_id, sum(views) AS views, sum(favorites) AS favorites, \
         sum(to_profile) AS to_profile, sum(requests) AS requests, sum(bookings) AS bookings \
         FROM listing_days WHERE provider_id = ",
    );
    st.bind(provider.as_uuid()).sql(" AND day >= ").bind(span.from());
    st.sql(" AND day <= ").bind(span.to());
    st.sql(
        " GROUP BY listing_id ORDER BY 2 DESC, listing_id LIMIT 10) top \
         JOIN listings l ON l.id = top.listing_id ORDER BY top.views DESC, l.id",
    );
    let rows: Vec<(Uuid, String, i64, i64, i64, i64, i64)> =
        st.load(conn).await.map_err(storage("load figures"))?;
    let top = |(id, title, views, favorites, to_profile, requests, bookings)| TopListing {
        id: ListingId::from_uuid(id),
        title: Title::from_stored(title),
        views,
        favorites,
        to_profile,
        requests,
        bookings,
    };
    Ok(rows.into_iter().map(top).collect())
}

/// Counts rows: asked by the owner alone, of what one provider offers.
async fn public_listings(
    conn: &mut AsyncPgConnection,
    provider: ProviderId,
) -> Result<i64, StorageError> {
    let mut st = Statement::<BigInt>::new();
    st.sql("SELECT count(*) FROM listing_search WHERE provider_id = ").bind(provider.as_uuid());
    st.get_result(conn).await.map_err(storage("count listings"))
}

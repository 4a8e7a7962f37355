//! What is measured, and what is expected of it.

use std::{collections::HashSet, fmt::Write as _, sync::Arc};

use anyhow::{Result, ensure};
use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};
use kernel::{Clock, ListingId, SystemClock};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{
    arguments::Size,
    load::{self, Asked},
    market::Market,
};

/// What a measurement should show.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Expected {
    /// At least this share of pgbench's rate.
    pub(crate) share: Option<f64>,
    /// At most this much of pgbench's processor time in PostgreSQL.
    pub(crate) postgres: Option<f64>,
    /// At most this latency at the 99th percentile, in milliseconds.
    pub(crate) p99: Option<f64>,
}

/// One thing that is asked again and again.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) asked: Asked,
    pub(crate) expected: Expected,
    /// The slot that a request of some number books.
    pub(crate) slots: Option<fn(&Marketplace, u64) -> DateTime<Utc>>,
}

/// What the requests are about.
pub(crate) struct Marketplace {
    /// Any of the listings.
    listings: Vec<Uuid>,
    /// Listings that are booked, each of another provider.
    bookable: Vec<Uuid>,
    /// Midnight, from which slots are counted.
    start: DateTime<Utc>,
    tokens: Vec<String>,
    /// All ids that requests speak of, directly or not.
    pub(crate) ids: HashSet<Uuid>,
}

/// Opening hours of the providers that are booked: always open, an hour each, for a year.
const HOURS: &str = "INSERT INTO availabilities (provider_id, rules, updated_at) \
    SELECT provider_id, jsonb_build_object('time_zone', 'UTC', \
        'weekly', (SELECT jsonb_agg(jsonb_build_object('weekday', day, 'from', 0, 'to', 1440)) \
                   FROM generate_series(0, 6) day), \
        'exceptions', '[]'::jsonb, 'slot_minutes', 60, 'interval_minutes', 60, \
        'buffer_before_minutes', 0, 'buffer_after_minutes', 0, 'min_notice_minutes', 0, \
        'horizon_days', 365, 'per_day', NULL, 'per_week', NULL, 'capacity', 1), now() \
    FROM listings WHERE id = ANY ($1)";

/// Appointments that a provider has in the month that is looked at, one in so many hours.
const EVERY: u64 = 17;
const APPOINTMENTS: u64 = 40;

/// The hour, counted from the start, from which the measurements book.
const BOOKED_FROM: u64 = 32 * 24;

impl Marketplace {
    /// Chooses what to ask for, opens its calendars and fills them a little.
    pub(crate) async fn prepare(client: &Client, market: &Market, size: Size) -> Result<Self> {
        let samples = i64::try_from(size.samples)?;
        let ids = |rows: Vec<tokio_postgres::Row>| -> Vec<Uuid> {
            let id = |row: &tokio_postgres::Row| Uuid::parse_str(row.get(0)).ok();
            rows.iter().filter_map(id).collect()
        };
        let some = "SELECT id::text FROM listings ORDER BY id LIMIT $1";
        let listings = ids(client.query(some, &[&samples]).await?);
        let one_of_each = "SELECT id::text FROM (SELECT DISTINCT ON (provider_id) id \
            FROM listings WHERE listing_type = 'service' ORDER BY provider_id, id) l \
            ORDER BY id LIMIT $1";
        let bookable = ids(client.query(one_of_each, &[&samples]).await?);
        ensure!(
            listings.len() == size.samples && bookable.len() == size.samples,
            "there are too few listings"
        );
        let texts: Vec<String> = bookable.iter().map(ToString::to_string).collect();
        client.execute(&HOURS.replace("$1", "$1::text[]::uuid[]"), &[&texts]).await?;

        let tokens = market.sign_up(size.connections).await?;
        let all = "SELECT id::text FROM listings UNION ALL SELECT id::text FROM providers \
            UNION ALL SELECT id::text FROM accounts UNION ALL SELECT id::text FROM categories \
            UNION ALL SELECT id::text FROM sessions";
        let ids = ids(client.query(all, &[]).await?).into_iter().collect();
        let midnight = (SystemClock.now().date_naive() + Days::new(1)).and_time(NaiveTime::MIN);
        let marketplace = Self { listings, bookable, start: midnight.and_utc(), tokens, ids };
        marketplace.fill_calendars(market, size).await?;
        client.batch_execute("VACUUM ANALYZE").await?;
        Ok(marketplace)
    }

    async fn fill_calendars(&self, market: &Market, size: Size) -> Result<()> {
        let samples = u64::try_from(size.samples)?;
        let slot = move |number: u64| (number % samples, number / samples * EVERY);
        let asked = self.booking("fill", move |number| Some(slot(number)), 201);
        let numbers = 0..samples * APPOINTMENTS;
        load::each(market.address, usize::from(size.connections), numbers, &asked).await
    }

    fn hour(&self, hour: u64) -> DateTime<Utc> {
        self.start + TimeDelta::hours(i64::try_from(hour).unwrap_or_default())
    }

    /// The slot that the work `appointment` books with a number.
    fn appointment(&self, number: u64) -> (u64, u64) {
        let providers = u64::try_from(self.bookable.len()).unwrap_or(1);
        (number % providers, BOOKED_FROM + number / providers)
    }

    /// Sends a booking: of a listing by its place, at an hour if there is one.
    fn booking(
        &self,
        work: &'static str,
        slot: impl Fn(u64) -> Option<(u64, u64)> + Send + Sync + 'static,
        status: u16,
    ) -> Asked {
        let (bookable, tokens, start) = (self.bookable.clone(), self.tokens.clone(), self.start);
        let tag = work.bytes().fold(String::new(), |mut tag, byte| {
            write!(tag, "{byte:02x}").expect("a text takes any text");
            tag
        });
        let write = move |number: u64, connection: usize, out: &mut Vec<u8>| {
            let place = slot(number);
            let listing = pick(&bookable, place.map_or(number, |(listing, _)| listing));
            let listing = ListingId::from_uuid(*listing);
            let hour = place.map(|(_, hour)| i64::try_from(hour).unwrap_or_default());
            let slot = hour.map_or(String::new(), |hour| {
                format!(r#","slot":"{}""#, (start + TimeDelta::hours(hour)).format("%FT%TZ"))
            });
            let body = format!(
                r#"{{"listing_id":"{listing}","message":"Could you come and have a look at it?"{slot}}}"#
            );
            let head = format!(
                "POST /api/v1/bookings HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\n\
                 content-type: application/json\r\nidempotency-key: {tag:0<16.16}{number:016x}\r\n\
                 content-length: {}\r\n\r\n{body}",
                tokens[connection % tokens.len()],
                body.len(),
            );
            out.extend_from_slice(head.as_bytes());
        };
        Asked { write: Arc::new(write), status }
    }

    /// All works, in the order in which they are measured.
    pub(crate) fn works(&self) -> Vec<Work> {
        let page = |share| Expected { share: Some(share), postgres: Some(1.1), p99: None };
        let search = Expected { p99: Some(100.0), ..Expected::default() };
        let command = |share| Expected { share: Some(share), ..Expected::default() };
        let read = |name, expected, path: Box<Path>| Work {
            name,
            asked: reading(path),
            expected,
            slots: None,
        };
        let listings = self.listings.clone();
        let bookable = self.bookable.clone();
        let (from, to) = (self.start.date_naive(), self.start.date_naive() + Days::new(29));
        vec![
            read(
                "listing detail",
                page(0.45),
                Box::new(move |n| format!("listings/{}", listing(&listings, n))),
            ),
            read("list of 20", page(0.75), Box::new(|_| "listings?limit=20".to_owned())),
            read("filtered list", page(0.75), Box::new(filtered)),
            read("text, common word", search, Box::new(|n| format!("listings?q={}", common(n)))),
            read("text, rare word", search, Box::new(|n| format!("listings?q={}", rare(n)))),
            read("place", search, Box::new(|n| format!("listings?{}&within_km=10", near(n)))),
            read("place, text, attribute", search, Box::new(everything)),
            read(
                "slots of a month",
                Expected::default(),
                Box::new(move |n| {
                    format!("listings/{}/slots?from={from}&to={to}", listing(&bookable, n))
                }),
            ),
            Work {
                name: "submit a request",
                asked: self.booking("request", |_| None, 201),
                expected: command(0.6),
                slots: None,
            },
            Work {
                name: "submit an appointment",
                asked: {
                    let providers = u64::try_from(self.bookable.len()).unwrap_or(1);
                    let slot = move |n: u64| Some((n % providers, BOOKED_FROM + n / providers));
                    self.booking("slot", slot, 201)
                },
                expected: command(0.6),
                slots: Some(|marketplace, number| {
                    marketplace.hour(marketplace.appointment(number).1)
                }),
            },
            Work {
                name: "a slot that is taken",
                // The first provider's first appointment.
                asked: self.booking("taken", |_| Some((0, 0)), 409),
                expected: command(0.8),
                slots: None,
            },
        ]
    }

    /// What the jobs of a submitted request add when they run in the same process.
    pub(crate) fn submit_with_jobs(&self) -> Asked {
        self.booking("jobs", |_| None, 201)
    }
}

type Path = dyn Fn(u64) -> String + Send + Sync;

/// A visitor reads. Every connection is another visitor, with a browser's name: what people look at is counted.
fn reading(path: Box<Path>) -> Asked {
    let write = move |number: u64, connection: usize, out: &mut Vec<u8>| {
        let path = path(number);
        let head = format!(
            "GET /api/v1/{path} HTTP/1.1\r\nhost: bench\r\n\
             user-agent: Mozilla/5.0 (X11; Linux x86_64; v{connection})\r\n\r\n"
        );
        out.extend_from_slice(head.as_bytes());
    };
    Asked { write: Arc::new(write), status: 200 }
}

fn pick<T>(of: &[T], number: u64) -> &T {
    let count = u64::try_from(of.len()).unwrap_or(1);
    &of[usize::try_from(number % count).unwrap_or_default()]
}

fn listing(of: &[Uuid], number: u64) -> ListingId {
    ListingId::from_uuid(*pick(of, number))
}

/// A category with its branches, an attribute that the type declares, and a price: about one listing in eighty.
fn filtered(number: u64) -> String {
    let style = pick(&["loft", "classic", "modern", "rustic"], number);
    let least = 100 + number / 4 % 20 * 5_000;
    format!(
        "listings?category=generated-{}&attr.style={style}&price%5Bgte%5D={least}&price%5Blte%5D={}",
        number % 10 * 11,
        least + 250_000
    )
}

/// The words of the generated marketplace: the n-th is about 1/n as common as the first.
fn word(n: u64) -> String {
    let (first, second, third) = (
        pick(&["", "ma", "lo", "ri", "te", "ko", "sa", "vi", "nu", "pe"], n / 200),
        pick(&["bar", "den", "fil", "gro", "hal", "jun", "kel", "lim", "mor", "nes"], n / 20),
        pick(
            &[
                "a", "en", "ix", "ow", "ur", "ist", "ane", "olo", "ett", "ick", "ung", "ent",
                "oda", "ilo", "ass", "ert", "obe", "uma", "iff", "ond",
            ],
            n,
        ),
    );
    format!("{first}{second}{third}")
}

/// In most of the listings.
fn common(number: u64) -> String {
    word(number % 8)
}

/// In one of two hundred.
fn rare(number: u64) -> String {
    word(1_800 + number % 200)
}

/// One of the ten cities, and somewhere in it.
fn near(number: u64) -> String {
    let (city, within) = (number % 10, number / 10 % 13);
    format!("near={}.{:02},{}.{:02}", 47 + city, 10 + within * 2, 6 + city, 10 + within * 2)
}

fn everything(number: u64) -> String {
    let style = pick(&["loft", "classic", "modern", "rustic"], number);
    format!("listings?{}&within_km=25&q={}&attr.style={style}", near(number), common(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_generated_marketplace() {
        assert_eq!([0, 21, 1_999].map(word), ["bara", "denen", "penesond"]);
    }
}

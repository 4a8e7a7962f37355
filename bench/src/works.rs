//! What is measured, and what is expected of it.

use std::{collections::HashSet, fmt::Write as _, sync::Arc};

use anyhow::{Context, Result, ensure};
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
    /// The slots that the requests book, if they do.
    pub(crate) calendar: Option<Calendar>,
}

/// Opening hours, the same every day, and how requests are spread over the calendars that have them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calendar {
    opens_at: u32,
    pub(crate) minutes: u32,
    pub(crate) a_day: u32,
    pub(crate) shared: bool,
}

/// Ten hours a day, of many providers.
const OFFICE_HOURS: Calendar = Calendar { opens_at: 480, minutes: 60, a_day: 10, shared: false };

/// Always open, of one provider.
const AROUND_THE_CLOCK: Calendar = Calendar { opens_at: 0, minutes: 15, a_day: 96, shared: true };

impl Calendar {
    /// When a slot begins, counted from the first of the first day.
    fn slot(self, start: DateTime<Utc>, number: u64) -> DateTime<Utc> {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let (day, within) = (number / self.a_day, number % self.a_day);
        let minutes = self.opens_at + within * self.minutes;
        start + TimeDelta::days(day.into()) + TimeDelta::minutes(minutes.into())
    }
}

/// What the requests are about.
pub(crate) struct Marketplace {
    /// Any of the listings.
    listings: Vec<Uuid>,
    /// Listings that are booked, each of another provider.
    bookable: Vec<Uuid>,
    /// The one that everybody wants.
    popular: Uuid,
    /// Midnight, from which slots are counted.
    start: DateTime<Utc>,
    tokens: Vec<String>,
    /// All ids that requests speak of, directly or not.
    pub(crate) ids: HashSet<Uuid>,
}

/// Opening hours of the providers of some listings, for a year.
const HOURS: &str = "INSERT INTO availabilities (provider_id, rules, updated_at) \
    SELECT provider_id, jsonb_build_object('time_zone', 'UTC', \
        'weekly', (SELECT jsonb_agg(jsonb_build_object('weekday', day, 'from', $2::int4, 'to', $2 + $3::int4 * $4::int4)) \
                   FROM generate_series(0, 6) day), \
        'exceptions', '[]'::jsonb, 'slot_minutes', $3, 'interval_minutes', $3, \
        'buffer_before_minutes', 0, 'buffer_after_minutes', 0, 'min_notice_minutes', 0, \
        'horizon_days', 365, 'per_day', NULL, 'per_week', NULL, 'capacity', 1), now() \
    FROM listings WHERE id = ANY ($1::text[]::uuid[])";

/// Appointments that a provider has in the month that is looked at, one in so many slots.
const EVERY: u64 = 7;
const APPOINTMENTS: u64 = 40;

/// The day from which the measurements book.
const BOOKED_FROM: u64 = 32;

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
        let mut bookable = ids(client.query(one_of_each, &[&(samples + 1)]).await?);
        let popular = bookable.pop().context("nothing can be booked")?;
        ensure!(
            listings.len() == size.samples && bookable.len() == size.samples,
            "there are too few listings"
        );
        for (calendar, listings) in [
            (OFFICE_HOURS, bookable.as_slice()),
            (AROUND_THE_CLOCK, std::slice::from_ref(&popular)),
        ] {
            let listings: Vec<String> = listings.iter().map(ToString::to_string).collect();
            let Calendar { opens_at, minutes, a_day, .. } = calendar;
            let [opens_at, minutes, a_day] = [opens_at, minutes, a_day].map(i32::try_from);
            let values = (opens_at?, minutes?, a_day?);
            client.execute(HOURS, &[&listings, &values.0, &values.1, &values.2]).await?;
        }

        let tokens = market.sign_up("client", size.connections).await?;
        let all = "SELECT id::text FROM listings UNION ALL SELECT id::text FROM providers \
            UNION ALL SELECT id::text FROM accounts UNION ALL SELECT id::text FROM categories \
            UNION ALL SELECT id::text FROM sessions";
        let ids = ids(client.query(all, &[]).await?).into_iter().collect();
        let midnight = (SystemClock.now().date_naive() + Days::new(1)).and_time(NaiveTime::MIN);
        let start = midnight.and_utc();
        let marketplace = Self { listings, bookable, popular, start, tokens, ids };
        marketplace.fill_calendars(market, size).await?;
        client.batch_execute("VACUUM ANALYZE").await?;
        Ok(marketplace)
    }

    async fn fill_calendars(&self, market: &Market, size: Size) -> Result<()> {
        let (samples, start) = (u64::try_from(size.samples)?, self.start);
        let slot = move |number: u64| OFFICE_HOURS.slot(start, number / samples * EVERY);
        let asked = self.booking("fill", self.bookable.clone(), move |n| Some(slot(n)), 201);
        let numbers = 0..samples * APPOINTMENTS;
        load::each(market.address, usize::from(size.connections), numbers, &asked).await
    }

    /// The slot that a request of some number books.
    pub(crate) fn slot(&self, calendar: Calendar, number: u64) -> DateTime<Utc> {
        let calendars = if calendar.shared { 1 } else { self.bookable.len() };
        let slot = number / u64::try_from(calendars).unwrap_or(1);
        calendar.slot(self.start, BOOKED_FROM * u64::from(calendar.a_day) + slot)
    }

    /// Sends a booking of one of the listings, each in turn, for a slot if there is one.
    fn booking(
        &self,
        work: &'static str,
        listings: Vec<Uuid>,
        slot: impl Fn(u64) -> Option<DateTime<Utc>> + Send + Sync + 'static,
        status: u16,
    ) -> Asked {
        let tokens = self.tokens.clone();
        let tag = work.bytes().fold(String::new(), |mut tag, byte| {
            write!(tag, "{byte:02x}").expect("a text takes any text");
            tag
        });
        let write = move |number: u64, connection: usize, out: &mut Vec<u8>| {
            let listing = listing(&listings, number);
            let slot = slot(number)
                .map_or(String::new(), |slot| format!(r#","slot":"{}""#, slot.format("%FT%TZ")));
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

    /// Takes another slot every time.
    fn appointments(&self, name: &'static str, calendar: Calendar, share: f64) -> Work {
        let listings = if calendar.shared { vec![self.popular] } else { self.bookable.clone() };
        let (start, calendars) = (self.start, u64::try_from(listings.len()).unwrap_or(1));
        let slot = move |number: u64| {
            let slot = BOOKED_FROM * u64::from(calendar.a_day) + number / calendars;
            Some(calendar.slot(start, slot))
        };
        Work {
            name,
            asked: self.booking(name, listings, slot, 201),
            expected: Expected { share: Some(share), ..Expected::default() },
            calendar: Some(calendar),
        }
    }

    /// All works, in the order in which they are measured.
    pub(crate) fn works(&self) -> Vec<Work> {
        let page = |share| Expected { share: Some(share), postgres: Some(1.1), p99: None };
        let search = Expected { p99: Some(100.0), ..Expected::default() };
        let read = |name, expected, path: Box<Path>| Work {
            name,
            asked: reading(path),
            expected,
            calendar: None,
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
                asked: self.booking("request", self.bookable.clone(), |_| None, 201),
                expected: Expected { share: Some(0.6), ..Expected::default() },
                calendar: None,
            },
            self.appointments("submit an appointment", OFFICE_HOURS, 0.6),
            self.appointments("the same, one calendar", AROUND_THE_CLOCK, 0.8),
            Work {
                name: "a slot that is taken",
                asked: {
                    // The first that was booked while the calendars were filled.
                    let slot = OFFICE_HOURS.slot(self.start, 0);
                    let first = self.bookable.iter().take(1).copied().collect();
                    self.booking("taken", first, move |_| Some(slot), 409)
                },
                expected: Expected::default(),
                calendar: None,
            },
        ]
    }

    /// What the jobs of a submitted request add when they run in the same process.
    pub(crate) fn submit_with_jobs(&self) -> Asked {
        self.booking("jobs", self.bookable.clone(), |_| None, 201)
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

//! A marketplace to look at: people, listings with pictures, bookings in every state, reviews,
//! and a month of views.
//!
//! It goes through the services, with a clock that starts five weeks ago, so that all of it is as
//! valid as what people do themselves. The same numbers give the same marketplace, with dates
//! relative to today. What goes beyond [`BY_HAND`] are copies of it, written by the hundred: they
//! have no pictures, bookings or views.

mod accounts;
mod attention;
mod bookings;
mod crowd;
mod listings;
mod pictures;
mod time;
mod words;

use std::sync::Arc;

use access::{Actor, Member, Role, Roles};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{AccountId, ListingId, Money, ProviderId, SessionId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use crate::config::Settings;
use crate::wiring::{Foundation, Services};
use crowd::Model;
use time::SeedClock;

/// The password of every account of the demo.
pub(crate) const PASSWORD: &str = "demo-marketplace";

/// Accounts and listings that are made as people make them.
const BY_HAND: usize = 200;

/// Days over which the demo's past stretches.
const PAST_DAYS: i64 = 35;

/// How much of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Accounts; a quarter of them are providers.
    pub users: usize,
    /// Listings.
    pub listings: usize,
    /// Bookings, in every state in turn.
    pub bookings: usize,
}

impl Numbers {
    /// Enough to look around in, and quick to make.
    pub(crate) const DEMO: Self = Self { users: 60, listings: 200, bookings: 144 };
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress<'a> {
    /// What is being made.
    pub what: &'a str,
    /// How many there are by now.
    pub done: usize,
    /// How many there will be.
    pub of: usize,
}

/// Somebody who may sign in with [`PASSWORD`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignIn {
    /// What they are.
    pub role: &'static str,
    /// Their address.
    pub email: String,
}

/// The accounts that people sign in with to look around: an admin, a provider, a client.
pub(crate) fn sign_ins() -> [SignIn; 3] {
    [("admin", "admin"), ("provider", "provider"), ("client", "client")]
        .map(|(role, name)| SignIn { role, email: address(name) })
}

fn address(name: &str) -> String {
    format!("{name}@demo.example")
}

/// Whether the demo was begun on this database.
pub(crate) async fn is_seeded(services: &Services) -> anyhow::Result<bool> {
    accounts::exists(services, &address("admin")).await
}

/// Fills the marketplace. `tell` hears of every step: when it begins, now and then, and when it is done.
pub(crate) async fn seed(
    settings: &Settings,
    foundation: &Foundation,
    numbers: Numbers,
    tell: impl Fn(Progress<'_>),
) -> anyhow::Result<()> {
    let today = foundation.clock.now();
    let clock = Arc::new(SeedClock::new(today - TimeDelta::days(PAST_DAYS)));
    // What happened before today was settled by hand: no gateway knows of it.
    let gateways = Vec::new();
    let past =
        Foundation { clock: clock.clone(), simulation: None, gateways, ..foundation.clone() };
    let mut seeder = Seeder {
        services: Services::new(settings, &past)?,
        foundation: past,
        settings,
        clock,
        today,
        random: StdRng::seed_from_u64(20),
        people: Vec::new(),
        listings: Vec::new(),
        models: Vec::new(),
        crowd: Vec::new(),
    };
    let Numbers { users, listings, bookings } = numbers;
    let (people, offers) = (users.min(BY_HAND), listings.min(BY_HAND));
    tell(Progress { what: "accounts", done: 0, of: users });
    seeder.accounts(people).await?;
    tell(Progress { what: "accounts", done: people, of: users });
    tell(Progress { what: "listings", done: 0, of: listings });
    seeder
        .listings(offers, |done| {
            tell(Progress { what: "listings", done, of: listings });
        })
        .await?;
    tell(Progress { what: "bookings with reviews", done: 0, of: bookings });
    seeder.bookings(bookings).await?;
    tell(Progress { what: "bookings with reviews", done: bookings, of: bookings });
    tell(Progress { what: "days of views", done: 0, of: 30 });
    seeder.attention().await?;
    tell(Progress { what: "days of views", done: 30, of: 30 });

    seeder.more_accounts(people..users, &tell).await?;
    if seeder.models.is_empty() {
        // Every type wants pictures: there is nothing to copy.
        seeder
            .listings_from(offers..listings, |done| {
                tell(Progress { what: "listings", done, of: listings });
            })
            .await
    } else {
        seeder.more_listings(offers..listings, &tell).await
    }
}

struct Seeder<'a> {
    services: Services,
    foundation: Foundation,
    settings: &'a Settings,
    clock: Arc<SeedClock>,
    today: DateTime<Utc>,
    random: StdRng,
    people: Vec<Person>,
    listings: Vec<Offered>,
    /// What more listings can be made from.
    models: Vec<Model>,
    /// Providers that are copies.
    crowd: Vec<Uuid>,
}

/// Somebody of the demo.
#[derive(Debug, Clone)]
struct Person {
    account: AccountId,
    name: String,
    provider: Option<ProviderId>,
}

impl Person {
    fn actor(&self) -> Actor {
        let roles = match self.provider {
            Some(_) => Roles::client().with(Role::Provider),
            None => Roles::client(),
        };
        Actor::member(Member {
            account: self.account,
            // Nobody is signed in: the session has no name of its own.
            session: SessionId::from_uuid(self.account.as_uuid()),
            roles,
            provider: self.provider,
        })
    }
}

/// A listing of the demo.
#[derive(Debug, Clone, Copy)]
struct Offered {
    id: ListingId,
    /// Who offers it: an index of the people.
    by: usize,
    price: Option<Money>,
    /// Since when it is on offer.
    since: DateTime<Utc>,
    /// Whether it is booked by slot.
    by_slot: bool,
}

impl Seeder<'_> {
    /// A moment so many days before today, at some time of the working day.
    fn days_ago(&mut self, days: i64) -> DateTime<Utc> {
        let noise = TimeDelta::minutes(self.random.random_range(0..600));
        (self.today - TimeDelta::days(days) - noise).min(self.today)
    }

    fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.random.random_range(0..from.len())]
    }

    /// The indexes of those who are providers.
    fn providers(&self) -> Vec<usize> {
        let numbered = self.people.iter().enumerate();
        numbered.filter(|(_, person)| person.provider.is_some()).map(|(i, _)| i).collect()
    }
}

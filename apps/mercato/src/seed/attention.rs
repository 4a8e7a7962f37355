use anyhow::Context;
use catalog::engagement::{Favorite, Viewer};
use chrono::TimeDelta;
use rand::RngExt;

use super::{Offered, Seeder};

/// The days whose figures the demo shows.
const DAYS: i64 = 30;

/// The most that look at one listing on one day, at first; there are more towards today.
const VIEWERS: i64 = 6;

impl Seeder<'_> {
    /// People look at what is on offer, more of them every day; some go on to the provider's
    /// profile, and those who have an account keep a few favourites.
    pub(super) async fn attention(&mut self) -> anyhow::Result<()> {
        let engagement = self.services.discovery.engagement.clone();
        let listings = self.listings.clone();
        for day in (0..DAYS).rev() {
            let at = (self.today - TimeDelta::days(day)).min(self.today);
            self.clock.set(at);
            let most = VIEWERS + (DAYS - day) / 5;
            for offered in listings.iter().filter(|offered| offered.since <= at) {
                let Some(provider) = self.people[offered.by].provider else { continue };
                for _ in 0..self.random.random_range(0..=most) {
                    let viewer = Viewer::new(self.random.random());
                    let nobody = access::Actor::visitor();
                    engagement.listing_seen(&nobody, offered.id, provider, viewer);
                    if self.random.random_bool(0.2) {
                        engagement.profile_seen(&nobody, provider, Some(offered.id), viewer);
                    }
                }
            }
            engagement.count_sightings().await.context("views")?;
        }
        self.favorites(&listings).await
    }

    async fn favorites(&mut self, listings: &[Offered]) -> anyhow::Result<()> {
        self.clock.set(self.today);
        for person in 0..self.people.len() {
            let keeper = self.people[person].actor();
            for _ in 0..self.random.random_range(0..6) {
                let offered = *self.pick(listings);
                if offered.by != person {
                    let favorite = Favorite::Listing(offered.id);
                    self.services.discovery.engagement.keep(&keeper, favorite).await?;
                }
            }
        }
        Ok(())
    }
}

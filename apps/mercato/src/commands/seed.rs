use anyhow::bail;
use clap::Args;

use super::output::{say, show};
use super::platform::Platform;
use crate::config::Settings;
use crate::seed::{self, Numbers};

/// How much demo data.
#[derive(Debug, Clone, Args)]
pub(super) struct SeedFlags {
    /// The marketplace: the name of a shipped profile, or the path of a profile's file.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Accounts, as many as you like; a quarter of them are providers.
    #[arg(long, default_value_t = Numbers::DEMO.users, value_parser = at_least_eight)]
    users: usize,
    /// Listings; the first 200 with pictures where their type takes any, the others copies of
    /// them without.
    #[arg(long, default_value_t = Numbers::DEMO.listings)]
    listings: usize,
    /// Bookings, in every state in turn, with reviews.
    #[arg(long, default_value_t = Numbers::DEMO.bookings)]
    bookings: usize,
}

/// Fewer would leave a role without anybody in it.
fn at_least_eight(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(users) if users >= 8 => Ok(users),
        Ok(_) | Err(_) => Err("must be a number from 8 up".to_owned()),
    }
}

impl SeedFlags {
    /// The flags that stand for settings.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        self.profile.iter().map(|name| ("profile".to_owned(), name.clone())).collect()
    }
}

pub(super) async fn seed(settings: Settings, flags: SeedFlags) -> anyhow::Result<()> {
    if settings.is_production() {
        bail!("demo data is not for production: everyone knows its passwords");
    }
    let platform = Platform::start(&settings, false).await?;
    if seed::is_seeded(&platform.services).await? {
        platform.stop().await?;
        return say("this database has demo data already; nothing was added");
    }
    let SeedFlags { users, listings, bookings, profile: _ } = flags;
    let numbers = Numbers { users, listings, bookings };
    let started = std::time::Instant::now();
    seed::seed(&settings, &platform.foundation, numbers, show).await?;
    say(&format!(
        "done after {:.1?}; everyone's password is {}",
        started.elapsed(),
        seed::PASSWORD
    ))?;
    platform.stop().await
}

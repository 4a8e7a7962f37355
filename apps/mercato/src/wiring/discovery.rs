use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use access::Actor;
use adapter_postgres::PgStore;
use catalog::engagement::{EngagementService, EngagementStore, Viewer};
use catalog::search::{SearchService, SearchStore};
use chrono::NaiveDate;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{Foundation, derived_key};
use crate::config::Settings;

/// What finds listings and providers, and counts what happens around them.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// Lists and searches.
    pub search: SearchService,
    /// Favourites, views and figures.
    pub engagement: EngagementService,
    /// What viewers are told apart by.
    pub viewers: ViewerKey,
}

impl Discovery {
    /// Wires it.
    pub(super) fn new(settings: &Settings, foundation: &Foundation) -> Self {
        let Foundation { store, clock, ids: _, random: _, .. } = foundation;
        let searches: Arc<dyn SearchStore> = Arc::<PgStore>::clone(store);
        let engagement: Arc<dyn EngagementStore> = Arc::<PgStore>::clone(store);
        Self {
            search: SearchService::new(searches),
            engagement: EngagementService::new(engagement, Arc::clone(clock)),
            viewers: ViewerKey(derived_key(settings, "viewers")),
        }
    }
}

/// The secret that viewers are hashed with, together with the day: so that nobody can tell who a
/// viewer was, nor that it was the same one on another day.
#[derive(Clone)]
pub struct ViewerKey([u8; 32]);

impl fmt::Debug for ViewerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ViewerKey")
    }
}

impl ViewerKey {
    /// The viewer that somebody is on a day: by their account, else by network and browser.
    pub fn viewer(&self, actor: &Actor, network: IpAddr, agent: &str, day: NaiveDate) -> Viewer {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes any key");
        mac.update(day.to_string().as_bytes());
        if let Some(account) = actor.account() {
            mac.update(b"account");
            mac.update(account.as_uuid().as_bytes());
        } else {
            mac.update(b"visitor");
            mac.update(network.to_string().as_bytes());
            mac.update(agent.as_bytes());
        }
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut hash = [0; 16];
        hash.copy_from_slice(&full[..16]);
        Viewer::new(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_is_the_same_for_a_day() {
        let key = ViewerKey([7; 32]);
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let viewer = |address: &str, agent, on| {
            key.viewer(&Actor::visitor(), address.parse().unwrap(), agent, day(on))
        };

        let one = viewer("192.0.2.1", "Firefox", "2026-05-01");
        assert_eq!(one, viewer("192.0.2.1", "Firefox", "2026-05-01"));
        assert_ne!(one, viewer("192.0.2.2", "Firefox", "2026-05-01"));
        assert_ne!(one, viewer("192.0.2.1", "Safari", "2026-05-01"));
        assert_ne!(one, viewer("192.0.2.1", "Firefox", "2026-05-02"));
    }
}

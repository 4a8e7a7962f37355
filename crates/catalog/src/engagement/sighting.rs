use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use kernel::{ListingId, ProviderId};

/// Somebody who looks at things, signed in or not: a keyed hash that changes every day and says
/// nothing about the person.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Viewer([u8; 16]);

impl Viewer {
    /// From the bytes of a hash.
    pub const fn new(hash: [u8; 16]) -> Self {
        Self(hash)
    }

    /// The bytes of the hash.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Viewer")
    }
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sight {
    /// The page of a listing.
    Listing(ListingId),
    /// The profile of a provider.
    Profile(ProviderId),
    /// The profile of a provider, coming from one of its listings.
    ProfileFrom {
        /// The listing; of another provider it does not count.
        listing: ListingId,
        /// The provider.
        provider: ProviderId,
    },
}

/// A viewer looked at something, in an hour. However often that was, it counts once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sighting {
    /// What.
    pub sight: Sight,
    /// Who.
    pub viewer: Viewer,
    /// The hour, by its start.
    pub hour: DateTime<Utc>,
}

impl Sighting {
    /// At a moment.
    pub fn new(sight: Sight, viewer: Viewer, at: DateTime<Utc>) -> Self {
        let hour = at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at);
        Self { sight, viewer, hour }
    }
}

/// Parts of the names of programs that read pages for other programs. Those that carry a person,
/// such as a browser or an app, say none of these.
const SIGNS_OF_BOTS: [&str; 18] = [
    "bot",
    "crawl",
    "spider",
    "slurp",
    "archiver",
    "facebookexternalhit",
    "preview",
    "headless",
    "lighthouse",
    "pingdom",
    "uptime",
    "monitor",
    "scrapy",
    "phantomjs",
    "validator",
    "feedfetcher",
    "bingsearch",
    "yandeximages",
];

/// Whether a program says of itself that nobody looks at what it reads.
pub fn is_bot(user_agent: &str) -> bool {
    let agent = user_agent.to_ascii_lowercase();
    SIGNS_OF_BOTS.iter().any(|sign| agent.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_read_for_programs_are_bots() {
        for bot in [
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; YandexBot/3.0)",
            "facebookexternalhit/1.1",
            "Mozilla/5.0 HeadlessChrome/120.0",
        ] {
            assert!(is_bot(bot), "{bot}");
        }
        for person in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "MercatoApp/3.1 okhttp/4.12",
            "curl/8.5.0",
            "",
        ] {
            assert!(!is_bot(person), "{person}");
        }
    }

    #[test]
    fn an_hour_counts_once() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let sight = Sight::Listing(ListingId::from_uuid(uuid::Uuid::nil()));
        let seen = |text| Sighting::new(sight, Viewer::new([1; 16]), at(text));

        assert_eq!(seen("2026-05-01T10:00:00Z"), seen("2026-05-01T10:59:59Z"));
        assert_ne!(seen("2026-05-01T10:59:59Z"), seen("2026-05-01T11:00:00Z"));
    }
}

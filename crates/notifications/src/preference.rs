use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;

/// What notifications are about; people choose by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// Requests, offers, appointments, work.
    Bookings,
    /// Payments, subscriptions, invoices, payouts.
    Payments,
    /// Paid visibility: when it begins and ends.
    Promotions,
    /// Reviews by and of oneself.
    Reviews,
    /// Decisions on one's listings and profile.
    Listings,
    /// Work that waits for a moderator.
    Moderation,
    /// One's account and its safety. Nobody can turn it off.
    Account,
}

impl Topic {
    /// All of them, in the order of the docs.
    pub const ALL: [Self; 7] = [
        Self::Bookings,
        Self::Payments,
        Self::Promotions,
        Self::Reviews,
        Self::Listings,
        Self::Moderation,
        Self::Account,
    ];

    /// Those that people choose about.
    pub const OPTIONAL: [Self; 6] = [
        Self::Bookings,
        Self::Payments,
        Self::Promotions,
        Self::Reviews,
        Self::Listings,
        Self::Moderation,
    ];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bookings => "bookings",
            Self::Payments => "payments",
            Self::Promotions => "promotions",
            Self::Reviews => "reviews",
            Self::Listings => "listings",
            Self::Moderation => "moderation",
            Self::Account => "account",
        }
    }

    /// Whether it is sent whatever a person prefers.
    pub const fn is_transactional(self) -> bool {
        matches!(self, Self::Account)
    }
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|topic| topic.name() == name).ok_or_else(|| {
            "must be one of bookings, payments, promotions, reviews, listings, moderation"
                .to_owned()
        })
    }
}

/// How a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// In the list of notifications.
    InApp,
    /// By mail.
    Mail,
}

/// What a person chose for a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// In the list of notifications.
    pub in_app: bool,
    /// By mail.
    pub mail: bool,
}

impl Default for Setting {
    /// Told of everything until they choose otherwise.
    fn default() -> Self {
        Self { in_app: true, mail: true }
    }
}

/// What a person chose to be told of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preferences(BTreeMap<Topic, Setting>);

impl Preferences {
    /// The preferences that were stored; what is not there is on.
    pub fn from_stored(settings: impl IntoIterator<Item = (Topic, Setting)>) -> Self {
        Self(settings.into_iter().filter(|(topic, _)| !topic.is_transactional()).collect())
    }

    /// The same with another setting for a topic. A topic that nobody can turn off stays on.
    pub fn set(&mut self, topic: Topic, setting: Setting) {
        if !topic.is_transactional() {
            self.0.insert(topic, setting);
        }
    }

    /// The setting for a topic.
    pub fn setting(&self, topic: Topic) -> Setting {
        self.0.get(&topic).copied().unwrap_or_default()
    }

    /// Whether a person is told of a topic through a channel.
    pub fn allow(&self, topic: Topic, channel: Channel) -> bool {
        let setting = self.setting(topic);
        match channel {
            Channel::InApp => setting.in_app,
            Channel::Mail => setting.mail,
        }
    }

    /// All topics that people choose about, with their settings.
    pub fn all(&self) -> impl Iterator<Item = (Topic, Setting)> {
        Topic::OPTIONAL.into_iter().map(|topic| (topic, self.setting(topic)))
    }
}

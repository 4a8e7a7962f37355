use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use kernel::{AccountId, EventMessage, ProviderId};
use serde::Deserialize;
use serde_json::Value;

use crate::{Channel, Template, Topic};

/// One line of the table: somebody is told of an event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The event's stable name.
    pub event: String,
    /// A field of its payload with the id of an account or provider, or `moderators`.
    pub to: String,
    /// What people turn on and off.
    pub topic: Topic,
    /// Which words.
    pub text: String,
    /// Only if these fields of the payload have one of these values.
    #[serde(default)]
    pub when: BTreeMap<String, Vec<String>>,
    /// Which mail.
    #[serde(default)]
    pub mail: Template,
    /// How.
    #[serde(default = "every_channel")]
    pub channels: Vec<Channel>,
    /// Whether the person who caused it is told, too.
    #[serde(default)]
    pub tell_actor: bool,
}

/// Whom a rule names for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// An account.
    Account(AccountId),
    /// The account behind a provider.
    Provider(ProviderId),
    /// Everyone who moderates.
    Moderators,
}

impl Rule {
    /// Whom to tell of this event; `None` if its payload names nobody, or the rule is not about
    /// such an event.
    pub fn recipient(&self, event: &EventMessage) -> Option<To> {
        let matches = |(field, values): (&String, &Vec<String>)| {
            event.payload[field].as_str().is_some_and(|value| values.iter().any(|v| v == value))
        };
        if !self.when.iter().all(matches) {
            return None;
        }
        if self.to == "moderators" {
            return Some(To::Moderators);
        }
        let id = event.payload.get(&self.to).and_then(Value::as_str)?;
        id.parse().map(To::Account).or_else(|_| id.parse().map(To::Provider)).ok()
    }

    /// Whether the rule uses a channel.
    pub fn uses(&self, channel: Channel) -> bool {
        self.channels.contains(&channel)
    }
}

fn every_channel() -> Vec<Channel> {
    vec![Channel::InApp, Channel::Mail]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    rule: Vec<Rule>,
}

static RULES: LazyLock<HashMap<String, Vec<Rule>>> = LazyLock::new(|| {
    let table: Table = toml::from_str(include_str!("../texts/rules.toml"))
        .expect("the table of rules is part of this crate, and a test reads it");
    let mut rules: HashMap<String, Vec<Rule>> = HashMap::new();
    for rule in table.rule {
        rules.entry(rule.event.clone()).or_default().push(rule);
    }
    rules
});

/// The lines of the table for an event, by its name.
pub fn rules(event: &str) -> &'static [Rule] {
    RULES.get(event).map_or(&[], Vec::as_slice)
}

/// Whether anybody is told of an event, by its name: whether [`NotificationService::on_event`]
/// wants to hear of it.
///
/// [`NotificationService::on_event`]: crate::NotificationService::on_event
pub fn concerns_people(event: &str) -> bool {
    event == crate::service::ERASED || RULES.contains_key(event)
}

#[cfg(test)]
pub(crate) fn all_rules() -> impl Iterator<Item = &'static Rule> {
    RULES.values().flatten()
}

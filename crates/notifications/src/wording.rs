use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use kernel::{Currency, Locale, Money};
use serde::Deserialize;
use serde_json::Value;

/// What a notification says, in one language, facts filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// One line.
    pub title: String,
    /// Sentences.
    pub body: Vec<String>,
    /// What to do next: the label of a link.
    pub action: String,
}

/// What the sentences speak of.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The event's payload.
    pub payload: &'a Value,
    /// The title of the listing it is about, if there is one.
    pub listing_title: Option<&'a str>,
    /// Where the reader's clock hangs.
    pub time_zone: Tz,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Formats {
    time: String,
    nameless: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wording {
    title: String,
    body: Vec<String>,
    action: String,
}

#[derive(Debug, Deserialize)]
struct Language {
    formats: Formats,
    #[serde(flatten)]
    wordings: BTreeMap<String, Wording>,
}

/// All texts in all languages.
#[derive(Debug)]
pub struct Wordings(HashMap<&'static str, Language>);

static WORDINGS: LazyLock<Wordings> = LazyLock::new(|| {
    let files =
        [("en", include_str!("../texts/en.toml")), ("de", include_str!("../texts/de.toml"))];
    let read = |(tag, text): (&'static str, &str)| {
        let language = toml::from_str(text)
            .expect("the texts are part of this crate, and a test reads all of them");
        (tag, language)
    };
    Wordings(files.into_iter().map(read).collect())
});

impl Wordings {
    /// The texts of this crate.
    pub fn shipped() -> &'static Self {
        &WORDINGS
    }

    /// The languages there are.
    pub fn languages(&self) -> Vec<&'static str> {
        let mut tags: Vec<_> = self.0.keys().copied().collect();
        tags.sort_unstable();
        tags
    }

    /// Whether there are words for a text in a language, by its tag.
    pub fn has(&self, language: &str, text: &str) -> bool {
        self.0.get(language).is_some_and(|language| language.wordings.contains_key(text))
    }

    /// The language in which a person reads our texts: theirs, else English.
    pub fn language(&self, locale: &Locale) -> &'static str {
        let spoken = |tag: &str| self.0.keys().copied().find(|known| *known == tag);
        spoken(locale.as_str()).or_else(|| spoken(locale.language())).unwrap_or("en")
    }

    /// What a text says, in a person's language, else in English. `None` if there is no such text
    /// (any more).
    pub fn words(&self, locale: &Locale, text: &str, facts: &Facts<'_>) -> Option<Words> {
        let (language, wording) = [locale.as_str(), locale.language(), "en"]
            .iter()
            .filter_map(|tag| self.0.get(tag))
            .find_map(|language| Some((language, language.wordings.get(text)?)))?;
        let formats = &language.formats;
        Some(Words {
            title: fill(&wording.title, facts, formats)?,
            body: wording.body.iter().filter_map(|line| fill(line, facts, formats)).collect(),
            action: wording.action.clone(),
        })
    }
}

/// A sentence with its facts; `None` if one of them is not known.
fn fill(sentence: &str, facts: &Facts<'_>, formats: &Formats) -> Option<String> {
    let mut filled = String::with_capacity(sentence.len());
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        filled.push_str(before);
        filled.push_str(&fact(name, facts, formats)?);
        rest = after;
    }
    filled.push_str(rest);
    Some(filled)
}

fn fact(name: &str, facts: &Facts<'_>, formats: &Formats) -> Option<String> {
    match name {
        "listing" => Some(facts.listing_title.unwrap_or(&formats.nameless).to_owned()),
        "slot_start" | "deadline" | "access_until" | "ends_at" => {
            let at: DateTime<Utc> = facts.payload[name].as_str()?.parse().ok()?;
            Some(at.with_timezone(&facts.time_zone).format(&formats.time).to_string())
        }
        "refund" | "amount" | "returned" => {
            let amount = facts.payload[name]["amount"].as_i64().filter(|amount| *amount > 0)?;
            let currency = facts.payload[name]["currency"].as_str()?;
            let currency = Currency::from_stored(currency).ok()?;
            Some(Money::new(amount, currency).to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::UnsubscribePage;
    use crate::rule::all_rules;

    fn keys(language: &Language) -> BTreeSet<&str> {
        language.wordings.keys().map(String::as_str).collect()
    }

    #[test]
    fn every_rule_has_words_in_every_language_and_no_words_are_idle() {
        let pages = [UnsubscribePage::Asked, UnsubscribePage::Done].map(UnsubscribePage::text);
        let used: BTreeSet<&str> =
            all_rules().map(|rule| rule.text.as_str()).chain(pages).collect();
        for (tag, language) in &Wordings::shipped().0 {
            assert_eq!(keys(language), used, "{tag}");
        }
    }

    #[test]
    fn every_placeholder_is_a_fact_and_every_time_format_works() {
        let payload = json!({
            "slot_start": "2026-11-21T12:00:00Z",
            "deadline": "2026-11-21T12:00:00Z",
            "access_until": "2026-11-21T12:00:00Z",
            "ends_at": "2026-11-21T12:00:00Z",
            "refund": {"amount": 1999, "currency": "EUR"},
            "amount": {"amount": 1999, "currency": "EUR"},
            "returned": {"amount": 1999, "currency": "EUR"},
        });
        let time_zone = Tz::Europe__Berlin;
        let facts = Facts { payload: &payload, listing_title: Some("Shelves"), time_zone };
        for (tag, language) in &Wordings::shipped().0 {
            for (key, wording) in &language.wordings {
                for line in wording.body.iter().chain([&wording.title]) {
                    let filled = fill(line, &facts, &language.formats);
                    assert!(filled.is_some(), "{tag} {key}: {line}");
                }
                assert!(!wording.action.contains('{'), "{tag} {key}");
            }
        }
    }

    #[test]
    fn a_sentence_whose_fact_is_not_known_is_left_out() {
        let payload = json!({"slot_start": null, "deadline": "2026-11-24T11:30:00Z"});
        let time_zone = Tz::Europe__Berlin;
        let facts = Facts { payload: &payload, listing_title: Some("Regale"), time_zone };

        let words =
            Wordings::shipped().words(&"de-AT".parse().unwrap(), "booking_submitted", &facts);

        assert_eq!(
            words.unwrap().body,
            ["Jemand fragt „Regale“ an.", "Bitte antworten Sie bis 24.11.2026, 12:30 Uhr (CET)."]
        );
    }

    #[test]
    fn a_language_we_do_not_speak_is_answered_in_english() {
        let facts = Facts { payload: &json!({}), listing_title: None, time_zone: Tz::UTC };

        let words =
            Wordings::shipped().words(&"fi".parse().unwrap(), "booking_expired", &facts).unwrap();

        assert_eq!(words.title, "The request for your booking has expired");
    }
}

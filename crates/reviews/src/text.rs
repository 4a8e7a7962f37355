use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use kernel::{FieldErrors, Text};

/// What a review says.
pub type ReviewText = Text<20, 4_000>;

/// What the reviewed side answers.
pub type ReplyText = Text<1, 2_000>;

/// Why a moderator took a decision; its author reads it.
pub type Reason = Text<3, 500>;

/// What a reporter adds to their reason.
pub type ReportNote = Text<1, 1_000>;

/// One to five stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stars(u8);

impl Stars {
    /// Checks a number of stars.
    pub fn new(given: i64) -> Result<Self, String> {
        u8::try_from(given)
            .ok()
            .filter(|stars| (1..=5).contains(stars))
            .map(Self)
            .ok_or_else(|| format!("must be 1 to 5, not {given}"))
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Stars per criterion, such as `punctuality`, by the keys that the listing type declares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Criteria(BTreeMap<String, Stars>);

impl Criteria {
    /// Checks stars per criterion against the declared keys, noting each that is wrong under
    /// `/criteria/<key>`. A declared criterion may be left out.
    pub fn parse(given: &[(String, i64)], declared: &[String], errors: &mut FieldErrors) -> Self {
        let mut criteria = BTreeMap::new();
        for (key, stars) in given {
            let shown: String = key.chars().take(64).collect();
            let pointer = format!("/criteria/{}", shown.replace('~', "~0").replace('/', "~1"));
            if !declared.contains(key) {
                let known =
                    if declared.is_empty() { "none".to_owned() } else { declared.join(", ") };
                errors.add(pointer, "unknown", format!("is not a criterion here; known: {known}"));
            } else if let Some(stars) = errors.check(&pointer, "out_of_range", Stars::new(*stars)) {
                criteria.insert(key.clone(), stars);
            }
        }
        Self(criteria)
    }

    /// The criteria of a record that was checked when it was written.
    pub fn from_stored(stored: impl IntoIterator<Item = (String, Stars)>) -> Self {
        Self(stored.into_iter().collect())
    }

    /// Each criterion with its stars, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Stars)> {
        self.0.iter().map(|(key, stars)| (key.as_str(), *stars))
    }

    /// The keys.
    pub fn keys(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// Why a reader reports a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportReason {
    /// It insults or threatens.
    Abusive,
    /// It shows somebody's private data.
    PersonalData,
    /// It is not about what was booked.
    OffTopic,
    /// It advertises.
    Spam,
    /// It is not true, or was paid for.
    False,
    /// Something else; the note says what.
    Other,
}

impl ReportReason {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Abusive, Self::PersonalData, Self::OffTopic, Self::Spam, Self::False, Self::Other];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abusive => "abusive",
            Self::PersonalData => "personal_data",
            Self::OffTopic => "off_topic",
            Self::Spam => "spam",
            Self::False => "false",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ReportReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ReportReason {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|reason| reason.name() == name).ok_or_else(|| {
            "must be one of abusive, personal_data, off_topic, spam, false, other".to_owned()
        })
    }
}

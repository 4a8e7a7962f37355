use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The name that a listing type, an attribute or a choice has for programs: 1 to 40 lower-case
/// ASCII letters, digits and single underscores, a letter first. Never renamed once in use.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "must be 1 to {} lower-case letters, digits and single underscores, a letter first",
    Key::MAX
)]
pub struct KeyError;

impl Key {
    /// The longest key.
    pub const MAX: usize = 40;

    /// Checks a key.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        let sound = text.len() <= Self::MAX
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.split('_').all(part);
        if sound { Ok(Self(text.to_owned())) } else { Err(KeyError) }
    }

    /// The key of a record that was checked when it was written.
    pub const fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The bare key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Key {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        Self::new(&text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl std::borrow::Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_lower_snake_case() {
        assert!(Key::new("floor_area_2").is_ok());
        for wrong in ["", "_a", "a_", "a__b", "A", "1a", "a-b", "ä", "a\0"] {
            assert_eq!(Key::new(wrong), Err(KeyError), "{wrong:?}");
        }
        assert!(Key::new(&"a".repeat(41)).is_err());
    }
}

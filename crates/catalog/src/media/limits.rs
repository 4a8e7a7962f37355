use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::MediaKind;

/// What may be attached to a listing, declared by its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Declared", into = "Declared")]
pub struct MediaLimits {
    kinds: Vec<MediaKind>,
    min: usize,
    max: usize,
    bytes: u64,
}

/// Why limits make no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MediaLimitsError {
    /// More must be attached than may be.
    #[error("media: `min` ({min}) must not be above `max` ({max})")]
    Crossed {
        /// The least number of items.
        min: usize,
        /// The greatest number of items.
        max: usize,
    },
    /// More than a listing can show.
    #[error("media: `max` must not be above {}", MediaLimits::MAX_ITEMS)]
    TooMany,
    /// Larger than any upload.
    #[error("media: `bytes` must be from 1 to {}", MediaLimits::MAX_BYTES)]
    Bytes,
    /// Something must be attached, but nothing may be.
    #[error("media: `kinds` names none, but `max` is above 0")]
    NoKinds,
}

impl MediaLimits {
    /// The most items that any listing type may allow.
    pub const MAX_ITEMS: usize = 50;

    /// The most bytes that any file may have: 10 MiB.
    pub const MAX_BYTES: u64 = 10 * 1024 * 1024;

    /// Limits: which kinds, how many items (`min..=max`), how many bytes a file.
    pub fn new(
        kinds: impl IntoIterator<Item = MediaKind>,
        min: usize,
        max: usize,
        bytes: u64,
    ) -> Result<Self, MediaLimitsError> {
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_unstable();
        kinds.dedup();
        if min > max {
            return Err(MediaLimitsError::Crossed { min, max });
        }
        if max > Self::MAX_ITEMS {
            return Err(MediaLimitsError::TooMany);
        }
        if !(1..=Self::MAX_BYTES).contains(&bytes) {
            return Err(MediaLimitsError::Bytes);
        }
        if max > 0 && kinds.is_empty() {
            return Err(MediaLimitsError::NoKinds);
        }
        Ok(Self { kinds, min, max, bytes })
    }

    /// Nothing may be attached.
    pub const fn none() -> Self {
        Self { kinds: Vec::new(), min: 0, max: 0, bytes: Self::MAX_BYTES }
    }

    /// The kinds that may be attached.
    pub fn kinds(&self) -> &[MediaKind] {
        &self.kinds
    }

    /// The least number of items, at any time.
    pub const fn min(&self) -> usize {
        self.min
    }

    /// The greatest number of items, at any time.
    pub const fn max(&self) -> usize {
        self.max
    }

    /// The greatest size of a file, in bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Default for MediaLimits {
    /// No item is needed; up to 12 pictures of up to 10 MiB are allowed.
    fn default() -> Self {
        Self { kinds: vec![MediaKind::Picture], min: 0, max: 12, bytes: Self::MAX_BYTES }
    }
}

/// The limits as a profile and the database write them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    #[serde(default = "pictures")]
    kinds: Vec<MediaKind>,
    #[serde(default)]
    min: usize,
    #[serde(default = "twelve")]
    max: usize,
    #[serde(default = "ten_mebibytes")]
    bytes: u64,
}

fn pictures() -> Vec<MediaKind> {
    vec![MediaKind::Picture]
}

const fn twelve() -> usize {
    12
}

const fn ten_mebibytes() -> u64 {
    MediaLimits::MAX_BYTES
}

impl TryFrom<Declared> for MediaLimits {
    type Error = MediaLimitsError;

    fn try_from(declared: Declared) -> Result<Self, Self::Error> {
        Self::new(declared.kinds, declared.min, declared.max, declared.bytes)
    }
}

impl From<MediaLimits> for Declared {
    fn from(limits: MediaLimits) -> Self {
        Self { kinds: limits.kinds, min: limits.min, max: limits.max, bytes: limits.bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_cannot_be_met_are_refused() {
        let new = |min, max, bytes| MediaLimits::new([MediaKind::Picture], min, max, bytes);
        assert!(new(1, 12, 1).is_ok());
        assert_eq!(new(2, 1, 1), Err(MediaLimitsError::Crossed { min: 2, max: 1 }));
        assert_eq!(new(0, 51, 1), Err(MediaLimitsError::TooMany));
        assert_eq!(new(0, 1, 0), Err(MediaLimitsError::Bytes));
        assert_eq!(new(0, 1, MediaLimits::MAX_BYTES + 1), Err(MediaLimitsError::Bytes));
        assert_eq!(MediaLimits::new([], 0, 1, 1), Err(MediaLimitsError::NoKinds));
    }

    #[test]
    fn a_profile_says_only_what_differs() {
        let limits: MediaLimits = serde_json::from_str(r#"{"min": 1}"#).unwrap();

        assert_eq!(limits.min(), 1);
        assert_eq!(limits.max(), 12);
        assert!(serde_json::from_str::<MediaLimits>(r#"{"min": 13}"#).is_err());
        assert!(serde_json::from_str::<MediaLimits>(r#"{"maximum": 1}"#).is_err());
    }
}

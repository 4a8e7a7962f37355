use std::fmt::Debug;

use thiserror::Error;
use uuid::Uuid;

/// Where new identifiers come from. A port, so that a test can foresee them.
pub trait Ids: Debug + Send + Sync {
    /// A new UUIDv7 (RFC 9562): unique, and roughly ordered by the time it was made.
    fn next(&self) -> Uuid;
}

/// Identifiers from the system's clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes identifiers")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// Identifiers 1, 2, 3 and so on.
#[cfg(feature = "testing")]
#[derive(Debug, Default)]
pub struct SequentialIds(std::sync::atomic::AtomicU64);

#[cfg(feature = "testing")]
impl Ids for SequentialIds {
    fn next(&self) -> Uuid {
        let last = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Uuid::from_u64_pair(0x7000, last + 1)
    }
}

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{given}` is not an id of this kind: expected `{prefix}_` and 32 hexadecimal digits")]
pub struct IdError {
    /// The prefix that was expected, without its underscore.
    pub prefix: &'static str,
    /// What was given, shortened to 64 characters.
    pub given: String,
}

/// Declares a typed identifier over a UUIDv7. On the wire it is its prefix, an underscore and the
/// 32 lower-case hexadecimal digits of the UUID: `bkg_0192d4…`.
#[macro_export]
macro_rules! id {
    ($(#[$meta:meta])* pub struct $name:ident($prefix:literal);) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($crate::__uuid::Uuid);

        impl $name {
            /// What stands before the underscore on the wire.
            pub const PREFIX: &'static str = $prefix;

            /// A new identifier.
            pub fn next(ids: &dyn $crate::Ids) -> Self {
                Self(ids.next())
            }

            /// The identifier behind a bare UUID, as a database column holds it.
            pub const fn from_uuid(uuid: $crate::__uuid::Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID, as a database column holds it.
            pub const fn as_uuid(self) -> $crate::__uuid::Uuid {
                self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, self.0.simple())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|hex| hex.len() == 32)
                    .filter(|hex| hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
                    .and_then(|hex| $crate::__uuid::Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| $crate::IdError {
                        prefix: Self::PREFIX,
                        given: text.chars().take(64).collect(),
                    })
            }
        }

        impl $crate::__serde::Serialize for $name {
            fn serialize<S: $crate::__serde::Serializer>(
                &self,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> $crate::__serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let text = <::std::borrow::Cow<'de, str> as $crate::__serde::Deserialize>::deserialize(
                    deserializer,
                )?;
                text.parse().map_err($crate::__serde::de::Error::custom)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BookingId, ListingId};

    #[test]
    fn an_id_survives_the_wire() {
        let id = BookingId::next(&SystemIds);

        let json = serde_json::to_string(&id).unwrap();

        assert!(json.starts_with("\"bkg_"), "{json}");
        assert_eq!(serde_json::from_str::<BookingId>(&json).unwrap(), id);
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let booking = BookingId::next(&SystemIds).to_string();

        let error = booking.parse::<ListingId>().unwrap_err();

        assert_eq!(error.prefix, "lst");
    }

    #[test]
    fn only_the_canonical_spelling_is_an_id() {
        for text in ["", "bkg_", "bkg_0", "BKG_0192d4c0000070008000000000000000", "bkg_\0"] {
            assert!(text.parse::<BookingId>().is_err(), "{text:?}");
        }
        let braced = format!("bkg_{{{}}}", Uuid::nil().simple());
        assert!(braced.parse::<BookingId>().is_err());
    }
}

//! Cursors: opaque, bound to the list, sort and filter they came from, and tamper-evident.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use super::Problem;

/// Bytes of the tag: 128 bits are enough against guessing.
const TAG: usize = 16;

/// The secret that cursors are signed with.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey")
    }
}

impl CursorKey {
    /// A key from secret bytes; the same on every server.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The cursor for a position in the list that `list` describes: its name, sort and filters.
    pub(crate) fn encode(&self, list: &str, position: &impl Serialize) -> String {
        let mut bytes = serde_json::to_vec(position).expect("a position is plain data");
        let tag = self.tag(list, &bytes);
        bytes.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position behind a cursor of the same list; 400 `invalid_cursor` for any other text.
    pub(crate) fn decode<P: DeserializeOwned>(
        &self,
        list: &str,
        cursor: &str,
    ) -> Result<P, Problem> {
        let invalid = || {
            Problem::malformed(
                "invalid_cursor",
                "this cursor does not belong to this list, sort and filter; start without one",
            )
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| invalid())?;
        let split = bytes.len().checked_sub(TAG).ok_or_else(invalid)?;
        let (position, tag) = bytes.split_at(split);
        if !bool::from(subtle::ConstantTimeEq::ct_eq(tag, &self.tag(list, position)[..])) {
            return Err(invalid());
        }
        serde_json::from_slice(position).map_err(|_| invalid())
    }

    fn tag(&self, list: &str, position: &[u8]) -> [u8; TAG] {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes any key");
        mac.update(list.as_bytes());
        mac.update(&[0]);
        mac.update(position);
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut tag = [0; TAG];
        tag.copy_from_slice(&full[..TAG]);
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_its_own_list_only() {
        let key = CursorKey::new([7; 32]);
        let cursor = key.encode("listings sort=price", &(1999, "lst_1"));

        assert_eq!(
            key.decode::<(i64, String)>("listings sort=price", &cursor).unwrap(),
            (1999, "lst_1".to_owned())
        );
        for (list, text) in [
            ("listings sort=-price", cursor.as_str()),
            ("listings sort=price", "AAAA"),
            ("listings sort=price", ""),
            ("listings sort=price", "%%%"),
        ] {
            let problem = key.decode::<(i64, String)>(list, text).unwrap_err();
            assert_eq!(problem.code(), "invalid_cursor");
        }
    }

    #[test]
    fn a_changed_bit_is_seen() {
        let key = CursorKey::new([7; 32]);
        let mut bytes = URL_SAFE_NO_PAD.decode(key.encode("l", &5)).unwrap();
        bytes[0] ^= 1;
        assert!(key.decode::<i64>("l", &URL_SAFE_NO_PAD.encode(bytes)).is_err());
    }
}

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{__uuid::Uuid, AccountId};
use sha2::Sha256;

use crate::Topic;

/// What an unsubscribe link asks for: no more mail on a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Whose.
    pub account: AccountId,
    /// Of which topic.
    pub topic: Topic,
}

/// The page that such a link opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsubscribePage {
    /// It asks whether mails shall stop.
    Asked,
    /// They were stopped.
    Done,
}

impl UnsubscribePage {
    /// The key of its text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Asked => "unsubscribe_asked",
            Self::Done => "unsubscribe_done",
        }
    }
}

/// Signs the links that turn a topic's mail off without signing in (RFC 8058). A link never
/// expires: an old mail must still be able to stop the next one. All that its holder can do is to
/// stop mail, and the person can turn it on again.
#[derive(Clone)]
pub struct UnsubscribeKey([u8; 32]);

impl std::fmt::Debug for UnsubscribeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnsubscribeKey(…)")
    }
}

/// So much of the code is kept in a link: 128 bits, by RFC 2104 enough.
const CODE: usize = 16;

impl UnsubscribeKey {
    /// A key from 32 secret bytes.
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The token of a link.
    pub fn token(&self, wish: &Unsubscribe) -> String {
        let code = self.code(wish).finalize().into_bytes();
        let mut token = wish.account.as_uuid().as_bytes().to_vec();
        token.extend(&code[..CODE]);
        format!("{}.{}", wish.topic.name(), BASE64_URL_SAFE_NO_PAD.encode(token))
    }

    /// What a token asks for; `None` if it is not one of ours.
    pub fn read(&self, token: &str) -> Option<Unsubscribe> {
        let (topic, rest) = token.split_once('.')?;
        let topic: Topic = topic.parse().ok()?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(rest).ok()?;
        let (account, code) = bytes.split_at_checked(16)?;
        let account = AccountId::from_uuid(Uuid::from_slice(account).ok()?);
        let wish = Unsubscribe { account, topic };
        let code: [u8; CODE] = code.try_into().ok()?;
        self.code(&wish).verify_truncated_left(&code).ok()?;
        Some(wish)
    }

    fn code(&self, wish: &Unsubscribe) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"mercato unsubscribe v1\0");
        mac.update(wish.topic.name().as_bytes());
        mac.update(wish.account.as_uuid().as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use kernel::SystemIds;

    use super::*;

    #[test]
    fn only_what_we_signed_is_read() {
        let key = UnsubscribeKey::new([7; 32]);
        let wish = Unsubscribe { account: AccountId::next(&SystemIds), topic: Topic::Reviews };
        let token = key.token(&wish);

        assert_eq!(key.read(&token), Some(wish));
        assert_eq!(UnsubscribeKey::new([8; 32]).read(&token), None, "another key");
        assert_eq!(key.read(&token.replace("reviews", "bookings")), None, "another topic");
        for wrong in ["", ".", "reviews.", "reviews.AAAA", "nothing.AAAA", "reviews.\0"] {
            assert_eq!(key.read(wrong), None, "{wrong:?}");
        }
        for place in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            // The last character of the coding holds unused bits; the decoder refuses them.
            assert_eq!(key.read(&String::from_utf8(changed).unwrap()), None, "{place}");
        }
    }
}

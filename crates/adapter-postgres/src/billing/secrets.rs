//! Tokens at rest: encrypted with the newest key, readable with those before it.

use std::fmt;

use billing::Secret;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use kernel::{Random, StorageError, SystemRandom};
use sha2::Sha256;

const NONCE: usize = 24;

/// A key for secrets at rest.
#[derive(Clone)]
pub struct SecretKey {
    /// Stands beside what is encrypted with it; never given to another key.
    pub id: i16,
    /// 32 random bytes.
    pub bytes: [u8; 32],
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The keys for secrets at rest. To rotate, a new key comes first and the one before stays as long
/// as anything is encrypted with it: a card that is stored again is encrypted anew.
#[derive(Debug, Clone, Default)]
pub struct SecretKeys {
    /// The newest first.
    keys: Vec<SecretKey>,
}

/// What is stored of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    /// Which key opens it.
    pub(super) key: i16,
    /// A nonce, then the ciphertext.
    pub(super) bytes: Vec<u8>,
}

impl SecretKeys {
    /// A key for what is stored from now on, and those before it.
    pub fn new(newest: SecretKey, former: impl IntoIterator<Item = SecretKey>) -> Self {
        Self { keys: std::iter::once(newest).chain(former).collect() }
    }

    fn newest(&self) -> Result<&SecretKey, StorageError> {
        let missing = || StorageError::corrupt("encrypt a secret", "no key for secrets is set");
        self.keys.first().ok_or_else(missing)
    }

    /// Encrypts a secret. `place` is where it stands, such as the id of its row: it opens nowhere
    /// else.
    pub(super) fn seal(&self, secret: &Secret, place: &str) -> Result<Sealed, StorageError> {
        let key = self.newest()?;
        let mut nonce = [0; NONCE];
        SystemRandom.fill(&mut nonce);
        let payload = Payload { msg: secret.reveal().as_bytes(), aad: place.as_bytes() };
        let sealed = cipher(key)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|error| StorageError::corrupt("encrypt a secret", error.to_string()))?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(Sealed { key: key.id, bytes })
    }

    /// Decrypts a secret that was encrypted for this place.
    pub(super) fn open(&self, sealed: &Sealed, place: &str) -> Result<Secret, StorageError> {
        let corrupt = |why: String| StorageError::corrupt("decrypt a secret", why);
        let key = self.keys.iter().find(|key| key.id == sealed.key);
        let key = key.ok_or_else(|| corrupt(format!("key {} is not among ours", sealed.key)))?;
        let (nonce, bytes) = sealed
            .bytes
            .split_first_chunk::<NONCE>()
            .ok_or_else(|| corrupt("it is too short".to_owned()))?;
        let payload = Payload { msg: bytes, aad: place.as_bytes() };
        let opened = cipher(key)
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|error| corrupt(error.to_string()))?;
        String::from_utf8(opened).map(Secret::new).map_err(|error| corrupt(error.to_string()))
    }

    /// Digests by which a secret is found again without being readable, one for each key; that of
    /// the newest first.
    pub(super) fn digests(&self, secret: &Secret) -> Result<Vec<Vec<u8>>, StorageError> {
        self.newest()?;
        let digest = |key: &SecretKey| {
            let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&key.bytes);
            let mut mac = mac.expect("HMAC takes any key");
            mac.update(b"digest of a secret\0");
            mac.update(secret.reveal().as_bytes());
            mac.finalize().into_bytes().to_vec()
        };
        Ok(self.keys.iter().map(digest).collect())
    }
}

fn cipher(key: &SecretKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&key.bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: i16, byte: u8) -> SecretKey {
        SecretKey { id, bytes: [byte; 32] }
    }

    #[test]
    fn a_secret_opens_at_its_place_alone() {
        let keys = SecretKeys::new(key(1, 1), []);
        let secret = Secret::new("card_1".to_owned());

        let sealed = keys.seal(&secret, "here").unwrap();

        assert_eq!(keys.open(&sealed, "here").unwrap(), secret);
        keys.open(&sealed, "there").unwrap_err();
        assert_ne!(keys.seal(&secret, "here").unwrap(), sealed, "every nonce is another");
    }

    #[test]
    fn after_a_rotation_the_key_before_still_opens() {
        let before = SecretKeys::new(key(1, 1), []);
        let after = SecretKeys::new(key(2, 2), [key(1, 1)]);
        let secret = Secret::new("card_1".to_owned());
        let old = before.seal(&secret, "here").unwrap();

        assert_eq!(after.open(&old, "here").unwrap(), secret);
        assert_eq!(after.seal(&secret, "here").unwrap().key, 2);
        assert!(after.digests(&secret).unwrap().contains(&before.digests(&secret).unwrap()[0]));
    }

    #[test]
    fn without_a_key_nothing_is_stored_in_the_clear() {
        SecretKeys::default().seal(&Secret::new("card_1".to_owned()), "here").unwrap_err();
    }
}

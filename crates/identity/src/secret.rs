use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use kernel::Random;
use sha2::{Digest, Sha256};

/// A secret that is shown once and stored only as its digest: 256 random bits.
///
/// Its prefix tells scanners of leaked secrets what they found.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueToken([u8; 32]);

impl OpaqueToken {
    const PREFIX: &'static str = "mst_";

    /// A new secret.
    pub fn random(random: &dyn Random) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// The secret behind its text; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(Self::PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text to show, once.
    pub fn reveal(&self) -> String {
        format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What is stored instead of the secret. It needs neither salt nor slowness: nobody guesses
    /// 256 random bits.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0).into())
    }

    /// Locks `other` so that only whoever holds this secret can read it.
    pub fn seal(&self, other: &Self) -> SealedToken {
        SealedToken(xor(self.pad(), other.0))
    }

    /// Reads what was [sealed](Self::seal) with this secret.
    #[must_use]
    pub fn open(&self, sealed: &SealedToken) -> Self {
        Self(xor(self.pad(), sealed.0))
    }

    /// A one-time pad: a secret seals one successor in its life, and is not stored itself.
    fn pad(&self) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(b"mercato successor");
        mac.finalize().into_bytes().into()
    }
}

fn xor(mut left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    for (l, r) in left.iter_mut().zip(right) {
        *l ^= r;
    }
    left
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(…)")
    }
}

/// SHA-256 of an [`OpaqueToken`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// A digest as a database holds it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bare bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(…)")
    }
}

/// A token that only its predecessor opens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealedToken([u8; 32]);

impl SealedToken {
    /// A sealed token as a database holds it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bare bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SealedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_secret_survives_its_text_and_opens_what_it_sealed(a: [u8; 32], b: [u8; 32]) {
            let (a, b) = (OpaqueToken(a), OpaqueToken(b));
            prop_assert_eq!(OpaqueToken::parse(&a.reveal()), Some(a.clone()));
            let sealed = a.seal(&b);
            prop_assert_eq!(a.open(&sealed), b.clone());
            prop_assert!(sealed.0 != b.0);
        }

        #[test]
        fn no_other_text_is_a_secret(text in "\\PC{0,60}") {
            prop_assert!(OpaqueToken::parse(&text).is_none());
        }
    }
}

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::Random;
use sha2::{Digest, Sha256};

use crate::{ChallengeKind, Secret};

/// What makes the payer's return from the bank believable: 32 random bytes in the return address.
/// Only its hash is kept. It holds once, for [`ReturnToken::LIFETIME`], for one payment; and all
/// that it allows is to ask the gateway.
#[derive(Clone, PartialEq, Eq)]
pub struct ReturnToken(Secret);

impl ReturnToken {
    /// How long it holds: half an hour.
    pub const LIFETIME: TimeDelta = TimeDelta::minutes(30);

    /// A new one.
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = [0; 32];
        random.fill(&mut bytes);
        Self(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The token of a return address, whatever it is: a wrong one just does not match.
    pub fn from_text(text: &str) -> Self {
        Self(Secret::new(text.chars().take(128).collect()))
    }

    /// The token for the return address.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.reveal().as_bytes()).into()
    }
}

impl fmt::Debug for ReturnToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReturnToken([secret])")
    }
}

/// The payer's way through 3-D Secure and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// SHA-256 of the token that the way back needs.
    pub token_hash: [u8; 32],
    /// From then on the token does not hold.
    pub expires_at: DateTime<Utc>,
    /// When it was used, if it was.
    pub used_at: Option<DateTime<Utc>>,
    /// What the payer has to do; unset until the gateway asks for it.
    pub kind: Option<ChallengeKind>,
}

impl Challenge {
    /// A way back by a new token.
    pub fn new(token: &ReturnToken, now: DateTime<Utc>) -> Self {
        let expires_at = now + ReturnToken::LIFETIME;
        Self { token_hash: token.hash(), expires_at, used_at: None, kind: None }
    }

    /// Whether this token opens the way now. What is compared are hashes of random values, so
    /// that the time of the comparison tells nothing.
    pub fn admits(&self, token: &ReturnToken, now: DateTime<Utc>) -> bool {
        self.used_at.is_none() && now < self.expires_at && self.token_hash == token.hash()
    }
}

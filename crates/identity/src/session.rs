use chrono::{DateTime, Utc};
use kernel::{AccountId, SessionId};

use crate::{Device, OpaqueToken, Policy, SealedToken, TokenDigest};

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// The person signed out on that device.
    SignedOut,
    /// The person ended it from another device.
    Revoked,
    /// The password was changed.
    PasswordChanged,
    /// The account was suspended.
    Suspended,
    /// The account was erased.
    Erased,
    /// An exchanged refresh token was shown again: somebody else has it.
    TokenReused,
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SignedOut,
        Self::Revoked,
        Self::PasswordChanged,
        Self::Suspended,
        Self::Erased,
        Self::TokenReused,
    ];

    /// Its name in the database and the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::Suspended => "suspended",
            Self::Erased => "erased",
            Self::TokenReused => "token_reused",
        }
    }

    /// The reason of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// Where a session stands. It also ends by time, see [`Session::is_live`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    /// Signed in.
    Open,
    /// Over for good.
    Ended {
        /// Since when.
        at: DateTime<Utc>,
        /// Why.
        reason: EndReason,
    },
}

/// One device that signed in, with its family of refresh tokens: each is exchanged for the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    record: SessionRecord,
}

/// Every field of a [`Session`], for adapters and builders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// The account's [token version](crate::AccountRecord::token_version) when it was opened.
    pub token_version: i32,
    /// What the device said it is, when it was last heard of.
    pub device: Option<Device>,
    /// When it signed in.
    pub created_at: DateTime<Utc>,
    /// When it last exchanged a refresh token.
    pub last_used_at: DateTime<Utc>,
    /// When its refresh token stops to count.
    pub expires_at: DateTime<Utc>,
    /// Where it stands.
    pub status: SessionStatus,
    /// Counts changes, for optimistic locking.
    pub version: i32,
}

/// A refresh token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The digest of its secret.
    pub digest: TokenDigest,
    /// The family it belongs to.
    pub session: SessionId,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// Whether it was exchanged.
    pub state: RefreshState,
}

/// Whether a refresh token was exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshState {
    /// The one token of its session that counts.
    Current,
    /// It was exchanged for another.
    Exchanged {
        /// When.
        at: DateTime<Utc>,
        /// The other one, until that is exchanged itself.
        successor: Option<SealedToken>,
    },
}

/// What comes of showing a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exchange {
    /// It was exchanged for this successor.
    Fresh {
        /// The successor, to be stored.
        successor: RefreshToken,
    },
    /// It was exchanged a moment ago by the same client, which lost the answer: the same successor
    /// again.
    Repeated {
        /// The successor's secret.
        successor: OpaqueToken,
    },
    /// It was exchanged before, and somebody shows it again: a thief, or the victim of one. The
    /// session has ended.
    Reused,
    /// The session was over already.
    Over,
}

impl Session {
    /// A new session with its first refresh token.
    pub fn open(
        id: SessionId,
        account: AccountId,
        token_version: i32,
        device: Option<Device>,
        first: &OpaqueToken,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> (Self, RefreshToken) {
        let record = SessionRecord {
            id,
            account,
            token_version,
            device,
            created_at: now,
            last_used_at: now,
            expires_at: now + policy.refresh_token_lifetime,
            status: SessionStatus::Open,
            version: 1,
        };
        let session = Self { record };
        let token = session.token(first, now);
        (session, token)
    }

    /// A session as it was stored.
    pub const fn restore_record(record: SessionRecord) -> Self {
        Self { record }
    }

    /// Every field, to be stored.
    pub const fn record(&self) -> &SessionRecord {
        &self.record
    }

    /// Its id.
    pub const fn id(&self) -> SessionId {
        self.record.id
    }

    /// Whose it is.
    pub const fn account(&self) -> AccountId {
        self.record.account
    }

    /// Whether it is open, and not past its time.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        match self.record.status {
            SessionStatus::Open => now < self.record.expires_at,
            SessionStatus::Ended { .. } => false,
        }
    }

    /// Exchanges a refresh token for `fresh`, or decides what its showing means. `presented` is
    /// what is stored of `secret`.
    pub fn exchange(
        &mut self,
        presented: &mut RefreshToken,
        secret: &OpaqueToken,
        fresh: &OpaqueToken,
        device: Option<&Device>,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Exchange {
        if !self.is_live(now) {
            return Exchange::Over;
        }
        match presented.state {
            RefreshState::Current => {
                let successor = Some(secret.seal(fresh));
                presented.state = RefreshState::Exchanged { at: now, successor };
                self.record.device = device.cloned();
                self.record.last_used_at = now;
                self.record.expires_at = now + policy.refresh_token_lifetime;
                self.record.version += 1;
                Exchange::Fresh { successor: self.token(fresh, now) }
            }
            RefreshState::Exchanged { at, successor: Some(sealed) }
                if now < at + policy.refresh_grace && self.record.device.as_ref() == device =>
            {
                Exchange::Repeated { successor: secret.open(&sealed) }
            }
            RefreshState::Exchanged { .. } => {
                self.end(EndReason::TokenReused, now);
                Exchange::Reused
            }
        }
    }

    /// Ends it; tells whether it was open.
    pub fn end(&mut self, reason: EndReason, now: DateTime<Utc>) -> bool {
        match self.record.status {
            SessionStatus::Open => {
                self.record.status = SessionStatus::Ended { at: now, reason };
                self.record.version += 1;
                true
            }
            SessionStatus::Ended { .. } => false,
        }
    }

    fn token(&self, secret: &OpaqueToken, now: DateTime<Utc>) -> RefreshToken {
        RefreshToken {
            digest: secret.digest(),
            session: self.record.id,
            issued_at: now,
            state: RefreshState::Current,
        }
    }
}

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{AccountId, Locale};

use crate::{DisplayName, EmailAddress, IdentityError, OpaqueToken, Policy, TokenDigest};

/// What a mailed link is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkPurpose {
    /// Proves that the address is theirs.
    VerifyEmail,
    /// Sets a new password.
    ResetPassword,
}

impl LinkPurpose {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::VerifyEmail, Self::ResetPassword];

    /// Its name in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
        }
    }

    /// The purpose of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }

    /// How long such a link counts.
    pub const fn lifetime(self, policy: &Policy) -> TimeDelta {
        match self {
            Self::VerifyEmail => policy.verification_link_lifetime,
            Self::ResetPassword => policy.reset_link_lifetime,
        }
    }
}

/// A one-time link as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The digest of its secret.
    pub digest: TokenDigest,
    /// Whose it is.
    pub account: AccountId,
    /// What it is good for.
    pub purpose: LinkPurpose,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops to count.
    pub expires_at: DateTime<Utc>,
    /// When it was used.
    pub used_at: Option<DateTime<Utc>>,
}

impl Link {
    /// A new link for a secret.
    pub fn new(
        token: &OpaqueToken,
        account: AccountId,
        purpose: LinkPurpose,
        policy: &Policy,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            digest: token.digest(),
            account,
            purpose,
            created_at: now,
            expires_at: now + purpose.lifetime(policy),
            used_at: None,
        }
    }

    /// Passes if the link can be used now for `purpose`. Used, old and foreign ones are told apart
    /// by nobody.
    pub fn check(&self, purpose: LinkPurpose, now: DateTime<Utc>) -> Result<(), IdentityError> {
        if self.purpose == purpose && self.used_at.is_none() && now < self.expires_at {
            Ok(())
        } else {
            Err(IdentityError::LinkInvalid)
        }
    }
}

/// A link on its way into a mail: the only moment at which its secret is known.
#[derive(Clone, PartialEq, Eq)]
pub struct MintedLink {
    /// The secret, to be put into the link's address.
    pub token: String,
    /// What it is good for.
    pub purpose: LinkPurpose,
    /// When it stops to count.
    pub expires_at: DateTime<Utc>,
    /// Where the mail goes.
    pub email: EmailAddress,
    /// What the person is called.
    pub display_name: DisplayName,
    /// The language of the mail.
    pub locale: Locale,
    /// The time zone of dates in the mail.
    pub time_zone: chrono_tz::Tz,
}

impl fmt::Debug for MintedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MintedLink")
            .field("purpose", &self.purpose)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

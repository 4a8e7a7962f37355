use std::time::Duration;

use access::{Action, Denial};
use kernel::{AccountId, Failure, FailureKind, FieldError, FieldErrors, SessionId, StorageError};
use thiserror::Error;

use crate::{CredentialError, StatusKind};

/// Why something about accounts and sessions did not happen.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// Fields that break a rule.
    #[error("some fields are not right: {0}")]
    Invalid(FieldErrors),
    /// Nobody is signed in.
    #[error("sign in first")]
    Unauthenticated,
    /// Wrong address or wrong password; nobody learns which.
    #[error("the address or the password is wrong")]
    WrongCredentials,
    /// The token does not count, for whatever reason.
    #[error("the token is not valid; sign in again")]
    InvalidToken,
    /// The password is right, but the address was never verified.
    #[error("the mail address is not verified yet; use the link that was sent to it")]
    EmailNotVerified,
    /// The password is right, but the account is suspended.
    #[error("the account is suspended")]
    Suspended,
    /// The address belongs to an account. Told only where addresses need no verification.
    #[error("the mail address belongs to an account already")]
    AddressTaken,
    /// The link was used, is too old, or never was one.
    #[error("the link was used already or has expired; ask for a new one")]
    LinkInvalid,
    /// Too many tries.
    #[error("too many tries; try again in {} seconds", retry_after.as_secs())]
    Throttled {
        /// When the next try is allowed.
        retry_after: Duration,
    },
    /// Visible, but not theirs to do.
    #[error("not allowed: {action}")]
    Forbidden {
        /// What they may not do.
        action: Action,
    },
    /// No such account, as far as they may know.
    #[error("account {id} does not exist")]
    AccountNotFound {
        /// The id they gave.
        id: AccountId,
    },
    /// No such session, as far as they may know.
    #[error("session {id} does not exist")]
    SessionNotFound {
        /// The id they gave.
        id: SessionId,
    },
    /// The account is in a state that does not allow this.
    #[error("cannot {command} account {id}: it is {from}")]
    IllegalTransition {
        /// The account.
        id: AccountId,
        /// Where it stands.
        from: StatusKind,
        /// What was asked.
        command: &'static str,
        /// What could be asked instead.
        allowed: Vec<&'static str>,
    },
    /// An admin may not take the admin role from themselves, nor suspend themselves.
    #[error("admins cannot suspend themselves or take their own admin role; ask another admin")]
    OwnAccount,
    /// Without this account nobody could administer the marketplace.
    #[error("this is the last active admin; appoint another one first")]
    LastAdmin,
    /// It was changed since the caller looked.
    #[error("the account was changed in the meantime; load it again")]
    Stale,
    /// Passwords cannot be hashed, or tokens not signed.
    #[error("credentials could not be handled")]
    Credentials(#[from] CredentialError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<FieldErrors> for IdentityError {
    fn from(errors: FieldErrors) -> Self {
        Self::Invalid(errors)
    }
}

impl IdentityError {
    /// A refusal on an account's own or on an admin's calls, where nothing is hidden.
    pub(crate) const fn denied(denial: Denial, action: Action) -> Self {
        match denial {
            Denial::SignIn => Self::Unauthenticated,
            Denial::Forbidden(action) => Self::Forbidden { action },
            Denial::Hidden => Self::Forbidden { action },
        }
    }
}

impl Failure for IdentityError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Invalid(_) => FailureKind::Invalid,
            Self::Unauthenticated | Self::WrongCredentials | Self::InvalidToken => {
                FailureKind::Unauthenticated
            }
            Self::EmailNotVerified | Self::Suspended | Self::Forbidden { .. } => {
                FailureKind::Forbidden
            }
            Self::AddressTaken
            | Self::IllegalTransition { .. }
            | Self::OwnAccount
            | Self::LastAdmin => FailureKind::Conflict,
            Self::LinkInvalid => FailureKind::Gone,
            Self::Throttled { .. } => FailureKind::Throttled,
            Self::AccountNotFound { .. } | Self::SessionNotFound { .. } => FailureKind::NotFound,
            Self::Stale => FailureKind::Stale,
            Self::Credentials(error) => match error {
                CredentialError::Busy => FailureKind::Unavailable,
                CredentialError::Failed { .. } => FailureKind::Internal,
            },
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "validation",
            Self::Unauthenticated => "unauthenticated",
            Self::WrongCredentials => "identity.wrong_credentials",
            Self::InvalidToken => "invalid_token",
            Self::EmailNotVerified => "identity.email_not_verified",
            Self::Suspended => "identity.account_suspended",
            Self::AddressTaken => "identity.address_taken",
            Self::LinkInvalid => "identity.link_invalid",
            Self::Throttled { .. } => "identity.throttled",
            Self::Forbidden { .. } => "forbidden",
            Self::AccountNotFound { .. } => "account.not_found",
            Self::SessionNotFound { .. } => "session.not_found",
            Self::IllegalTransition { .. } => "illegal_transition",
            Self::OwnAccount => "identity.own_account",
            Self::LastAdmin => "identity.last_admin",
            Self::Stale => "stale_version",
            Self::Credentials(error) => match error {
                CredentialError::Busy => "unavailable",
                CredentialError::Failed { .. } => "internal",
            },
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        match self {
            Self::Invalid(errors) => &errors.0,
            Self::Unauthenticated
            | Self::WrongCredentials
            | Self::InvalidToken
            | Self::EmailNotVerified
            | Self::Suspended
            | Self::AddressTaken
            | Self::LinkInvalid
            | Self::Throttled { .. }
            | Self::Forbidden { .. }
            | Self::AccountNotFound { .. }
            | Self::SessionNotFound { .. }
            | Self::IllegalTransition { .. }
            | Self::OwnAccount
            | Self::LastAdmin
            | Self::Stale
            | Self::Credentials(_)
            | Self::Storage(_) => &[],
        }
    }

    fn allowed(&self) -> Option<&[&'static str]> {
        if let Self::IllegalTransition { allowed, .. } = self { Some(allowed) } else { None }
    }

    fn retry_after(&self) -> Option<Duration> {
        if let Self::Throttled { retry_after } = self {
            Some(*retry_after)
        } else if let Self::Credentials(CredentialError::Busy) = self {
            Some(Duration::from_secs(1))
        } else if let Self::Storage(error) = self {
            error.retry_after()
        } else {
            None
        }
    }
}

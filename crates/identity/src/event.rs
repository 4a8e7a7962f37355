use access::Roles;
use kernel::{AccountId, Event, SessionId};
use serde_json::{Value, json};

/// What happens to accounts. Ids and facts: no addresses, no secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountEvent {
    /// Somebody signed up.
    SignedUp {
        /// The account.
        id: AccountId,
    },
    /// The address must be verified: a mail with a link is due.
    VerificationRequested {
        /// The account.
        id: AccountId,
    },
    /// The address was verified.
    EmailVerified {
        /// The account.
        id: AccountId,
    },
    /// Somebody signed up with the address of a verified account: a mail that says so is due.
    SignUpRepeated {
        /// The account.
        id: AccountId,
    },
    /// Somebody forgot the password: a mail with a link is due.
    PasswordResetRequested {
        /// The account.
        id: AccountId,
    },
    /// The password was changed.
    PasswordChanged {
        /// The account.
        id: AccountId,
    },
    /// Name, locale or time zone were changed.
    ProfileUpdated {
        /// The account.
        id: AccountId,
    },
    /// The account has other roles.
    RolesChanged {
        /// The account.
        id: AccountId,
        /// The roles it had.
        before: Roles,
        /// The roles it has.
        after: Roles,
    },
    /// The account was suspended.
    Suspended {
        /// The account.
        id: AccountId,
    },
    /// The account was restored.
    Restored {
        /// The account.
        id: AccountId,
    },
    /// The person's data was erased.
    Erased {
        /// The account.
        id: AccountId,
    },
    /// Somebody asked for a mail to an address that it does not go to. Written so that such a
    /// request costs what any other does; nothing in it says which address.
    UnknownAddress,
    /// An exchanged refresh token was shown again: its session was ended.
    RefreshTokenReused {
        /// The account.
        id: AccountId,
        /// The session.
        session: SessionId,
    },
}

impl AccountEvent {
    /// The account it is about; none for [`UnknownAddress`](Self::UnknownAddress).
    pub const fn account(&self) -> Option<AccountId> {
        match self {
            Self::SignedUp { id }
            | Self::VerificationRequested { id }
            | Self::EmailVerified { id }
            | Self::SignUpRepeated { id }
            | Self::PasswordResetRequested { id }
            | Self::PasswordChanged { id }
            | Self::ProfileUpdated { id }
            | Self::RolesChanged { id, .. }
            | Self::Suspended { id }
            | Self::Restored { id }
            | Self::Erased { id }
            | Self::RefreshTokenReused { id, .. } => Some(*id),
            Self::UnknownAddress => None,
        }
    }
}

/// The names of roles, as they stand in payloads and the audit log.
pub(crate) fn role_names(roles: Roles) -> Vec<&'static str> {
    roles.iter().map(access::Role::name).collect()
}

impl Event for AccountEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::SignedUp { .. } => "account.signed_up.v1",
            Self::VerificationRequested { .. } => "account.verification_requested.v1",
            Self::EmailVerified { .. } => "account.email_verified.v1",
            Self::SignUpRepeated { .. } => "account.sign_up_repeated.v1",
            Self::PasswordResetRequested { .. } => "account.password_reset_requested.v1",
            Self::PasswordChanged { .. } => "account.password_changed.v1",
            Self::ProfileUpdated { .. } => "account.profile_updated.v1",
            Self::RolesChanged { .. } => "account.roles_changed.v1",
            Self::Suspended { .. } => "account.suspended.v1",
            Self::Restored { .. } => "account.restored.v1",
            Self::Erased { .. } => "account.erased.v1",
            Self::UnknownAddress => "account.unknown_address.v1",
            Self::RefreshTokenReused { .. } => "account.refresh_token_reused.v1",
        }
    }

    fn subject(&self) -> String {
        self.account().map_or_else(|| "unknown".to_owned(), |id| id.to_string())
    }

    fn payload(&self) -> Value {
        let id = self.account();
        match self {
            Self::SignedUp { .. }
            | Self::VerificationRequested { .. }
            | Self::EmailVerified { .. }
            | Self::SignUpRepeated { .. }
            | Self::PasswordResetRequested { .. }
            | Self::PasswordChanged { .. }
            | Self::ProfileUpdated { .. }
            | Self::Suspended { .. }
            | Self::Restored { .. }
            | Self::Erased { .. } => json!({ "account_id": id }),
            Self::RolesChanged { before, after, .. } => json!({
                "account_id": id,
                "before": role_names(*before),
                "after": role_names(*after),
            }),
            Self::UnknownAddress => json!({}),
            Self::RefreshTokenReused { session, .. } => {
                json!({ "account_id": id, "session_id": session })
            }
        }
    }
}

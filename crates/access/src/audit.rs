use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{AccountId, StorageError};
use serde_json::Value;

use crate::{Action, Actor};

/// One line of the audit log: who did what to what, why and when.
///
/// Every change by a moderator or an admin writes one, and so does everything that looks like an
/// attack on an account. It holds no secrets and no mail addresses.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Who; `None` for the marketplace itself.
    pub actor: Option<AccountId>,
    /// What, by the matrix.
    pub action: Action,
    /// What exactly, such as `suspend` or `refresh_token_reused`.
    pub command: &'static str,
    /// The id of the object, as it stands on the wire.
    pub object: String,
    /// What changed, as it was.
    pub before: Value,
    /// What changed, as it is now.
    pub after: Value,
    /// Why, in the words of who did it.
    pub reason: Option<String>,
    /// The request it was done in.
    pub request_id: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl AuditEntry {
    /// A line about what `actor` did to `object`; add what changed and why.
    pub fn new(
        actor: &Actor,
        action: Action,
        command: &'static str,
        object: &impl ToString,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            actor: actor.account(),
            action,
            command,
            object: object.to_string(),
            before: Value::Null,
            after: Value::Null,
            reason: None,
            request_id: actor.request_id().map(ToOwned::to_owned),
            at,
        }
    }

    /// The same line with what changed.
    #[must_use]
    pub fn changed(self, before: Value, after: Value) -> Self {
        Self { before, after, ..self }
    }

    /// The same line with the reason.
    #[must_use]
    pub fn because(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }
}

/// The audit log inside one transaction: no change without its line, no line without its change.
#[async_trait]
pub trait AuditLog: Send {
    /// Appends a line. Lines are never changed and never removed.
    async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError>;
}

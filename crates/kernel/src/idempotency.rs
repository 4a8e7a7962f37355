use std::fmt;

use async_trait::async_trait;
use thiserror::Error;

use crate::{AccountId, Failure, FailureKind, StorageError};

/// Which request an idempotency key stands for (IETF draft `httpapi-idempotency-key-header`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyScope {
    /// Whose key it is; keys of two accounts never meet.
    pub account: AccountId,
    /// The operation, such as `POST /api/v1/bookings`.
    pub operation: String,
    /// The client's key: 1 to 255 visible ASCII characters.
    pub key: String,
    /// SHA-256 of the request's body.
    pub body_hash: [u8; 32],
}

/// The answer that was given first, and is given again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The transport's status.
    pub status: u16,
    /// The headers worth repeating: `Location`, `ETag`.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: String,
}

/// What the ledger says of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody has done this yet: go on, and [`remember`](IdempotencyLedger::remember) the answer
    /// before the commit.
    First,
    /// It was done; this was the answer.
    Replay(Answer),
}

/// Why a key cannot be used.
#[derive(Debug, Error)]
pub enum IdempotencyError {
    /// The first request with this key has not ended.
    #[error("a request with this Idempotency-Key is still being handled; retry in a moment")]
    InFlight,
    /// The key was used with another body.
    #[error("this Idempotency-Key was used for a request with another body; use a new key")]
    OtherBody,
    /// The ledger cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Failure for IdempotencyError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::InFlight => FailureKind::Conflict,
            Self::OtherBody => FailureKind::Invalid,
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::InFlight => "idempotency.in_flight",
            Self::OtherBody => "idempotency.other_body",
            Self::Storage(error) => error.code(),
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::InFlight => Some(std::time::Duration::from_secs(1)),
            Self::OtherBody => None,
            Self::Storage(error) => error.retry_after(),
        }
    }
}

/// Keys and answers, in the same transaction as the effect they stand for: either both are
/// stored or neither is.
#[async_trait]
pub trait IdempotencyLedger: Send {
    /// Claims the scope until the transaction ends, or finds the answer given before.
    async fn claim(&mut self, scope: &IdempotencyScope) -> Result<Claim, IdempotencyError>;

    /// Stores the answer under the scope, for 24 hours.
    async fn remember(
        &mut self,
        scope: &IdempotencyScope,
        answer: &Answer,
    ) -> Result<(), StorageError>;
}

/// A key together with how the caller would answer, so that a service can store the answer with
/// the effect without knowing the transport.
pub struct Idempotency<'a, T> {
    /// What the key stands for.
    pub scope: IdempotencyScope,
    /// The answer for a result.
    pub answer: &'a (dyn Fn(&T) -> Answer + Send + Sync),
}

impl<T> fmt::Debug for Idempotency<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl<T: Sync> Idempotency<'_, T> {
    /// Claims the scope; the answer, if what it stands for was done before.
    pub async fn replay(
        &self,
        ledger: &mut dyn IdempotencyLedger,
    ) -> Result<Option<Answer>, IdempotencyError> {
        match ledger.claim(&self.scope).await? {
            Claim::First => Ok(None),
            Claim::Replay(answer) => Ok(Some(answer)),
        }
    }

    /// Stores how this result is answered, before the commit.
    pub async fn remember(
        &self,
        ledger: &mut dyn IdempotencyLedger,
        result: &T,
    ) -> Result<(), StorageError> {
        ledger.remember(&self.scope, &(self.answer)(result)).await
    }
}

/// The outcome of a command that may be asked for twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once<T> {
    /// It was done now.
    Done(T),
    /// It had been done before; this was the answer.
    Replayed(Answer),
}

impl<T> Once<T> {
    /// What was done now, which it always was where no key was sent.
    pub fn into_done(self) -> Option<T> {
        match self {
            Self::Done(result) => Some(result),
            Self::Replayed(_) => None,
        }
    }
}

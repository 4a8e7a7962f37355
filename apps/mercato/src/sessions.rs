//! Who is behind a token, for every request: the token names the session, the database says
//! whether it counts, and that is kept for half a second.

use std::sync::Arc;
use std::time::Duration;

use access::Member;
use async_trait::async_trait;
use identity::{IdentityError, SessionCheck, SessionFacts};
use kernel::{Failure, FailureKind, SessionId};
use moka::future::Cache;

use crate::http::{Authenticator, Unauthenticated};

/// How long facts are kept: a suspension, a sign-out or a lost role counts on every server after
/// that, well within a second.
const KEPT: Duration = Duration::from_millis(500);

/// Sessions whose facts are kept at the same time.
const MOST: u64 = 100_000;

/// Sessions, looked up at most twice a second each.
#[derive(Debug)]
pub struct CachedSessions {
    check: SessionCheck,
    facts: Cache<SessionId, Option<SessionFacts>>,
}

impl CachedSessions {
    /// Over the check that reads the database.
    pub fn new(check: SessionCheck) -> Self {
        let facts = Cache::builder().max_capacity(MOST).time_to_live(KEPT).build();
        Self { check, facts }
    }
}

#[async_trait]
impl Authenticator for CachedSessions {
    async fn authenticate(&self, token: &str) -> Result<Member, Unauthenticated> {
        let claims = self.check.claims(token).map_err(|error| refusal(&error))?;
        // Requests of one session that come together wait for one look-up.
        let facts = self
            .facts
            .try_get_with(claims.session, self.check.session_facts(claims.session))
            .await
            .map_err(|error: Arc<kernel::StorageError>| {
                let cause: &(dyn std::error::Error + 'static) = &*error;
                tracing::error!(error = cause, "sessions cannot be looked up");
                Unauthenticated::Unavailable
            })?;
        self.check.member(&claims, facts.as_ref()).map_err(|error| refusal(&error))
    }

    async fn changed(&self, session: SessionId) {
        self.facts.invalidate(&session).await;
    }
}

fn refusal(error: &IdentityError) -> Unauthenticated {
    match error.kind() {
        FailureKind::Unavailable | FailureKind::Internal => Unauthenticated::Unavailable,
        _ => Unauthenticated::Invalid,
    }
}

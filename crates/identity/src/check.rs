use std::fmt;
use std::sync::Arc;

use access::{Member, Roles};
use chrono::{DateTime, Utc};
use kernel::{AccountId, Clock, ProviderId, SessionId, StorageError};

use crate::{AccessClaims, AccessTokens, IdentityError, IdentityReader, StatusKind};

/// What a request needs to know of the session it comes from, as the database has it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionFacts {
    /// The session.
    pub session: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// What the account is now.
    pub roles: Roles,
    /// Its provider profile, if it has one.
    pub provider: Option<ProviderId>,
    /// Where the account stands.
    pub status: StatusKind,
    /// Whether its address is verified.
    pub email_verified: bool,
    /// Whether the session was opened under the account's present token version.
    pub current: bool,
    /// Whether the session was ended.
    pub ended: bool,
    /// When the session ends by time.
    pub expires_at: DateTime<Utc>,
}

impl SessionFacts {
    /// Who is signed in with this session; `None` if it is over or the account may not.
    pub fn member(&self, now: DateTime<Utc>) -> Option<Member> {
        let live = self.status == StatusKind::Active
            && self.current
            && !self.ended
            && now < self.expires_at;
        live.then_some(Member {
            account: self.account,
            session: self.session,
            roles: self.roles,
            provider: self.provider,
        })
    }
}

/// Says who a request comes from. The token says which session, the database whether it counts:
/// so a suspension, a sign-out or a changed role holds on every server as soon as its facts are
/// read again. They may be kept for half a second, not longer.
#[derive(Clone)]
pub struct SessionCheck {
    reader: Arc<dyn IdentityReader>,
    tokens: Arc<dyn AccessTokens>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for SessionCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCheck").finish_non_exhaustive()
    }
}

impl SessionCheck {
    /// Over these ports.
    pub fn new(
        reader: Arc<dyn IdentityReader>,
        tokens: Arc<dyn AccessTokens>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { reader, tokens, clock }
    }

    /// What an access token says, from the token alone.
    pub fn claims(&self, token: &str) -> Result<AccessClaims, IdentityError> {
        self.tokens.read(token, self.clock.now()).ok_or(IdentityError::InvalidToken)
    }

    /// The facts of a session, as the database has them now.
    pub async fn session_facts(&self, id: SessionId) -> Result<Option<SessionFacts>, StorageError> {
        self.reader.find_session_facts(id).await
    }

    /// Who is signed in, by what the token says and the facts that were read for its session.
    pub fn member(
        &self,
        claims: &AccessClaims,
        facts: Option<&SessionFacts>,
    ) -> Result<Member, IdentityError> {
        facts
            .filter(|facts| facts.account == claims.account && facts.session == claims.session)
            .and_then(|facts| facts.member(self.clock.now()))
            .ok_or(IdentityError::InvalidToken)
    }

    /// Who shows this access token, with facts read now.
    pub async fn authenticate(&self, token: &str) -> Result<Member, IdentityError> {
        let claims = self.claims(token)?;
        let facts = self.session_facts(claims.session).await?;
        self.member(&claims, facts.as_ref())
    }
}

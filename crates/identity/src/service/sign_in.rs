use access::{Action, Actor, AuditEntry, Roles};
use chrono::{DateTime, Utc};
use kernel::{AccountId, SessionId};

use super::{IdentityService, Tokens};
use crate::{
    Account, AccountEvent, Client, EmailAddress, EndReason, Exchange, IdentityError, OpaqueToken,
    Password, PasswordHash, RefreshState, Session, SessionFacts, Status, ThrottleKind, Verdict,
};

/// What somebody gives to sign in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The address they say is theirs.
    pub email: EmailAddress,
    /// The password they say is theirs.
    pub password: Password,
}

/// What a token is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inspection {
    /// Nothing, for whatever reason.
    Inactive,
    /// It counts.
    Active {
        /// Whose it is.
        account: AccountId,
        /// Which session it belongs to.
        session: SessionId,
        /// What the account is now.
        roles: Roles,
        /// When it stops to count.
        expires_at: DateTime<Utc>,
    },
}

impl Inspection {
    fn of(facts: Option<&SessionFacts>, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        match facts.and_then(|facts| facts.member(now)) {
            Some(member) => Self::Active {
                account: member.account,
                session: member.session,
                roles: member.roles,
                expires_at,
            },
            None => Self::Inactive,
        }
    }
}

impl IdentityService {
    /// Opens a session. A wrong address and a wrong password give one answer in one time; what
    /// else stands in the way is told only to whoever knows the password.
    pub async fn sign_in(&self, command: SignIn, client: &Client) -> Result<Tokens, IdentityError> {
        let SignIn { email, password } = command;
        self.take_try(ThrottleKind::SignIn, &email, client).await?;
        let account = self.parts.reader.find_account_by_email(&email).await?;
        let hash = account.as_ref().and_then(Account::password).cloned();
        let verdict = self.parts.passwords.check_password(&password, hash.clone()).await?;
        let (Some(account), Some(hash)) = (account, hash) else {
            return Err(IdentityError::WrongCredentials);
        };
        let outdated = match verdict {
            Verdict::Wrong => return Err(IdentityError::WrongCredentials),
            Verdict::Right => false,
            Verdict::RightButOutdated => true,
        };
        self.forgive(&email, client).await?;
        account.admit(self.parts.policy.require_verified_email)?;
        if outdated {
            self.rehash(account.id(), &password, &hash).await?;
        }
        // The account is not locked: should its password change or an admin suspend it meanwhile,
        // the session carries the old token version and is dead from the start.
        let now = self.now();
        let mut tx = self.begin().await?;
        let tokens = self.open_session(&mut *tx, &account, client, now).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    async fn rehash(
        &self,
        id: AccountId,
        password: &Password,
        checked: &PasswordHash,
    ) -> Result<(), IdentityError> {
        let rehashed = self.parts.passwords.hash_password(password).await?;
        let mut tx = self.begin().await?;
        if let Some(mut account) = tx.account_for_update(id).await? {
            account.rehash_password(checked, rehashed);
            tx.update_account(&account).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Exchanges a refresh token for the next one and an access token. A token that was exchanged
    /// before ends its session, unless the same client merely lost the answer a moment ago.
    pub async fn refresh(
        &self,
        actor: &Actor,
        token: &str,
        client: &Client,
    ) -> Result<Tokens, IdentityError> {
        let secret = OpaqueToken::parse(token).ok_or(IdentityError::InvalidToken)?;
        let fresh = OpaqueToken::random(&*self.parts.random);
        let mut tx = self.begin().await?;
        let (mut session, mut presented) = tx
            .session_of_token_for_update(&secret.digest())
            .await?
            .ok_or(IdentityError::InvalidToken)?;
        let account = tx
            .account(session.account())
            .await?
            .filter(|account| still_welcome(account, &session))
            .ok_or(IdentityError::InvalidToken)?;
        let now = self.now();
        let device = client.device.as_ref();
        let policy = &self.parts.policy;
        let successor = match session.exchange(&mut presented, &secret, &fresh, device, policy, now)
        {
            Exchange::Fresh { successor } => {
                tx.exchange_refresh_token(&presented, &successor).await?;
                tx.update_session(&session).await?;
                fresh
            }
            Exchange::Repeated { successor } => successor,
            Exchange::Reused => {
                tx.update_session(&session).await?;
                let (id, reason) = (session.id(), EndReason::TokenReused);
                let event = AccountEvent::RefreshTokenReused { id: account.id(), session: id };
                tx.publish(&event, None, now).await?;
                let entry =
                    AuditEntry::new(actor, Action::SessionManage, "refresh_token_reused", &id, now)
                        .changed(
                            serde_json::json!({ "ended": null }),
                            serde_json::json!({ "ended": reason.name(), "account": account.id() }),
                        );
                tx.record_audit(&entry).await?;
                tx.commit().await?;
                return Err(IdentityError::InvalidToken);
            }
            Exchange::Over => return Err(IdentityError::InvalidToken),
        };
        let tokens = self.issue(account.roles(), &session, &successor, now)?;
        tx.commit().await?;
        Ok(tokens)
    }

    /// What an access or refresh token is worth now.
    pub async fn inspect(&self, token: &str) -> Result<Inspection, IdentityError> {
        let now = self.now();
        let (session, expires_at) = if let Some(secret) = OpaqueToken::parse(token) {
            match self.parts.reader.find_refresh_token(&secret.digest()).await? {
                Some((session, found)) if found.state == RefreshState::Current => {
                    (session.id(), session.record().expires_at)
                }
                Some(_) | None => return Ok(Inspection::Inactive),
            }
        } else {
            match self.parts.tokens.read(token, now) {
                Some(claims) => (claims.session, claims.expires_at),
                None => return Ok(Inspection::Inactive),
            }
        };
        let facts = self.parts.reader.find_session_facts(session).await?;
        Ok(Inspection::of(facts.as_ref(), expires_at, now))
    }

    /// Signs out: ends the session of an access or refresh token. A token that is worth nothing is
    /// no error (RFC 7009, 2.2): it is as gone as it should be.
    pub async fn revoke(&self, token: &str) -> Result<(), IdentityError> {
        let now = self.now();
        let mut tx = self.begin().await?;
        let session = if let Some(secret) = OpaqueToken::parse(token) {
            let found = tx.session_of_token_for_update(&secret.digest()).await?;
            found.map(|(session, _)| session)
        } else {
            match self.parts.tokens.read(token, now) {
                Some(claims) => tx.session_for_update(claims.session).await?,
                None => None,
            }
        };
        if let Some(mut session) = session
            && session.end(EndReason::SignedOut, now)
        {
            tx.update_session(&session).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Whether the account may go on with a session that was opened before.
fn still_welcome(account: &Account, session: &Session) -> bool {
    matches!(account.status(), Status::Active)
        && account.token_version() == session.record().token_version
}

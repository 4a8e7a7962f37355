use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use access::{Action, Actor, Member, Relation, Roles, decide};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use kernel::{AccountId, Clock, EventMessage, Ids, Random, SessionId, StorageError};

use crate::{
    AccessClaims, AccessTokens, Account, BucketKey, Client, EmailAddress, IdentityError,
    IdentityReader, IdentityStore, IdentityTx, OpaqueToken, Passwords, Policy, Session, Throttle,
    ThrottleKind,
};

mod links;
mod me;
mod sign_in;
mod sign_up;

pub use sign_in::{Inspection, SignIn};
pub(crate) use sign_up::check_new_password;
pub use sign_up::{SignUp, SignUpOutcome};

/// How long a session that ended, and a link that expired, is kept to be looked at.
const KEPT: TimeDelta = TimeDelta::days(30);

/// What [`IdentityService`] works with.
#[derive(Clone)]
pub struct Parts {
    /// Opens transactions.
    pub store: Arc<dyn IdentityStore>,
    /// Reads without one.
    pub reader: Arc<dyn IdentityReader>,
    /// Counts tries.
    pub throttle: Arc<dyn Throttle>,
    /// Hashes passwords.
    pub passwords: Arc<dyn Passwords>,
    /// Signs access tokens.
    pub tokens: Arc<dyn AccessTokens>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// Makes secrets.
    pub random: Arc<dyn Random>,
    /// What differs between marketplaces.
    pub policy: Policy,
}

/// What a person does with their account: sign up and in, stay signed in, recover, change.
#[derive(Clone)]
pub struct IdentityService {
    parts: Parts,
}

impl fmt::Debug for IdentityService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityService")
            .field("policy", &self.parts.policy)
            .finish_non_exhaustive()
    }
}

/// What keeps somebody signed in.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens {
    /// The session they belong to.
    pub session: SessionId,
    /// Shown with every request.
    pub access_token: String,
    /// When it stops to count.
    pub access_expires_at: DateTime<Utc>,
    /// How long it counts, in seconds.
    pub access_lifetime: TimeDelta,
    /// Exchanged once for the next two.
    pub refresh_token: String,
    /// When it stops to count.
    pub refresh_expires_at: DateTime<Utc>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("session", &self.session).finish_non_exhaustive()
    }
}

impl IdentityService {
    /// Over these parts.
    pub const fn new(parts: Parts) -> Self {
        Self { parts }
    }

    /// What differs between marketplaces.
    pub const fn policy(&self) -> &Policy {
        &self.parts.policy
    }

    /// Removes sessions and links that ended 30 days ago, and empty buckets; tells how many rows
    /// went. For a daily job.
    pub async fn sweep(&self) -> Result<u64, IdentityError> {
        Ok(self.parts.store.sweep_identity(self.now() - KEPT).await?)
    }

    /// What other domains' events mean for accounts: whoever registered a provider profile gets
    /// the provider role. Reads `account` from the payload of `provider.registered.v1`.
    pub async fn on_event(&self, event: &EventMessage) -> Result<(), IdentityError> {
        if event.name != "provider.registered.v1" {
            return Ok(());
        }
        let id: AccountId = serde_json::from_value(event.payload["account"].clone())
            .map_err(|error| StorageError::corrupt("read the payload of an event", error))?;
        let mut tx = self.begin().await?;
        if !tx.first_time("identity.on_event", event.id).await? {
            return Ok(());
        }
        if let Some(mut account) = tx.account_for_update(id).await?
            && let Some(event) = account.become_provider()
        {
            tx.update_account(&account).await?;
            tx.publish(&event, None, self.now()).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn begin(&self) -> Result<Box<dyn IdentityTx>, StorageError> {
        self.parts.store.begin().await
    }

    fn now(&self) -> DateTime<Utc> {
        self.parts.clock.now()
    }

    /// Takes a try of the network, then one of the address.
    async fn take_try(
        &self,
        kind: ThrottleKind,
        email: &EmailAddress,
        client: &Client,
    ) -> Result<(), IdentityError> {
        let policy = &self.parts.policy;
        let (per_network, per_address) = match kind {
            ThrottleKind::SignIn => (&policy.sign_in_per_network, &policy.sign_in_per_address),
            ThrottleKind::Mail => (&policy.mails_per_network, &policy.mails_per_address),
        };
        let now = self.now();
        for (key, allowance) in [
            (BucketKey::of_network(kind, client.network), per_network),
            (BucketKey::of_address(kind, email), per_address),
        ] {
            let taken = self.parts.throttle.take_try(&key, allowance, now).await?;
            taken.map_err(|wait| IdentityError::Throttled { retry_after: whole_seconds(wait) })?;
        }
        Ok(())
    }

    /// After the right password: the address starts anew, the network gets its try back.
    async fn forgive(&self, email: &EmailAddress, client: &Client) -> Result<(), IdentityError> {
        let kind = ThrottleKind::SignIn;
        let throttle = &self.parts.throttle;
        throttle.empty_bucket(&BucketKey::of_address(kind, email)).await?;
        let network = BucketKey::of_network(kind, client.network);
        throttle.give_back_try(&network, &self.parts.policy.sign_in_per_network).await?;
        Ok(())
    }

    /// Opens a session for an account, in a transaction.
    async fn open_session(
        &self,
        tx: &mut dyn IdentityTx,
        account: &Account,
        client: &Client,
        now: DateTime<Utc>,
    ) -> Result<Tokens, IdentityError> {
        let Parts { ids, random, policy, .. } = &self.parts;
        let secret = OpaqueToken::random(&**random);
        let (session, first) = Session::open(
            SessionId::next(&**ids),
            account.id(),
            account.token_version(),
            client.device.clone(),
            &secret,
            policy,
            now,
        );
        tx.insert_session(&session, &first).await?;
        self.issue(account.roles(), &session, &secret, now)
    }

    /// Signs an access token and puts it beside the refresh token.
    fn issue(
        &self,
        roles: Roles,
        session: &Session,
        refresh: &OpaqueToken,
        now: DateTime<Utc>,
    ) -> Result<Tokens, IdentityError> {
        let issued_at = now.trunc_subsecs(0);
        let lifetime = self.parts.policy.access_token_lifetime;
        let claims = AccessClaims {
            account: session.account(),
            session: session.id(),
            roles,
            issued_at,
            expires_at: issued_at + lifetime,
        };
        Ok(Tokens {
            session: session.id(),
            access_token: self.parts.tokens.sign(&claims)?,
            access_expires_at: claims.expires_at,
            access_lifetime: lifetime,
            refresh_token: refresh.reveal(),
            refresh_expires_at: session.record().expires_at,
        })
    }
}

/// Passes the member if they may do this to their own account.
fn member(actor: &Actor, action: Action) -> Result<&Member, IdentityError> {
    decide(actor, action, Relation::Owner, true)
        .map_err(|denial| IdentityError::denied(denial, action))?;
    actor.as_member().ok_or(IdentityError::Unauthenticated)
}

/// Rounded up, at least one second.
fn whole_seconds(wait: TimeDelta) -> Duration {
    let seconds = (wait.num_milliseconds().max(1) + 999) / 1_000;
    Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
}

use std::fmt::Debug;

use access::{Action, AuditLog, Role, Roles};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{AccountId, Inbox, Limit, Outbox, Page, SessionId, StorageError, Total, UnitOfWork};
use serde_json::Value;
use thiserror::Error;

use crate::{
    Account, Allowance, BucketKey, EmailAddress, EndReason, IdentityError, Link, LinkPurpose,
    Password, PasswordHash, RefreshToken, Session, SessionFacts, StatusKind, TokenDigest,
};

/// Accounts inside one transaction.
#[async_trait]
pub trait AccountRepository: Send {
    /// Loads an account, as it stands.
    async fn account(&mut self, id: AccountId) -> Result<Option<Account>, StorageError>;

    /// Loads an account and keeps others from changing it until the transaction ends.
    async fn account_for_update(&mut self, id: AccountId) -> Result<Option<Account>, StorageError>;

    /// The admins who are not suspended, in the order of their ids; nobody changes any of them
    /// until the transaction ends. Taken before any other lock on an account.
    async fn active_admins_for_update(&mut self) -> Result<Vec<AccountId>, StorageError>;

    /// Stores a new account.
    ///
    /// # Errors
    ///
    /// [`IdentityError::AddressTaken`] if another account has the address. The transaction is
    /// useless then.
    async fn insert_account(&mut self, account: &Account) -> Result<(), IdentityError>;

    /// Stores a changed account.
    async fn update_account(&mut self, account: &Account) -> Result<(), StorageError>;
}

/// Sessions and their refresh tokens inside one transaction.
#[async_trait]
pub trait SessionRepository: Send {
    /// Loads a session and keeps others from changing it until the transaction ends.
    async fn session_for_update(&mut self, id: SessionId) -> Result<Option<Session>, StorageError>;

    /// Loads the session of a refresh token, keeps others from changing it until the transaction
    /// ends, and only then reads the token.
    async fn session_of_token_for_update(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<(Session, RefreshToken)>, StorageError>;

    /// Stores a new session with its first refresh token.
    async fn insert_session(
        &mut self,
        session: &Session,
        first: &RefreshToken,
    ) -> Result<(), StorageError>;

    /// Stores a changed session.
    async fn update_session(&mut self, session: &Session) -> Result<(), StorageError>;

    /// Stores an exchanged token and its successor, and forgets the sealed successors of the
    /// tokens before.
    async fn exchange_refresh_token(
        &mut self,
        exchanged: &RefreshToken,
        successor: &RefreshToken,
    ) -> Result<(), StorageError>;

    /// Ends all open sessions of an account.
    async fn end_sessions(
        &mut self,
        account: AccountId,
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;
}

/// One-time links inside one transaction. Whoever uses one holds its account's lock.
#[async_trait]
pub trait LinkRepository: Send {
    /// Stores a new link.
    async fn insert_link(&mut self, link: &Link) -> Result<(), StorageError>;

    /// The link of a digest.
    async fn link(&mut self, digest: &TokenDigest) -> Result<Option<Link>, StorageError>;

    /// Marks every link of an account for a purpose as used.
    async fn use_links(
        &mut self,
        account: AccountId,
        purpose: LinkPurpose,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError>;
}

/// Everything a command about accounts may touch atomically.
pub trait IdentityTx:
    AccountRepository + SessionRepository + LinkRepository + AuditLog + Outbox + Inbox + UnitOfWork
{
}

impl<T> IdentityTx for T where
    T: AccountRepository
        + SessionRepository
        + LinkRepository
        + AuditLog
        + Outbox
        + Inbox
        + UnitOfWork
{
}

/// Opens transactions.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait IdentityStore: Send + Sync {
    /// Opens a transaction.
    async fn begin(&self) -> Result<Box<dyn IdentityTx>, StorageError>;

    /// Removes what serves nobody any more: sessions and links that ended before `before`, and
    /// buckets that are empty by then. Tells how many rows went.
    async fn sweep_identity(&self, before: DateTime<Utc>) -> Result<u64, StorageError>;
}

/// What to look for among accounts; everything given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountFilter {
    /// A part of the address or the name, in any case.
    pub words: Option<String>,
    /// Any of these states; empty for all.
    pub statuses: Vec<StatusKind>,
    /// Accounts with this role.
    pub role: Option<Role>,
    /// Signed up at or after.
    pub created_from: Option<DateTime<Utc>>,
    /// Signed up before.
    pub created_before: Option<DateTime<Utc>>,
}

/// Where a page of accounts, newest first, ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountPosition {
    /// When the last account of the page signed up.
    pub created_at: DateTime<Utc>,
    /// Its id.
    pub id: AccountId,
}

/// Reads that need no transaction.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait IdentityReader: Send + Sync {
    /// The account of an id.
    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StorageError>;

    /// The account of an address.
    async fn find_account_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<Account>, StorageError>;

    /// A page of accounts, newest first, after a position.
    async fn list_accounts(
        &self,
        filter: &AccountFilter,
        after: Option<AccountPosition>,
        limit: Limit,
    ) -> Result<Page<Account, AccountPosition>, StorageError>;

    /// The position of the last of so many first accounts; `None` if there are fewer.
    async fn account_position(
        &self,
        filter: &AccountFilter,
        skipped: u16,
    ) -> Result<Option<AccountPosition>, StorageError>;

    /// How many accounts there are.
    async fn count_accounts(&self, filter: &AccountFilter) -> Result<Total, StorageError>;

    /// What a request needs to know of a session and its account, in one query.
    async fn find_session_facts(&self, id: SessionId)
    -> Result<Option<SessionFacts>, StorageError>;

    /// The open sessions of an account that are not past their time, newest first, at most 100.
    async fn list_live_sessions(
        &self,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Session>, StorageError>;

    /// The session and state of a refresh token.
    async fn find_refresh_token(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<(Session, RefreshToken)>, StorageError>;

    /// The link of a digest.
    async fn find_link(&self, digest: &TokenDigest) -> Result<Option<Link>, StorageError>;
}

/// Counts tries, for all servers together. Every call is atomic and durable by itself, so that a
/// refused command still counts.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Throttle: Send + Sync {
    /// Takes a try from a bucket as [`Allowance::take`] says; how long to wait if there is none.
    async fn take_try(
        &self,
        key: &BucketKey,
        allowance: &Allowance,
        now: DateTime<Utc>,
    ) -> Result<Result<(), TimeDelta>, StorageError>;

    /// Gives a try back.
    async fn give_back_try(
        &self,
        key: &BucketKey,
        allowance: &Allowance,
    ) -> Result<(), StorageError>;

    /// Gives all tries back.
    async fn empty_bucket(&self, key: &BucketKey) -> Result<(), StorageError>;
}

/// What a hasher says of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not the password.
    Wrong,
    /// The password.
    Right,
    /// The password, under parameters that are not today's: hash it again.
    RightButOutdated,
}

/// Why a password could not be hashed or a token not be signed.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// Too many are waiting already.
    #[error("too many passwords are being checked; try again in a moment")]
    Busy,
    /// A defect or a broken configuration.
    #[error("cannot {action}")]
    Failed {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Hashes passwords: slowly, and only so many at a time.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes a password under today's parameters.
    async fn hash_password(&self, password: &Password) -> Result<PasswordHash, CredentialError>;

    /// Compares a password with a hash. Without one it does the same work in the same time and
    /// finds the password wrong, so that nobody learns from the time whether an account exists.
    async fn check_password(
        &self,
        password: &Password,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, CredentialError>;
}

/// What an access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who.
    pub account: AccountId,
    /// In which session.
    pub session: SessionId,
    /// What they were when it was issued; for clients to show, not for us to decide by.
    pub roles: Roles,
    /// When it was issued, in whole seconds.
    pub issued_at: DateTime<Utc>,
    /// When it stops to count, in whole seconds.
    pub expires_at: DateTime<Utc>,
}

/// Signs access tokens and reads them back.
#[cfg_attr(feature = "testing", mockall::automock)]
pub trait AccessTokens: Send + Sync {
    /// Signs with the newest key.
    fn sign(&self, claims: &AccessClaims) -> Result<String, CredentialError>;

    /// What a token says; `None` unless it is one of ours, signed with a key we know, for us, and
    /// counts at `now`.
    fn read(&self, token: &str, now: DateTime<Utc>) -> Option<AccessClaims>;
}

/// One line of the audit log as it was written, perhaps by an older version of us.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its number; later lines have higher ones.
    pub id: i64,
    /// Who; `None` for the marketplace itself or somebody not signed in.
    pub actor: Option<AccountId>,
    /// What, by the matrix.
    pub action: String,
    /// What exactly.
    pub command: String,
    /// The id of the object.
    pub object: String,
    /// What changed, as it was.
    pub before: Value,
    /// What changed, as it became.
    pub after: Value,
    /// Why, in the words of who did it.
    pub reason: Option<String>,
    /// The request it was done in.
    pub request_id: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What to look for in the audit log; everything given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Who.
    pub actor: Option<AccountId>,
    /// To what: an id as it stands on the wire.
    pub object: Option<String>,
    /// What, by the matrix.
    pub action: Option<Action>,
    /// In which request.
    pub request_id: Option<String>,
    /// At or after.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub before: Option<DateTime<Utc>>,
}

/// Reads the audit log.
#[cfg_attr(feature = "testing", mockall::automock)]
#[async_trait]
pub trait AuditReader: Send + Sync {
    /// A page of lines, newest first, below a number.
    async fn list_audit_records(
        &self,
        filter: &AuditFilter,
        below: Option<i64>,
        limit: Limit,
    ) -> Result<Page<AuditRecord, i64>, StorageError>;
}

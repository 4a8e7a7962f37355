//! Mocks, builders and a store in memory, for tests of this crate and of those that link it.

use std::sync::Arc;

use access::{AuditEntry, AuditLog, Roles};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use kernel::{
    AccountId, Clock, Event, EventId, Inbox, Locale, Outbox, RepeatingRandom, SequentialIds,
    SessionId, StorageError, UnitOfWork,
};
use mockall::mock;

use crate::{
    Account, AccountAdministration, AccountRecord, AccountRepository, DisplayName, EndReason,
    IdentityError, IdentityService, Link, LinkPurpose, LinkRepository, Parts, PasswordHash, Policy,
    Profile, RefreshToken, Session, SessionCheck, SessionRepository, Status, TokenDigest,
};

mod credentials;
mod memory;

pub use crate::port::{
    MockAccessTokens, MockAuditReader, MockIdentityReader, MockIdentityStore, MockPasswords,
    MockThrottle,
};
pub use credentials::{PlainPasswords, PlainTokens};
pub use memory::MemoryIdentity;

mock! {
    /// A transaction that expects what it is told to expect.
    #[derive(Debug)]
    pub IdentityTx {
        /// What [`Outbox::publish`] comes to: the name and the subject of the event.
        pub fn publish_event(
            &mut self,
            name: &'static str,
            subject: String,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl AccountRepository for IdentityTx {
        async fn account(&mut self, id: AccountId) -> Result<Option<Account>, StorageError>;
        async fn account_for_update(&mut self, id: AccountId) -> Result<Option<Account>, StorageError>;
        async fn active_admins_for_update(&mut self) -> Result<Vec<AccountId>, StorageError>;
        async fn insert_account(&mut self, account: &Account) -> Result<(), IdentityError>;
        async fn update_account(&mut self, account: &Account) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl SessionRepository for IdentityTx {
        async fn session_for_update(&mut self, id: SessionId) -> Result<Option<Session>, StorageError>;
        async fn session_of_token_for_update(
            &mut self,
            digest: &TokenDigest,
        ) -> Result<Option<(Session, RefreshToken)>, StorageError>;
        async fn insert_session(
            &mut self,
            session: &Session,
            first: &RefreshToken,
        ) -> Result<(), StorageError>;
        async fn update_session(&mut self, session: &Session) -> Result<(), StorageError>;
        async fn exchange_refresh_token(
            &mut self,
            exchanged: &RefreshToken,
            successor: &RefreshToken,
        ) -> Result<(), StorageError>;
        async fn end_sessions(
            &mut self,
            account: AccountId,
            reason: EndReason,
            now: DateTime<Utc>,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl LinkRepository for IdentityTx {
        async fn insert_link(&mut self, link: &Link) -> Result<(), StorageError>;
        async fn link(&mut self, digest: &TokenDigest) -> Result<Option<Link>, StorageError>;
        async fn use_links(
            &mut self,
            account: AccountId,
            purpose: LinkPurpose,
            now: DateTime<Utc>,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl AuditLog for IdentityTx {
        async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Inbox for IdentityTx {
        async fn first_time(
            &mut self,
            handler: &'static str,
            event: EventId,
        ) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl UnitOfWork for IdentityTx {
        async fn commit(self: Box<Self>) -> Result<(), StorageError>;
    }
}

#[async_trait]
impl Outbox for MockIdentityTx {
    async fn publish(
        &mut self,
        event: &dyn Event,
        _actor: Option<AccountId>,
        _at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.publish_event(event.name(), event.subject())
    }
}

impl MockIdentityStore {
    /// A store whose next transaction is `tx`.
    pub fn with(tx: MockIdentityTx) -> Self {
        let mut store = Self::new();
        store.expect_begin().return_once(move || Ok(Box::new(tx)));
        store
    }
}

/// A verified, active client that signed up at `now`; change what the test is about.
pub fn an_account(id: AccountId, email: &str, now: DateTime<Utc>) -> AccountRecord {
    AccountRecord {
        id,
        email: Some(email.parse().expect("a test gives a mail address")),
        password: Some(PasswordHash::new("plain:correct horse".to_owned())),
        profile: a_profile("Ada"),
        roles: Roles::client(),
        status: Status::Active,
        email_verified_at: Some(now),
        token_version: 1,
        created_at: now,
        version: 1,
    }
}

/// A profile in English and UTC.
pub fn a_profile(display_name: &str) -> Profile {
    Profile {
        display_name: DisplayName::new(display_name).expect("a test gives a name"),
        locale: Locale::default(),
        time_zone: Tz::UTC,
    }
}

impl MemoryIdentity {
    /// A service over this store, with passwords that are not hashed and tokens that are not
    /// signed.
    pub fn service(&self, clock: Arc<dyn Clock>, policy: Policy) -> IdentityService {
        IdentityService::new(Parts {
            store: Arc::new(self.clone()),
            reader: Arc::new(self.clone()),
            throttle: Arc::new(self.clone()),
            passwords: Arc::new(PlainPasswords),
            tokens: Arc::new(PlainTokens),
            clock,
            ids: Arc::new(SequentialIds::default()),
            random: Arc::new(RepeatingRandom::default()),
            policy,
        })
    }

    /// The administration over this store.
    pub fn administration(&self, clock: Arc<dyn Clock>) -> AccountAdministration {
        AccountAdministration::new(
            Arc::new(self.clone()),
            Arc::new(self.clone()),
            Arc::new(self.clone()),
            Arc::new(PlainPasswords),
            clock,
            Arc::new(SequentialIds::default()),
        )
    }

    /// The session check over this store.
    pub fn session_check(&self, clock: Arc<dyn Clock>) -> SessionCheck {
        SessionCheck::new(Arc::new(self.clone()), Arc::new(PlainTokens), clock)
    }
}

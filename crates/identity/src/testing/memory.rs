use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use access::{AuditEntry, AuditLog, Role};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, Event, EventId, Inbox, Limit, Outbox, Page, SessionId, StorageError, Total,
    UnitOfWork,
};

use crate::{
    Account, AccountFilter, AccountPosition, AccountRepository, Allowance, AuditFilter,
    AuditReader, AuditRecord, BucketKey, EmailAddress, EndReason, IdentityError, IdentityReader,
    IdentityStore, IdentityTx, Link, LinkPurpose, LinkRepository, RefreshState, RefreshToken,
    Session, SessionFacts, SessionRepository, SessionStatus, StatusKind, Throttle, TokenDigest,
};

/// All ports of storage, in memory: for examples and for tests of services. A transaction works on
/// a copy and replaces the whole on commit; two at once do not wait for one another, so what is
/// about concurrency is tested on a database.
#[derive(Debug, Clone, Default)]
pub struct MemoryIdentity {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    accounts: BTreeMap<AccountId, Account>,
    sessions: BTreeMap<SessionId, Session>,
    tokens: HashMap<TokenDigest, RefreshToken>,
    links: HashMap<TokenDigest, Link>,
    buckets: HashMap<BucketKey, DateTime<Utc>>,
    audit: Vec<AuditRecord>,
    events: Vec<(&'static str, String)>,
    handled: HashSet<(&'static str, EventId)>,
}

impl State {
    fn session_of(&self, digest: &TokenDigest) -> Option<(Session, RefreshToken)> {
        let token = self.tokens.get(digest)?;
        Some((self.sessions.get(&token.session)?.clone(), token.clone()))
    }
}

/// A copy of the whole that becomes the whole.
#[derive(Debug)]
struct MemoryTx {
    shared: Arc<Mutex<State>>,
    state: State,
}

impl MemoryIdentity {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an account in as it is.
    pub fn put(&self, account: Account) {
        self.lock().accounts.insert(account.id(), account);
    }

    /// The events published so far: name and subject.
    pub fn events(&self) -> Vec<(&'static str, String)> {
        self.lock().events.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics with the store in its hand")
    }
}

#[async_trait]
impl IdentityStore for MemoryIdentity {
    async fn begin(&self) -> Result<Box<dyn IdentityTx>, StorageError> {
        let state = self.lock().clone();
        Ok(Box::new(MemoryTx { shared: Arc::clone(&self.state), state }))
    }

    async fn sweep_identity(&self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        let mut state = self.lock();
        let rows = state.links.len() + state.buckets.len();
        state.links.retain(|_, link| link.expires_at >= before);
        state.buckets.retain(|_, empty_at| *empty_at >= before);
        let gone = rows - state.links.len() - state.buckets.len();
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }
}

#[async_trait]
impl UnitOfWork for MemoryTx {
    async fn commit(self: Box<Self>) -> Result<(), StorageError> {
        *self.shared.lock().expect("no test panics with the store in its hand") = self.state;
        Ok(())
    }
}

#[async_trait]
impl AccountRepository for MemoryTx {
    async fn account(&mut self, id: AccountId) -> Result<Option<Account>, StorageError> {
        Ok(self.state.accounts.get(&id).cloned())
    }

    async fn account_for_update(&mut self, id: AccountId) -> Result<Option<Account>, StorageError> {
        self.account(id).await
    }

    async fn active_admins_for_update(&mut self) -> Result<Vec<AccountId>, StorageError> {
        let admins = self.state.accounts.values().filter(|account| account.is_active_admin());
        Ok(admins.map(Account::id).collect())
    }

    async fn insert_account(&mut self, account: &Account) -> Result<(), IdentityError> {
        if self.state.accounts.values().any(|other| other.email() == account.email()) {
            return Err(IdentityError::AddressTaken);
        }
        self.state.accounts.insert(account.id(), account.clone());
        Ok(())
    }

    async fn update_account(&mut self, account: &Account) -> Result<(), StorageError> {
        self.state.accounts.insert(account.id(), account.clone());
        Ok(())
    }
}

#[async_trait]
impl SessionRepository for MemoryTx {
    async fn session_for_update(&mut self, id: SessionId) -> Result<Option<Session>, StorageError> {
        Ok(self.state.sessions.get(&id).cloned())
    }

    async fn session_of_token_for_update(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<(Session, RefreshToken)>, StorageError> {
        Ok(self.state.session_of(digest))
    }

    async fn insert_session(
        &mut self,
        session: &Session,
        first: &RefreshToken,
    ) -> Result<(), StorageError> {
        self.state.sessions.insert(session.id(), session.clone());
        self.state.tokens.insert(first.digest, first.clone());
        Ok(())
    }

    async fn update_session(&mut self, session: &Session) -> Result<(), StorageError> {
        self.state.sessions.insert(session.id(), session.clone());
        Ok(())
    }

    async fn exchange_refresh_token(
        &mut self,
        exchanged: &RefreshToken,
        successor: &RefreshToken,
    ) -> Result<(), StorageError> {
        for token in self.state.tokens.values_mut().filter(|t| t.session == exchanged.session) {
            if let RefreshState::Exchanged { successor, .. } = &mut token.state {
                *successor = None;
            }
        }
        for token in [exchanged, successor] {
            self.state.tokens.insert(token.digest, token.clone());
        }
        Ok(())
    }

    async fn end_sessions(
        &mut self,
        account: AccountId,
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        for session in self.state.sessions.values_mut().filter(|s| s.account() == account) {
            session.end(reason, now);
        }
        Ok(())
    }
}

#[async_trait]
impl LinkRepository for MemoryTx {
    async fn insert_link(&mut self, link: &Link) -> Result<(), StorageError> {
        self.state.links.insert(link.digest, link.clone());
        Ok(())
    }

    async fn link(&mut self, digest: &TokenDigest) -> Result<Option<Link>, StorageError> {
        Ok(self.state.links.get(digest).cloned())
    }

    async fn use_links(
        &mut self,
        account: AccountId,
        purpose: LinkPurpose,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        for link in self.state.links.values_mut() {
            if link.account == account && link.purpose == purpose {
                link.used_at.get_or_insert(now);
            }
        }
        Ok(())
    }
}

#[async_trait]
impl AuditLog for MemoryTx {
    async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError> {
        let entry = entry.clone();
        let id = i64::try_from(self.state.audit.len()).unwrap_or(i64::MAX) + 1;
        self.state.audit.push(AuditRecord {
            id,
            actor: entry.actor,
            action: entry.action.name().to_owned(),
            command: entry.command.to_owned(),
            object: entry.object,
            before: entry.before,
            after: entry.after,
            reason: entry.reason,
            request_id: entry.request_id,
            at: entry.at,
        });
        Ok(())
    }
}

#[async_trait]
impl Outbox for MemoryTx {
    async fn publish(
        &mut self,
        event: &dyn Event,
        _actor: Option<AccountId>,
        _at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.state.events.push((event.name(), event.subject()));
        Ok(())
    }
}

#[async_trait]
impl Inbox for MemoryTx {
    async fn first_time(
        &mut self,
        handler: &'static str,
        event: EventId,
    ) -> Result<bool, StorageError> {
        Ok(self.state.handled.insert((handler, event)))
    }
}

#[async_trait]
impl IdentityReader for MemoryIdentity {
    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StorageError> {
        Ok(self.lock().accounts.get(&id).cloned())
    }

    async fn find_account_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<Account>, StorageError> {
        let state = self.lock();
        Ok(state.accounts.values().find(|account| account.email() == Some(email)).cloned())
    }

    async fn list_accounts(
        &self,
        filter: &AccountFilter,
        after: Option<AccountPosition>,
        limit: Limit,
    ) -> Result<Page<Account, AccountPosition>, StorageError> {
        let position =
            |a: &Account| AccountPosition { created_at: a.record().created_at, id: a.id() };
        let key = |p: AccountPosition| (p.created_at, p.id);
        let mut rows: Vec<Account> = self
            .lock()
            .accounts
            .values()
            .filter(|account| matches(filter, account))
            .filter(|account| after.is_none_or(|after| key(position(account)) < key(after)))
            .cloned()
            .collect();
        rows.sort_by_key(|account| std::cmp::Reverse(key(position(account))));
        rows.truncate(usize::from(limit.get()) + 1);
        Ok(Page::from_rows(rows, limit, position))
    }

    async fn account_position(
        &self,
        filter: &AccountFilter,
        skipped: u16,
    ) -> Result<Option<AccountPosition>, StorageError> {
        let state = self.lock();
        let mut found: Vec<_> = state
            .accounts
            .values()
            .filter(|account| matches(filter, account))
            .map(|account| (account.record().created_at, account.id()))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        let last = usize::from(skipped).checked_sub(1).and_then(|last| found.get(last));
        Ok(last.map(|&(created_at, id)| AccountPosition { created_at, id }))
    }

    async fn count_accounts(&self, filter: &AccountFilter) -> Result<Total, StorageError> {
        let state = self.lock();
        let found = state.accounts.values().filter(|account| matches(filter, account)).count();
        Ok(Total::of_rows(i64::try_from(found).unwrap_or(i64::MAX)))
    }

    async fn find_session_facts(
        &self,
        id: SessionId,
    ) -> Result<Option<SessionFacts>, StorageError> {
        let state = self.lock();
        let facts = state.sessions.get(&id).and_then(|session| {
            let account = state.accounts.get(&session.account())?;
            Some(SessionFacts {
                session: id,
                account: account.id(),
                roles: account.roles(),
                provider: None,
                status: account.status().kind(),
                email_verified: account.is_verified(),
                current: session.record().token_version == account.token_version(),
                ended: session.record().status != SessionStatus::Open,
                expires_at: session.record().expires_at,
            })
        });
        Ok(facts)
    }

    async fn list_live_sessions(
        &self,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Session>, StorageError> {
        let state = self.lock();
        let mine = state.sessions.values().rev();
        Ok(mine.filter(|s| s.account() == account && s.is_live(now)).cloned().collect())
    }

    async fn find_refresh_token(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<(Session, RefreshToken)>, StorageError> {
        Ok(self.lock().session_of(digest))
    }

    async fn find_link(&self, digest: &TokenDigest) -> Result<Option<Link>, StorageError> {
        Ok(self.lock().links.get(digest).cloned())
    }
}

fn matches(filter: &AccountFilter, account: &Account) -> bool {
    let AccountFilter { words, statuses, role, created_from, created_before } = filter;
    let record = account.record();
    let contains = |words: &String| {
        let words = words.to_lowercase();
        account.email().is_some_and(|email| email.as_str().contains(&words))
            || record.profile.display_name.to_lowercase().contains(&words)
    };
    let has = |role: &Role| record.roles.contains(*role);
    words.as_ref().is_none_or(contains)
        && (statuses.is_empty() || statuses.contains(&StatusKind::from(account)))
        && role.as_ref().is_none_or(has)
        && created_from.is_none_or(|from| record.created_at >= from)
        && created_before.is_none_or(|before| record.created_at < before)
}

impl From<&Account> for StatusKind {
    fn from(account: &Account) -> Self {
        account.status().kind()
    }
}

#[async_trait]
impl Throttle for MemoryIdentity {
    async fn take_try(
        &self,
        key: &BucketKey,
        allowance: &Allowance,
        now: DateTime<Utc>,
    ) -> Result<Result<(), TimeDelta>, StorageError> {
        let mut state = self.lock();
        let taken = allowance.take(state.buckets.get(key).copied(), now);
        Ok(taken.map(|empty_at| {
            state.buckets.insert(*key, empty_at);
        }))
    }

    async fn give_back_try(
        &self,
        key: &BucketKey,
        allowance: &Allowance,
    ) -> Result<(), StorageError> {
        if let Some(empty_at) = self.lock().buckets.get_mut(key) {
            *empty_at -= allowance.step();
        }
        Ok(())
    }

    async fn empty_bucket(&self, key: &BucketKey) -> Result<(), StorageError> {
        self.lock().buckets.remove(key);
        Ok(())
    }
}

#[async_trait]
impl AuditReader for MemoryIdentity {
    async fn list_audit_records(
        &self,
        filter: &AuditFilter,
        below: Option<i64>,
        limit: Limit,
    ) -> Result<Page<AuditRecord, i64>, StorageError> {
        let AuditFilter { actor, object, action, request_id, from, before } = filter;
        let rows = self
            .lock()
            .audit
            .iter()
            .rev()
            .filter(|line| below.is_none_or(|below| line.id < below))
            .filter(|line| actor.is_none() || line.actor == *actor)
            .filter(|line| object.as_ref().is_none_or(|object| line.object == *object))
            .filter(|line| action.is_none_or(|action| line.action == action.name()))
            .filter(|line| request_id.is_none() || line.request_id == *request_id)
            .filter(|line| from.is_none_or(|from| line.at >= from))
            .filter(|line| before.is_none_or(|before| line.at < before))
            .take(usize::from(limit.get()) + 1)
            .cloned()
            .collect();
        Ok(Page::from_rows(rows, limit, |line| line.id))
    }
}

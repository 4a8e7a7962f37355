//! The ports of identity, on a real PostgreSQL.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use access::{Actor, Member, Role, Roles};
use adapter_postgres::{PgStore, Settings};
use chrono::{DateTime, TimeDelta, Utc};
use identity::testing::{PlainPasswords, PlainTokens, a_profile, an_account};
use identity::{
    Account, AccountAdministration, AccountChange, AccountFilter, AccountRecord, Allowance,
    AuditFilter, AuditReader, BucketKey, Client, EndReason, IdentityError, IdentityReader,
    IdentityService, IdentityStore, LinkPurpose, NewPassword, Parts, Password, Policy, Reason,
    SessionCheck, SessionStatus, SignIn, SignUp, SignUpOutcome, Status, StatusKind, Throttle,
    ThrottleKind, Tokens,
};
use kernel::{
    AccountId, EventId, EventMessage, Limit, ManualClock, SessionId, SystemIds, SystemRandom,
};
use serde_json::json;
use test_support::TestDatabase;
use tokio::task::JoinSet;

/// A service on a database of its own.
struct Room {
    database: TestDatabase,
    store: PgStore,
    clock: Arc<ManualClock>,
    service: IdentityService,
    administration: AccountAdministration,
    check: SessionCheck,
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

async fn room() -> Room {
    let database = TestDatabase::new().await;
    let store = PgStore::connect(&Settings::new(database.url()), |_| &[]).unwrap();
    let clock = Arc::new(ManualClock::new(start()));
    let shared = Arc::new(store.clone());
    let service = IdentityService::new(Parts {
        store: shared.clone(),
        reader: shared.clone(),
        throttle: shared.clone(),
        passwords: Arc::new(PlainPasswords),
        tokens: Arc::new(PlainTokens),
        clock: clock.clone(),
        ids: Arc::new(SystemIds),
        random: Arc::new(SystemRandom),
        policy: Policy { require_verified_email: false, ..Policy::default() },
    });
    let administration = AccountAdministration::new(
        shared.clone(),
        shared.clone(),
        shared.clone(),
        Arc::new(PlainPasswords),
        clock.clone(),
        Arc::new(SystemIds),
    );
    let check = SessionCheck::new(shared, Arc::new(PlainTokens), clock.clone());
    Room { database, store, clock, service, administration, check }
}

fn laptop() -> Client {
    Client::new(Ipv4Addr::new(203, 0, 113, 7).into(), Some("Firefox"))
}

fn reason() -> Reason {
    Reason::new("it must be").unwrap()
}

fn sign_up(email: &str) -> SignUp {
    SignUp {
        email: email.parse().unwrap(),
        password: NewPassword::new("correct horse").unwrap(),
        profile: a_profile("Ada"),
    }
}

fn sign_in(email: &str) -> SignIn {
    SignIn { email: email.parse().unwrap(), password: Password::typed("correct horse").unwrap() }
}

impl Room {
    async fn store_account(&self, record: AccountRecord) -> Account {
        let account = Account::restore_record(record);
        let mut tx = self.store.begin().await.unwrap();
        tx.insert_account(&account).await.unwrap();
        tx.commit().await.unwrap();
        account
    }

    async fn ada(&self) -> (Account, Tokens) {
        let outcome =
            self.service.sign_up(&Actor::visitor(), sign_up("ada@example.org"), &laptop()).await;
        match outcome.unwrap() {
            SignUpOutcome::SignedIn { account, tokens } => (*account, *tokens),
            SignUpOutcome::MailSent => panic!("addresses need no verification here"),
        }
    }

    async fn an_admin(&self, email: &str) -> (AccountId, Actor) {
        let id = AccountId::next(&SystemIds);
        let roles = Roles::client().with(Role::Admin);
        self.store_account(AccountRecord { roles, ..an_account(id, email, start()) }).await;
        let member =
            Member { account: id, session: SessionId::next(&SystemIds), roles, provider: None };
        (id, Actor::member(member))
    }

    async fn count(&self, query: &str) -> i64 {
        self.database.client().await.query_one(query, &[]).await.unwrap().get(0)
    }
}

#[tokio::test]
async fn an_account_survives_the_round_trip_in_every_state() {
    let room = room().await;
    let states = [
        Status::Active,
        Status::Suspended { at: start(), reason: reason() },
        Status::Erased { at: start() },
    ];
    for status in states {
        let id = AccountId::next(&SystemIds);
        let mut record = an_account(id, &format!("{}@example.org", status.kind()), start());
        record.profile.locale = "pt-BR".parse().unwrap();
        record.profile.time_zone = "America/Sao_Paulo".parse().unwrap();
        if status.kind() == StatusKind::Erased {
            record = AccountRecord { email: None, password: None, ..record };
        }
        let stored = room.store_account(AccountRecord { status, ..record }).await;

        assert_eq!(room.store.find_account(id).await.unwrap(), Some(stored.clone()));
        let mut tx = room.store.begin().await.unwrap();
        assert_eq!(tx.account_for_update(id).await.unwrap(), Some(stored));
    }
}

#[tokio::test]
async fn an_address_is_taken_once_however_many_ask_at_once() {
    let room = room().await;
    let mut tasks = JoinSet::new();
    for n in 0..8 {
        let service = room.service.clone();
        let email = if n % 2 == 0 { "ada@example.org" } else { "ADA@Example.org" };
        tasks.spawn(async move {
            service.sign_up(&Actor::visitor(), sign_up(email), &laptop()).await.map(|_| ())
        });
    }
    let results = tasks.join_all().await;

    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let refusals = results.into_iter().filter_map(Result::err);
    assert!(refusals.into_iter().all(|error| matches!(error, IdentityError::AddressTaken)));
    assert_eq!(room.count("SELECT count(*) FROM accounts").await, 1);
}

#[tokio::test]
async fn a_token_refreshed_many_times_at_once_has_one_successor() {
    let room = room().await;
    let (_, tokens) = room.ada().await;
    let mut tasks = JoinSet::new();
    for _ in 0..10 {
        let (service, token) = (room.service.clone(), tokens.refresh_token.clone());
        tasks.spawn(async move { service.refresh(&Actor::visitor(), &token, &laptop()).await });
    }
    let successors: HashSet<String> =
        tasks.join_all().await.into_iter().map(|tokens| tokens.unwrap().refresh_token).collect();

    assert_eq!(successors.len(), 1);
    assert_eq!(room.count("SELECT count(*) FROM refresh_tokens").await, 2);
    assert!(room.check.authenticate(&tokens.access_token).await.is_ok());
}

#[tokio::test]
async fn a_token_used_again_ends_its_session_and_is_written_down() {
    let room = room().await;
    let visitor = Actor::visitor().in_request("req-1".to_owned());
    let (ada, first) = room.ada().await;
    let second = room.service.refresh(&visitor, &first.refresh_token, &laptop()).await.unwrap();
    let third = room.service.refresh(&visitor, &second.refresh_token, &laptop()).await.unwrap();
    let other_device = room.service.sign_in(sign_in("ada@example.org"), &laptop()).await.unwrap();

    let again = room.service.refresh(&visitor, &first.refresh_token, &laptop()).await;

    assert!(matches!(again, Err(IdentityError::InvalidToken)), "{again:?}");
    for token in [&third.refresh_token, &second.refresh_token, &first.refresh_token] {
        assert!(room.service.refresh(&visitor, token, &laptop()).await.is_err());
    }
    assert!(room.check.authenticate(&third.access_token).await.is_err());
    assert!(room.check.authenticate(&other_device.access_token).await.is_ok());
    let filter = AuditFilter { request_id: Some("req-1".to_owned()), ..AuditFilter::default() };
    let lines = room.store.list_audit_records(&filter, None, Limit::default()).await.unwrap().items;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].command, "refresh_token_reused");
    assert_eq!(lines[0].object, third.session.to_string());
    assert_eq!(lines[0].after, json!({ "ended": "token_reused", "account": ada.id() }));
}

#[tokio::test]
async fn a_lost_answer_is_given_again_for_ten_seconds_to_the_same_client() {
    let room = room().await;
    let visitor = Actor::visitor();
    let (_, first) = room.ada().await;
    let second = room.service.refresh(&visitor, &first.refresh_token, &laptop()).await.unwrap();

    room.clock.advance(TimeDelta::seconds(9));
    let again = room.service.refresh(&visitor, &first.refresh_token, &laptop()).await.unwrap();
    assert_eq!(again.refresh_token, second.refresh_token);

    let thief = Client { device: None, ..laptop() };
    let stolen = room.service.refresh(&visitor, &first.refresh_token, &thief).await;
    assert!(matches!(stolen, Err(IdentityError::InvalidToken)), "{stolen:?}");
    assert!(room.service.refresh(&visitor, &second.refresh_token, &laptop()).await.is_err());
}

#[tokio::test]
async fn no_secret_lies_in_the_database() {
    let room = room().await;
    let (ada, tokens) = room.ada().await;
    let next = room.service.refresh(&Actor::visitor(), &tokens.refresh_token, &laptop()).await;
    let link = room.service.mint_link(ada.id(), LinkPurpose::ResetPassword).await.unwrap().unwrap();
    let client = room.database.client().await;
    let tables =
        ["accounts", "sessions", "refresh_tokens", "account_links", "events", "throttle_buckets"];
    let mut dump = String::new();
    for table in tables {
        let rows = client.query(&format!("SELECT t::text FROM {table} t"), &[]).await.unwrap();
        dump.extend(rows.iter().map(|row| row.get::<_, String>(0)));
    }

    for secret in [&tokens.refresh_token, &next.unwrap().refresh_token, &link.token] {
        let base64 = secret.strip_prefix("mst_").unwrap();
        assert!(!dump.contains(base64));
        let hex: String = identity::OpaqueToken::parse(secret)
            .map(|token| token.digest())
            .iter()
            .flat_map(identity::TokenDigest::as_bytes)
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        assert!(dump.contains(&hex), "its digest does");
    }
    let events = client.query("SELECT t::text FROM events t", &[]).await.unwrap();
    assert!(events.iter().all(|row| !row.get::<_, String>(0).contains("ada@")));
}

#[tokio::test]
async fn a_link_works_once_however_many_use_it_at_once() {
    let room = room().await;
    let (ada, tokens) = room.ada().await;
    let link = room.service.mint_link(ada.id(), LinkPurpose::ResetPassword).await.unwrap().unwrap();
    let mut tasks = JoinSet::new();
    for n in 0..6 {
        let (service, token) = (room.service.clone(), link.token.clone());
        tasks.spawn(async move {
            let password = NewPassword::new(&format!("another horse {n}")).unwrap();
            service.reset_password(&token, &password).await
        });
    }
    let results = tasks.join_all().await;

    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(room.check.authenticate(&tokens.access_token).await.is_err(), "all sessions ended");
    assert!(room.service.sign_in(sign_in("ada@example.org"), &laptop()).await.is_err());
}

#[tokio::test]
async fn tries_are_shared_by_all_servers() {
    let room = room().await;
    let key = BucketKey::of_address(ThrottleKind::SignIn, &"ada@example.org".parse().unwrap());
    let allowance = Allowance::per_minutes(10, 15);
    let mut tasks = JoinSet::new();
    for _ in 0..30 {
        let store = room.store.clone();
        tasks.spawn(async move { store.take_try(&key, &allowance, start()).await.unwrap() });
    }
    let results = tasks.join_all().await;

    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
    assert!(results.iter().filter_map(|r| r.err()).all(|wait| wait == TimeDelta::seconds(90)));
}

#[tokio::test]
async fn a_bucket_in_the_database_drains_as_the_domain_says() {
    let room = room().await;
    let key = BucketKey::of_address(ThrottleKind::Mail, &"ada@example.org".parse().unwrap());
    let allowance = Allowance::per_minutes(3, 1);
    let (mut now, mut expected) = (start(), None);
    for gap in [0, 0, 0, 0, 19, 1, 0, 5, 15, 40, 0, 0, 90, 0, 0, 0, 0] {
        now += TimeDelta::seconds(gap);
        let decided = allowance.take(expected, now);
        expected = decided.ok().or(expected);
        let taken = room.store.take_try(&key, &allowance, now).await.unwrap();
        assert_eq!(taken, decided.map(|_| ()), "at {now}");
    }
    room.store.give_back_try(&key, &allowance).await.unwrap();
    assert!(room.store.take_try(&key, &allowance, now).await.unwrap().is_ok());
    room.store.empty_bucket(&key).await.unwrap();
    for _ in 0..3 {
        assert!(room.store.take_try(&key, &allowance, now).await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn two_admins_who_suspend_each_other_leave_one() {
    let room = room().await;
    let (ada, as_ada) = room.an_admin("ada@example.org").await;
    let (bob, as_bob) = room.an_admin("bob@example.org").await;
    for round in 0..4 {
        let change = || AccountChange { suspended: Some(true), roles: None, reason: reason() };
        let (one, two) = tokio::join!(
            room.administration.change(&as_ada, bob, change(), None),
            room.administration.change(&as_bob, ada, change(), None),
        );
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1, "round {round}");
        let error = one.as_ref().err().or(two.as_ref().err()).unwrap();
        assert!(matches!(error, IdentityError::LastAdmin), "{error}");
        let (suspended, by) = if one.is_ok() { (bob, &as_ada) } else { (ada, &as_bob) };
        let change = AccountChange { suspended: Some(false), roles: None, reason: reason() };
        room.administration.change(by, suspended, change, None).await.unwrap();
    }
}

#[tokio::test]
async fn a_suspension_ends_all_sessions_and_a_restored_account_signs_in_anew() {
    let room = room().await;
    let (_, admin) = room.an_admin("admin@example.org").await;
    let (ada, tokens) = room.ada().await;
    let change = AccountChange { suspended: Some(true), roles: None, reason: reason() };
    room.administration.change(&admin, ada.id(), change.clone(), Some(1)).await.unwrap();

    let facts = room.store.find_session_facts(tokens.session).await.unwrap().unwrap();
    assert_eq!((facts.status, facts.ended), (StatusKind::Suspended, true));
    assert!(room.check.authenticate(&tokens.access_token).await.is_err());
    let refused = room.service.sign_in(sign_in("ada@example.org"), &laptop()).await;
    assert!(matches!(refused, Err(IdentityError::Suspended)), "{refused:?}");
    let stale = room.administration.change(&admin, ada.id(), change, Some(1)).await;
    assert!(matches!(stale, Err(IdentityError::Stale)), "{stale:?}");

    let restore = AccountChange { suspended: Some(false), roles: None, reason: reason() };
    room.administration.change(&admin, ada.id(), restore, Some(2)).await.unwrap();
    assert!(room.check.authenticate(&tokens.access_token).await.is_err(), "the old one stays over");
    let anew = room.service.sign_in(sign_in("ada@example.org"), &laptop()).await.unwrap();
    assert!(room.check.authenticate(&anew.access_token).await.is_ok());
}

#[tokio::test]
async fn a_session_opened_under_an_older_password_is_dead_from_the_start() {
    let room = room().await;
    let (ada, tokens) = room.ada().await;
    let mut tx = room.store.begin().await.unwrap();
    let mut account = tx.account_for_update(ada.id()).await.unwrap().unwrap();
    account.change_password(identity::PasswordHash::new("plain:another".to_owned())).unwrap();
    tx.update_account(&account).await.unwrap();
    tx.commit().await.unwrap();

    // Its row is open still, as that of a sign-in that overtook the change would be.
    let facts = room.store.find_session_facts(tokens.session).await.unwrap().unwrap();
    assert_eq!((facts.ended, facts.current), (false, false));
    assert!(room.check.authenticate(&tokens.access_token).await.is_err());
    assert!(
        room.service.refresh(&Actor::visitor(), &tokens.refresh_token, &laptop()).await.is_err()
    );
    assert_eq!(room.store.list_live_sessions(ada.id(), start()).await.unwrap(), []);
}

#[tokio::test]
async fn whoever_registers_a_profile_is_a_provider_at_once() {
    let room = room().await;
    let (ada, tokens) = room.ada().await;
    let client = room.database.client().await;
    let id = ada.id().as_uuid();
    client
        .batch_execute(&format!(
            "INSERT INTO providers (id, account_id, slug, name, category_ids, languages, \
             verification, status, version, created_at, updated_at) VALUES \
             ('{id}', '{id}', 'ada', 'Ada', '{{}}', '{{}}', 'unverified', 'active', 1, now(), now())"
        ))
        .await
        .unwrap();

    let member = room.check.authenticate(&tokens.access_token).await.unwrap();
    assert!(member.roles.contains(Role::Provider));
    assert_eq!(member.provider.map(kernel::ProviderId::as_uuid), Some(id));

    let event = EventMessage {
        id: EventId::next(&SystemIds),
        name: "provider.registered.v1".to_owned(),
        subject: String::new(),
        payload: json!({ "account": ada.id() }),
        actor: Some(ada.id()),
        at: start(),
    };
    for _ in 0..2 {
        room.service.on_event(&event).await.unwrap();
    }
    let account = room.store.find_account(ada.id()).await.unwrap().unwrap();
    assert!(account.roles().contains(Role::Provider));
    assert_eq!(account.version(), 2);
}

#[tokio::test]
async fn a_list_of_accounts_is_complete_whatever_its_pages() {
    let room = room().await;
    for n in 0..7_i64 {
        // Two of a moment, so that the id must part them.
        let at = start() + TimeDelta::seconds(n / 2);
        let id = AccountId::next(&SystemIds);
        let mut record = an_account(id, &format!("person_{n}@example.org"), at);
        record.profile = a_profile(if n == 3 { "100% Grace" } else { "Ada" });
        if n == 4 {
            record.status = Status::Suspended { at, reason: reason() };
        }
        room.store_account(record).await;
    }
    let list = async |filter: AccountFilter| {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let limit = Limit::new(2).unwrap();
            let page = room.store.list_accounts(&filter, after, limit).await.unwrap();
            found.extend(page.items);
            after = page.next;
            if after.is_none() {
                return found;
            }
        }
    };
    let words = |words: &str| AccountFilter { words: Some(words.to_owned()), ..<_>::default() };

    let all = list(AccountFilter::default()).await;
    assert_eq!(all.len(), 7);
    assert!(all.is_sorted_by_key(|a| std::cmp::Reverse((a.record().created_at, a.id()))));
    assert_eq!(list(words("GRACE")).await.len(), 1);
    assert_eq!(list(words("person_5@EXAMPLE")).await.len(), 1);
    assert_eq!(list(words("100%")).await.len(), 1, "a percent sign means itself");
    assert_eq!(list(words("personX5")).await.len(), 0, "and so does an underscore");
    let suspended = AccountFilter { statuses: vec![StatusKind::Suspended], ..<_>::default() };
    assert_eq!(list(suspended).await.len(), 1);
    let admins = AccountFilter { role: Some(Role::Admin), ..<_>::default() };
    assert_eq!(list(admins).await.len(), 0);
    let late =
        AccountFilter { created_from: Some(start() + TimeDelta::seconds(3)), ..<_>::default() };
    assert_eq!(list(late).await.len(), 1);
}

#[tokio::test]
async fn what_ended_a_month_ago_is_swept_and_nothing_else() {
    let room = room().await;
    let (ada, tokens) = room.ada().await;
    room.service.mint_link(ada.id(), LinkPurpose::VerifyEmail).await.unwrap().unwrap();
    let signed_out = room.service.sign_in(sign_in("ada@example.org"), &laptop()).await.unwrap();
    room.service.revoke(&signed_out.refresh_token).await.unwrap();

    assert_eq!(room.service.sweep().await.unwrap(), 0);
    room.clock.advance(TimeDelta::days(29));
    room.service.refresh(&Actor::visitor(), &tokens.refresh_token, &laptop()).await.unwrap();
    room.clock.advance(TimeDelta::days(2));
    assert!(room.service.sweep().await.unwrap() >= 2, "the session that ended, and the bucket");
    assert_eq!(room.count("SELECT count(*) FROM sessions").await, 1);
    room.clock.advance(TimeDelta::days(60));
    room.service.sweep().await.unwrap();
    for table in ["sessions", "refresh_tokens", "account_links", "throttle_buckets"] {
        assert_eq!(room.count(&format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
}

#[tokio::test]
async fn a_session_survives_the_round_trip_open_and_ended() {
    let room = room().await;
    let (_, tokens) = room.ada().await;
    for reason in EndReason::ALL {
        let mut tx = room.store.begin().await.unwrap();
        let session = tx.session_for_update(tokens.session).await.unwrap().unwrap();
        let mut record = session.record().clone();
        record.status = SessionStatus::Ended { at: start(), reason };
        let ended = identity::Session::restore_record(record);
        tx.update_session(&ended).await.unwrap();
        assert_eq!(tx.session_for_update(tokens.session).await.unwrap(), Some(ended));
    }
}

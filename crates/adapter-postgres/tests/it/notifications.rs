//! The ports of notifications, on a real PostgreSQL.

use std::sync::Arc;

use access::{Actor, Member, Roles};
use adapter_postgres::{PgStore, SEND_MAIL, Settings};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, Clock, EventId, EventMessage, Limit, ManualClock, SessionId, StorageError,
    SystemClock, SystemIds,
};
use notifications::{
    AccountLinks, DeliveryError, Letter, LinkPurpose, MailId, MailService, MailTransport,
    NotificationError, NotificationService, ReadCommand, SendOutcome, Sender, Setting, Topic,
    UnsubscribeKey,
};
use serde_json::json;
use test_support::TestDatabase;
use tokio::sync::Mutex;

struct World {
    database: TestDatabase,
    clock: Arc<ManualClock>,
    store: Arc<PgStore>,
    service: NotificationService,
    kim: AccountId,
}

fn key() -> UnsubscribeKey {
    UnsubscribeKey::new([3; 32])
}

fn signed_in(account: AccountId) -> Actor {
    let session = SessionId::next(&SystemIds);
    Actor::member(Member { account, session, roles: Roles::client(), provider: None })
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let store = PgStore::connect(&Settings::new(database.url()), |_| &[]).unwrap();
        let store = Arc::new(store);
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let service = NotificationService::new(
            store.clone(),
            store.clone(),
            clock.clone(),
            Arc::new(SystemIds),
            key(),
        );
        let kim = AccountId::next(&SystemIds);
        let world = Self { database, clock, store, service, kim };
        world.add_account(kim, "kim", "de", "client").await;
        world
    }

    async fn add_account(&self, id: AccountId, name: &str, locale: &str, role: &str) {
        let roles = if role == "client" { "client".to_owned() } else { format!("client,{role}") };
        let sql = format!(
            "INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, roles,
                 status, token_version, created_at, version)
             VALUES ('{}', '{name}@example.org', 'x', '{name}', '{locale}', 'Europe/Berlin',
                 '{{{roles}}}', 'active', 1, now(), 1)",
            id.as_uuid(),
        );
        self.database.client().await.batch_execute(&sql).await.unwrap();
    }

    fn event(&self, name: &str) -> EventMessage {
        let payload = json!({
            "client_account_id": self.kim,
            "account_id": self.kim,
            "slot_start": "2026-12-01T09:00:00Z",
        });
        EventMessage {
            id: EventId::next(&SystemIds),
            name: name.to_owned(),
            subject: "bkg_0192d4c0000070008000000000000000".to_owned(),
            payload,
            actor: None,
            at: self.clock.now(),
        }
    }

    async fn titles(&self, unread_only: bool) -> Vec<String> {
        let (mut titles, mut after) = (Vec::new(), None);
        loop {
            let limit = Limit::new(2).unwrap();
            let page = self
                .service
                .notifications(&signed_in(self.kim), unread_only, after, limit)
                .await
                .unwrap();
            titles.extend(page.items.into_iter().map(|item| item.words.title));
            after = page.next;
            if after.is_none() {
                return titles;
            }
        }
    }

    /// The mails that the jobs of the queue are about.
    async fn queued(&self) -> Vec<MailId> {
        let query = "SELECT payload ->> 'mail_id' FROM graphile_worker._private_jobs j
                     JOIN graphile_worker._private_tasks t ON t.id = j.task_id
                     WHERE t.identifier = $1 ORDER BY j.id";
        let rows = self.database.client().await.query(query, &[&SEND_MAIL]).await.unwrap();
        rows.iter().map(|row| row.get::<_, &str>(0).parse().unwrap()).collect()
    }

    async fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        self.database.client().await.query_one(&query, &[]).await.unwrap().get(0)
    }

    fn mails(&self, server: Arc<Server>) -> MailService {
        let sender = Sender {
            web_url: "https://example.org".to_owned(),
            api_url: "https://example.org/api/v1".to_owned(),
            unsubscribe_key: key(),
        };
        MailService::new(
            self.store.clone(),
            self.store.clone(),
            Arc::new(NoLinks),
            server,
            self.clock.clone(),
            sender,
        )
    }
}

struct NoLinks;

#[async_trait]
impl AccountLinks for NoLinks {
    async fn mint(&self, _: AccountId, _: LinkPurpose) -> Result<Option<String>, StorageError> {
        Ok(None)
    }
}

/// A mail server in memory that answers slowly, and as it is told.
#[derive(Default)]
struct Server {
    answers: Mutex<Vec<DeliveryError>>,
    taken: Mutex<Vec<Letter>>,
}

#[async_trait]
impl MailTransport for Server {
    async fn deliver(&self, letter: &Letter) -> Result<(), DeliveryError> {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        if let Some(answer) = self.answers.lock().await.pop() {
            return Err(answer);
        }
        self.taken.lock().await.push(letter.clone());
        Ok(())
    }
}

#[tokio::test]
async fn an_event_becomes_one_notification_and_one_mail_however_often_it_comes() {
    let world = World::new().await;
    let event = world.event("booking.rescheduled.v1");

    for _ in 0..3 {
        world.service.on_event(&event).await.unwrap();
    }

    assert_eq!(world.titles(false).await, ["Verlegt: Ihre Buchung"]);
    assert_eq!(world.queued().await.len(), 1);
    assert_eq!(world.count("mails").await, 1);
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_marked_as_read() {
    let world = World::new().await;
    let names = ["declined", "expired", "started", "completed", "cancelled"];
    let mut times: Vec<DateTime<Utc>> = Vec::new();
    for name in names {
        times.push(world.clock.now());
        world.service.on_event(&world.event(&format!("booking.{name}.v1"))).await.unwrap();
        world.clock.advance(TimeDelta::seconds(1));
    }
    assert_eq!(world.titles(true).await.len(), 5);

    let kim = signed_in(world.kim);
    world.service.mark_read(&kim, ReadCommand::UpTo(times[2])).await.unwrap();
    assert_eq!(
        world.titles(true).await,
        ["Storniert: Ihre Buchung", "Abgeschlossen: Ihre Buchung"]
    );

    let page = world.service.notifications(&kim, true, None, Limit::default()).await.unwrap();
    let ids: Vec<_> = page.items.iter().map(|item| item.notification.id).collect();
    let stranger = signed_in(AccountId::next(&SystemIds));
    world.service.mark_read(&stranger, ReadCommand::These(ids.clone())).await.unwrap();
    assert_eq!(world.titles(true).await.len(), 2, "only one's own");
    world.service.mark_read(&kim, ReadCommand::These(ids)).await.unwrap();
    assert!(world.titles(true).await.is_empty());
    assert_eq!(world.titles(false).await.len(), 5);
}

#[tokio::test]
async fn preferences_are_kept_by_topic_and_an_unsubscribe_link_changes_one() {
    let world = World::new().await;
    let kim = signed_in(world.kim);
    let quiet = Setting { in_app: false, mail: true };
    world.service.choose(&kim, &[(Topic::Bookings, quiet)]).await.unwrap();
    world.service.on_event(&world.event("booking.declined.v1")).await.unwrap();
    assert_eq!((world.count("notifications").await, world.count("mails").await), (0, 1));

    let server = Arc::new(Server::default());
    let mail = world.queued().await[0];
    world.mails(Arc::clone(&server)).send(mail).await.unwrap();
    let url = server.taken.lock().await[0].unsubscribe.clone().unwrap();
    let token = url.split_once("token=").unwrap().1;
    world.service.unsubscribe(token).await.unwrap();

    let preferences = world.service.preferences(&kim).await.unwrap();
    assert_eq!(preferences.setting(Topic::Bookings), Setting { in_app: false, mail: false });
    assert_eq!(preferences.setting(Topic::Reviews), Setting::default());
    world.service.on_event(&world.event("booking.declined.v1")).await.unwrap();
    assert_eq!((world.count("notifications").await, world.count("mails").await), (0, 1));
}

#[tokio::test]
async fn a_mail_is_sent_once_by_two_senders_at_once() {
    let world = World::new().await;
    world.service.on_event(&world.event("booking.declined.v1")).await.unwrap();
    let mail = world.queued().await[0];
    let server = Arc::new(Server::default());
    let (one, other) = (world.mails(Arc::clone(&server)), world.mails(Arc::clone(&server)));

    let (one, other) = tokio::join!(one.send(mail), other.send(mail));

    let busy = [&one, &other]
        .into_iter()
        .filter(|outcome| matches!(outcome, Err(NotificationError::MailDelayed { .. })))
        .count();
    assert_eq!(busy, 1, "{one:?} {other:?}");
    assert_eq!(server.taken.lock().await.len(), 1);
    let again = world.mails(Arc::clone(&server)).send(mail).await.unwrap();
    assert_eq!(again, SendOutcome::Over);
    assert_eq!(server.taken.lock().await.len(), 1);
}

#[tokio::test]
async fn a_mail_that_was_put_off_is_sent_later_in_the_words_of_its_reader() {
    let world = World::new().await;
    world.service.on_event(&world.event("booking.rescheduled.v1")).await.unwrap();
    let mail = world.queued().await[0];
    let server = Arc::new(Server::default());
    let problem = "451".to_owned();
    server.answers.lock().await.push(DeliveryError::Unavailable { problem });
    let mails = world.mails(Arc::clone(&server));

    let delayed = mails.send(mail).await;
    assert!(matches!(delayed, Err(NotificationError::MailDelayed { .. })), "{delayed:?}");
    assert_eq!(mails.send(mail).await.unwrap(), SendOutcome::Sent);

    let letter = &server.taken.lock().await[0];
    assert_eq!(letter.to.address.as_str(), "kim@example.org");
    assert_eq!(letter.words.body, ["Neuer Termin: 01.12.2026, 10:00 Uhr (CET)."]);
    let row = world.database.client().await;
    let row = row.query_one("SELECT state, attempts FROM mails", &[]).await.unwrap();
    assert_eq!((row.get::<_, &str>(0), row.get::<_, i32>(1)), ("sent", 2));
}

#[tokio::test]
async fn a_sender_that_died_is_followed_by_another() {
    let world = World::new().await;
    world.service.on_event(&world.event("booking.declined.v1")).await.unwrap();
    let mail = world.queued().await[0];
    let server = Arc::new(Server::default());
    let mails = world.mails(Arc::clone(&server));
    // Given up in the middle, as by a process that is killed.
    let cut = std::time::Duration::from_millis(30);
    assert!(tokio::time::timeout(cut, mails.send(mail)).await.is_err());

    let busy = mails.send(mail).await;
    assert!(matches!(busy, Err(NotificationError::MailDelayed { .. })), "{busy:?}");
    world.clock.advance(TimeDelta::minutes(5));
    assert_eq!(mails.send(mail).await.unwrap(), SendOutcome::Sent);
}

#[tokio::test]
async fn moderators_and_admins_are_told_of_what_waits_for_them() {
    let world = World::new().await;
    for (name, role) in [("mo", "moderator"), ("ada", "admin")] {
        world.add_account(AccountId::next(&SystemIds), name, "en", role).await;
    }

    world.service.on_event(&world.event("review.reported.v1")).await.unwrap();

    assert_eq!(world.count("notifications").await, 2);
    assert_eq!(world.count("mails").await, 0);
}

#[tokio::test]
async fn what_a_person_was_told_is_removed_when_they_leave() {
    let world = World::new().await;
    world.service.on_event(&world.event("booking.declined.v1")).await.unwrap();
    let mail = world.queued().await[0];

    world.service.on_event(&world.event("account.erased.v1")).await.unwrap();

    assert_eq!((world.count("notifications").await, world.count("mails").await), (0, 0));
    let server = Arc::new(Server::default());
    assert_eq!(world.mails(server).send(mail).await.unwrap(), SendOutcome::Over);
}

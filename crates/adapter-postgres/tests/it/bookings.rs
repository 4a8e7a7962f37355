//! The ports of bookings, on a real PostgreSQL: what is stored comes back, and whoever comes at
//! the same time gets exactly one booking.

use std::sync::Arc;
use std::time::{Duration, Instant};

use access::{Actor, Member, Role, Roles};
use adapter_postgres::{PgStore, Settings};
use bookings::testing::{a_quote, a_reason, a_request, an_hour, office_hours, one_in_each_state};
use bookings::{
    AppointmentSettings, AvailabilityRules, Booking, BookingCommand, BookingError, BookingPosition,
    BookingReads, BookingRecord, BookingService, BookingStore, CancellationPolicy, Interval,
    Message, Parties, Policy, ScheduleService, Seen, Side, Status, SubmitBooking, Tier,
    TimeProposal,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::{
    AccountId, BookingId, Failure, Ids, Limit, ListingId, ManualClock, Once, ProviderId, SessionId,
    SystemIds, SystemRandom,
};
use test_support::TestDatabase;
use tokio::task::JoinSet;

/// Monday, eight o'clock in Berlin.
fn monday() -> DateTime<Utc> {
    "2026-01-12T07:00:00Z".parse().unwrap()
}

fn ten_o_clock() -> DateTime<Utc> {
    monday() + TimeDelta::hours(2)
}

/// A provider with one listing, and everything that serves them.
struct World {
    database: TestDatabase,
    store: PgStore,
    clock: Arc<ManualClock>,
    bookings: BookingService,
    schedules: ScheduleService,
    parties: Parties,
    listing: ListingId,
}

impl World {
    async fn new(transactions: &str, connections: usize) -> Self {
        let database = TestDatabase::new().await;
        let settings = Settings { connections, ..Settings::new(database.url()) };
        let store = PgStore::connect(&settings, |_| &[]).unwrap();
        let clock = Arc::new(ManualClock::new(monday()));
        let shared = Arc::new(store.clone());
        let bookings = BookingService::new(
            shared.clone(),
            shared.clone(),
            clock.clone(),
            Arc::new(SystemIds),
            Policy::default(),
        );
        let schedules =
            ScheduleService::new(shared.clone(), shared, clock.clone(), Arc::new(SystemRandom));
        let parties = Parties {
            client: account(&database, "client").await,
            provider: ProviderId::next(&SystemIds),
            provider_account: account(&database, "provider").await,
        };
        let listing = ListingId::next(&SystemIds);
        let (provider, owner) = (parties.provider.as_uuid(), parties.provider_account.as_uuid());
        let listing_uuid = listing.as_uuid();
        let arranged = format!(
            "INSERT INTO listing_types (key, position, declaration, version, created_at, updated_at) \
             VALUES ('service', 0, '{{\"key\": \"service\", \"transactions\": {transactions}}}', 1, now(), now()); \
             INSERT INTO providers (id, account_id, slug, name, category_ids, languages, verification, \
                 status, version, created_at, updated_at) \
             VALUES ('{provider}', '{owner}', 'anna', 'Anna', '{{}}', '{{}}', 'unverified', 'active', 1, \
                 now(), now()); \
             INSERT INTO listings (id, listing_type, provider_id, provider_active, title, slug, \
                 description, price_minor, currency, price_unit, attributes, access, status, version, \
                 created_at, updated_at, published_at) \
             VALUES ('{listing_uuid}', 'service', '{provider}', true, 'Haircut', 'haircut', 'Short', 10000, \
                 'EUR', 'fixed', '{{}}', 'free', 'published', 1, now(), now(), now());"
        );
        database.client().await.batch_execute(&arranged).await.unwrap();
        Self { database, store, clock, bookings, schedules, parties, listing }
    }

    async fn open(self, rules: AvailabilityRules) -> Self {
        self.schedules.set_availability(&self.provider(), rules).await.unwrap();
        self
    }

    fn client(&self) -> Actor {
        member(self.parties.client)
    }

    fn provider(&self) -> Actor {
        Actor::member(Member {
            account: self.parties.provider_account,
            session: SessionId::next(&SystemIds),
            roles: Roles::client().with(Role::Provider),
            provider: Some(self.parties.provider),
        })
    }

    fn submission(&self, starts_at: Option<DateTime<Utc>>) -> SubmitBooking {
        let message = Message::new("Hello").unwrap();
        SubmitBooking { listing: self.listing, message, starts_at, budget: None }
    }

    async fn submit(&self, starts_at: DateTime<Utc>) -> Result<Seen, BookingError> {
        submit(&self.bookings, &self.client(), self.submission(Some(starts_at))).await
    }

    async fn command(
        &self,
        actor: &Actor,
        id: BookingId,
        command: BookingCommand,
    ) -> Result<Seen, BookingError> {
        self.bookings.command(actor, id, command).await
    }

    async fn count(&self, query: &str) -> i64 {
        self.database.client().await.query_one(query, &[]).await.unwrap().get(0)
    }

    fn belonging(&self, record: BookingRecord) -> BookingRecord {
        let id = BookingId::next(&SystemIds);
        BookingRecord { id, listing: self.listing, parties: self.parties, ..record }
    }

    async fn insert(&self, booking: &Booking) -> Result<(), BookingError> {
        let mut tx = BookingStore::begin(&self.store).await?;
        tx.insert_booking(booking).await?;
        Ok(tx.commit().await?)
    }
}

async fn submit(
    service: &BookingService,
    actor: &Actor,
    submission: SubmitBooking,
) -> Result<Seen, BookingError> {
    match service.submit(actor, submission, None).await? {
        Once::Done(seen) => Ok(seen),
        Once::Replayed(_) => panic!("there is no key to replay"),
    }
}

fn member(account: AccountId) -> Actor {
    let session = SessionId::next(&SystemIds);
    Actor::member(Member { account, session, roles: Roles::client(), provider: None })
}

async fn account(database: &TestDatabase, name: &str) -> AccountId {
    let id = AccountId::next(&SystemIds);
    let uuid = id.as_uuid();
    let sql = format!(
        "INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, roles, \
             status, token_version, created_at, version) \
         VALUES ('{uuid}', '{name}@example.com', 'x', '{name}', 'en', 'UTC', '{{client}}', 'active', \
             1, now(), 1)"
    );
    database.client().await.batch_execute(&sql).await.unwrap();
    id
}

#[tokio::test]
async fn a_booking_comes_back_as_it_was_in_every_state() {
    let world = World::new(r#"["appointment"]"#, 4).await;
    let appointment = an_hour(monday() + TimeDelta::days(200));
    let proposal = Some(TimeProposal { by: Side::Client, appointment, at: monday() });
    let mut records = one_in_each_state(monday());
    records.extend([
        a_request(monday()),
        a_quote(monday(), Side::Provider),
        BookingRecord { status: Status::Accepted { proposal }, ..records[2].clone() },
    ]);

    for (n, record) in (0..).zip(records) {
        let mut record = world.belonging(record);
        if let bookings::Process::Appointment { .. } = record.process {
            let appointment = an_hour(monday() + TimeDelta::days(n));
            record.process = bookings::Process::Appointment { appointment };
        }
        let booking = Booking::restore(record);
        world.insert(&booking).await.unwrap();
        let found = BookingReads::booking(&world.store, booking.id()).await.unwrap().unwrap();
        assert_eq!(found, booking);

        let later = Booking::restore(BookingRecord { version: 2, ..booking.record() });
        let mut tx = BookingStore::begin(&world.store).await.unwrap();
        tx.update_booking(&later).await.unwrap();
        let found = tx.booking_for_update(booking.id()).await.unwrap().unwrap();
        assert_eq!(found, later);
        let stale = tx.update_booking(&later).await.unwrap_err();
        assert_eq!(stale.code(), "concurrent_change");
    }
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_booking_of_a_time() {
    let world = World::new(r#"["appointment"]"#, 4).await;
    let mut record = world.belonging(one_in_each_state(monday()).remove(1));
    world.insert(&Booking::restore(record.clone())).await.unwrap();
    record.id = BookingId::next(&SystemIds);

    let error = world.insert(&Booking::restore(record)).await.unwrap_err();

    assert!(matches!(error, BookingError::SlotTaken), "{error}");
}

#[tokio::test]
async fn opening_hours_and_settings_come_back_as_they_were() {
    let world = World::new(r#"["appointment"]"#, 4).await.open(office_hours()).await;
    let tiers = vec![Tier { hours_before: 12, refund_percent: 80 }];
    let settings = AppointmentSettings {
        duration_minutes: Some(90),
        buffer_after_minutes: Some(10),
        cancellation: Some(CancellationPolicy::new(tiers).unwrap()),
        ..AppointmentSettings::none(world.listing)
    };
    world.schedules.set_appointment_settings(&world.provider(), settings.clone()).await.unwrap();

    let hours = world.schedules.availability(&world.provider()).await.unwrap().unwrap();
    let said =
        world.schedules.appointment_settings(&world.provider(), world.listing).await.unwrap();

    assert_eq!(hours.rules(), &office_hours());
    assert_eq!(said, settings);
    let booked = world.submit(ten_o_clock()).await.unwrap().booking;
    assert_eq!(booked.slot().unwrap().length(), TimeDelta::minutes(90));
    assert_eq!(booked.cancellation(), settings.cancellation.as_ref().unwrap());
}

#[tokio::test]
async fn of_a_hundred_who_want_one_slot_one_gets_it_and_all_hear_soon() {
    let world = World::new(r#"["appointment"]"#, 16).await.open(office_hours()).await;
    let (client, service) = (world.client(), world.bookings.clone());
    let started = Instant::now();

    let mut crowd = JoinSet::new();
    for _ in 0..100 {
        let (service, client) = (service.clone(), client.clone());
        let submission = world.submission(Some(ten_o_clock()));
        crowd.spawn(async move { submit(&service, &client, submission).await });
    }
    let outcomes = crowd.join_all().await;

    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for refusal in lost {
        let error = refusal.unwrap_err();
        assert!(matches!(error, BookingError::SlotTaken), "{error:?}");
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(world.count("SELECT count(*) FROM bookings").await, 1);
}

#[tokio::test]
async fn as_many_get_a_slot_as_there_are_seats() {
    let rules = AvailabilityRules { capacity: 5, ..office_hours() };
    let world = World::new(r#"["appointment"]"#, 16).await.open(rules).await;
    let (client, service) = (world.client(), world.bookings.clone());

    let mut crowd = JoinSet::new();
    for _ in 0..40 {
        let (service, client) = (service.clone(), client.clone());
        let submission = world.submission(Some(ten_o_clock()));
        crowd.spawn(async move { submit(&service, &client, submission).await });
    }
    let outcomes = crowd.join_all().await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    assert!(refused.into_iter().all(|error| matches!(error, BookingError::SlotTaken)));
}

#[tokio::test]
async fn of_accept_withdraw_and_expire_exactly_one_wins() {
    let world = World::new(r#"["request"]"#, 16).await;
    for round in 0..15 {
        let seen = submit(&world.bookings, &world.client(), world.submission(None)).await.unwrap();
        let id = seen.booking.id();
        // In every second round the time is up, and only the clock may act.
        let late = round % 2 == 1;
        if late {
            world.clock.advance(TimeDelta::hours(72));
        }
        let service = &world.bookings;
        let (client, provider, subject) = (world.client(), world.provider(), id.to_string());
        let accept = service.command(&provider, id, BookingCommand::Accept { offer: None });
        let withdraw = service.command(&client, id, BookingCommand::Withdraw);
        let expire = service.on_timer("booking.answer_due", &subject);
        let (accepted, withdrawn, expired) = tokio::join!(accept, withdraw, expire);

        expired.unwrap();
        let people = [accepted, withdrawn];
        let won = people.iter().filter(|outcome| outcome.is_ok()).count();
        let lost: Vec<_> = people.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert!(
            lost.iter().all(|error| matches!(error, BookingError::NotAllowed { .. })),
            "{lost:?}"
        );
        let booking = BookingReads::booking(&world.store, id).await.unwrap().unwrap();
        assert_eq!(booking.version(), 2, "{:?}", booking.status());
        assert_eq!(won, usize::from(!late));
        assert_eq!(booking.status().name() == "expired", late);
        let history = BookingReads::booking_history(&world.store, id).await.unwrap();
        assert_eq!(history.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2]);
    }
}

#[tokio::test]
async fn two_who_swap_their_times_do_not_deadlock() {
    let world = World::new(r#"["appointment"]"#, 16).await.open(office_hours()).await;
    let (client, provider) = (world.client(), world.provider());
    for day in 0..3 {
        let start = ten_o_clock() + TimeDelta::days(day);
        let mut ids = Vec::new();
        for hour in 0..2 {
            let id = world.submit(start + TimeDelta::hours(hour)).await.unwrap().booking.id();
            world.command(&provider, id, BookingCommand::Accept { offer: None }).await.unwrap();
            let starts_at = start + TimeDelta::hours(3);
            let propose = BookingCommand::ProposeReschedule { starts_at };
            world.command(&client, id, propose).await.unwrap();
            ids.push(id);
        }
        let accept = |id| world.command(&provider, id, BookingCommand::AcceptReschedule);

        let (first, second, third) =
            tokio::join!(accept(ids[0]), accept(ids[1]), world.submit(start + TimeDelta::hours(3)));

        let outcomes = [first, second, third];
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(error, BookingError::SlotTaken), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_time_is_free_again_after_a_withdrawal() {
    let world = World::new(r#"["appointment"]"#, 4).await.open(office_hours()).await;
    let date = NaiveDate::from_ymd_opt(2026, 1, 12).unwrap();
    let free = async || {
        let visitor = Actor::visitor();
        let slots = world.schedules.slots(&visitor, world.listing, date, date, None);
        slots.await.unwrap().slots.iter().filter(|f| f.slot.start() == ten_o_clock()).count()
    };

    assert_eq!(free().await, 1);
    let id = world.submit(ten_o_clock()).await.unwrap().booking.id();
    assert_eq!(free().await, 0);
    world.command(&world.client(), id, BookingCommand::Withdraw).await.unwrap();
    assert_eq!(free().await, 1);
    world.submit(ten_o_clock()).await.unwrap();
}

#[tokio::test]
async fn timers_and_events_stand_with_their_booking() {
    let world = World::new(r#"["appointment"]"#, 4).await.open(office_hours()).await;
    let thursday = ten_o_clock() + TimeDelta::days(3);
    let id = world.submit(thursday).await.unwrap().booking.id();
    let kinds =
        "SELECT count(*) FROM timers WHERE kind IN ('booking.answer_due', 'booking.remind_answer')";
    assert_eq!(world.count(kinds).await, 2);

    let accept = BookingCommand::Accept { offer: None };
    world.command(&world.provider(), id, accept).await.unwrap();
    assert_eq!(world.count(kinds).await, 0);
    assert_eq!(world.count("SELECT count(*) FROM timers").await, 3);

    world.command(&world.client(), id, BookingCommand::Cancel { reason: None }).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM timers").await, 0);
    let events = "SELECT string_agg(name, ' ' ORDER BY stored_at) FROM events";
    let names: String = world.database.client().await.query_one(events, &[]).await.unwrap().get(0);
    assert_eq!(names, "booking.submitted.v1 booking.accepted.v1 booking.cancelled.v1");
}

#[tokio::test]
async fn a_reminder_is_sent_once() {
    let world = World::new(r#"["request"]"#, 4).await;
    let seen = submit(&world.bookings, &world.client(), world.submission(None)).await.unwrap();
    let subject = seen.booking.id().to_string();
    world.clock.advance(TimeDelta::hours(48));

    for _ in 0..3 {
        world.bookings.on_timer("booking.remind_answer", &subject).await.unwrap();
    }

    let events = "SELECT count(*) FROM events WHERE name = 'booking.reminder_due.v1'";
    assert_eq!(world.count(events).await, 1);
}

#[tokio::test]
async fn lists_go_on_where_they_stopped() {
    let world = World::new(r#"["request"]"#, 4).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let seen = submit(&world.bookings, &world.client(), world.submission(None)).await.unwrap();
        ids.insert(0, seen.booking.id());
        world.clock.advance(TimeDelta::seconds(1));
    }
    let limit = Limit::new(2).unwrap();
    let statuses = vec!["requested".to_owned()];
    let mut found = Vec::new();
    let mut after: Option<BookingPosition> = None;
    loop {
        let page = world
            .bookings
            .bookings(&world.provider(), Side::Provider, statuses.clone(), limit, after)
            .await
            .unwrap();
        found.extend(page.items.iter().map(|seen| seen.booking.id()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }

    assert_eq!(found, ids);
    let provider = world.provider();
    let none = world.bookings.bookings(&provider, Side::Client, vec![], limit, None);
    assert!(none.await.unwrap().items.is_empty());
}

#[tokio::test]
async fn disputes_wait_for_a_moderator_and_the_decision_is_audited() {
    let world = World::new(r#"["request"]"#, 4).await;
    let seen = submit(&world.bookings, &world.client(), world.submission(None)).await.unwrap();
    let id = seen.booking.id();
    let accept = BookingCommand::Accept { offer: None };
    world.command(&world.provider(), id, accept).await.unwrap();
    let dispute = BookingCommand::Dispute { reason: a_reason("Nobody came") };
    world.command(&world.client(), id, dispute).await.unwrap();
    let moderator = Actor::member(Member {
        account: AccountId::from_uuid(SystemIds.next()),
        session: SessionId::next(&SystemIds),
        roles: Roles::client().with(Role::Moderator),
        provider: None,
    });

    let waiting = world.bookings.disputes(&moderator, Limit::default(), None).await.unwrap();
    assert_eq!(waiting.items.iter().map(Booking::id).collect::<Vec<_>>(), [id]);
    world.bookings.resolve(&moderator, id, 100, a_reason("True")).await.unwrap();

    let waiting = world.bookings.disputes(&moderator, Limit::default(), None).await.unwrap();
    assert!(waiting.items.is_empty());
    let audited = "SELECT count(*) FROM audit_log WHERE command = 'resolve' AND reason = 'True'";
    assert_eq!(world.count(audited).await, 1);
}

#[tokio::test]
async fn a_calendar_link_shows_both_sides_and_ends_with_the_next_one() {
    let world = World::new(r#"["appointment"]"#, 4).await.open(office_hours()).await;
    let id = world.submit(ten_o_clock()).await.unwrap().booking.id();

    for actor in [world.client(), world.provider()] {
        let first = world.schedules.renew_calendar_token(&actor).await.unwrap();
        let shown = world.schedules.calendar(first.expose()).await.unwrap();
        assert_eq!(shown.iter().map(Booking::id).collect::<Vec<_>>(), [id]);

        let second = world.schedules.renew_calendar_token(&actor).await.unwrap();
        let ended = world.schedules.calendar(first.expose()).await.unwrap_err();
        assert!(matches!(ended, BookingError::CalendarNotFound));
        assert_eq!(world.schedules.calendar(second.expose()).await.unwrap().len(), 1);
    }
    let kept = "SELECT count(*) FROM calendar_links WHERE octet_length(digest) = 32";
    assert_eq!(world.count(kept).await, 2);
}

#[tokio::test]
async fn a_month_of_a_long_calendar_is_read_through_an_index() {
    let world = World::new(r#"["appointment"]"#, 4).await;
    let client = world.database.client().await;
    world
        .insert(&Booking::restore(world.belonging(one_in_each_state(monday()).remove(6))))
        .await
        .unwrap();
    // Five years of finished hours.
    let fill = "INSERT INTO bookings \
        SELECT (b).* FROM (SELECT jsonb_populate_record(b, jsonb_build_object( \
            'id', gen_random_uuid(), 'slot_start', t, 'slot_end', t + interval '1 hour', \
            'busy_start', t, 'busy_end', t + interval '1 hour')) AS b \
        FROM bookings b, generate_series(timestamptz '2020-01-01', '2025-12-31', '3 hours') t) filled; \
        ANALYZE bookings";
    client.batch_execute(fill).await.unwrap();
    let provider = world.parties.provider.as_uuid();
    let sql = format!(
        "EXPLAIN SELECT slot_start FROM bookings WHERE provider_id = '{provider}' \
         AND slot_start > '2024-03-01' AND slot_start < '2024-04-01'"
    );

    let plan: Vec<String> =
        client.query(&sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();

    let plan = plan.join("\n");
    assert!(!plan.contains("Seq Scan") && plan.contains("slot_start"), "{plan}");
    let within = Interval::new(monday() - TimeDelta::days(31), monday()).unwrap();
    let started = Instant::now();
    let schedule = world.store.listing_schedule(world.listing, within).await.unwrap().unwrap();
    assert_eq!(schedule.occupied.len(), 162);
    assert!(started.elapsed() < Duration::from_millis(500), "{:?}", started.elapsed());
}

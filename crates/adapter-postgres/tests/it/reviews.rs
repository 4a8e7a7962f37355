//! The ports of reviews, on a real PostgreSQL.

use std::sync::Arc;

use access::{Actor, Member, Role, Roles};
use adapter_postgres::{PgStore, Settings};
use async_trait::async_trait;
use catalog::media::{MediaItem, MediaStore, NewMedia, a_picture};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, BookingId, Clock, Failure, Ids, Limit, ListingId, ManualClock, ProviderId,
    SessionId, SystemClock, SystemIds, SystemRandom,
};
use reviews::{
    Arrangement, ChangePictures, ChangeReview, ModerationQueue, NewPicture, Policy, Rated, Rating,
    ReportReason, Review, ReviewError, ReviewService, ReviewSort, WriteReview,
};
use test_support::TestDatabase;

struct World {
    database: TestDatabase,
    clock: Arc<ManualClock>,
    store: Arc<PgStore>,
    service: ReviewService,
    provider: ProviderId,
    provider_account: AccountId,
    listing: ListingId,
    moderator: Actor,
}

fn signed_in(account: AccountId, roles: Roles) -> Actor {
    let session = SessionId::next(&SystemIds);
    Actor::member(Member { account, session, roles, provider: None })
}

fn client(account: AccountId) -> Actor {
    signed_in(account, Roles::client())
}

impl World {
    async fn write(&self, actor: &Actor, command: WriteReview) -> Result<Review, ReviewError> {
        let written = self.service.write(actor, command, None).await?;
        Ok(written.into_done().expect("without a key nothing is replayed").review)
    }

    async fn new(policy: Policy) -> Self {
        let database = TestDatabase::new().await;
        let store = PgStore::connect(&Settings::new(database.url()), |_| &[]).unwrap();
        let store = Arc::new(store);
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let service = ReviewService::new(
            store.clone(),
            clock.clone(),
            Arc::new(SystemIds),
            Arc::new(SystemRandom),
            policy,
        );
        let mut world = Self {
            provider: ProviderId::next(&SystemIds),
            provider_account: AccountId::next(&SystemIds),
            listing: ListingId::next(&SystemIds),
            moderator: Actor::visitor(),
            database,
            clock,
            store,
            service,
        };
        world.provider_account = world.an_account("Pat").await;
        let moderator = world.an_account("Mo").await;
        world.moderator = signed_in(moderator, Roles::client().with(Role::Moderator));
        world
            .run(&format!(
            "INSERT INTO listing_types (key, position, declaration, version, created_at, updated_at)
             VALUES ('service', 1, '{{\"key\": \"service\", \"review_criteria\": [
                 {{\"key\": \"punctuality\", \"label\": \"Punctuality\"}},
                 {{\"key\": \"quality\", \"label\": \"Quality\"}}]}}', 1, now(), now());
             INSERT INTO providers (id, account_id, slug, name, category_ids, languages,
                 verification, status, version, created_at, updated_at)
             VALUES ('{provider}', '{account}', 'pat', 'Pat', '{{}}', '{{}}', 'unverified',
                 'active', 1, now(), now());
             INSERT INTO listings (id, listing_type, provider_id, provider_active, title, slug,
                 description, price_unit, attributes, access, status, version, created_at,
                 updated_at, published_at)
             VALUES ('{listing}', 'service', '{provider}', true, 'Shelves', 'shelves', 'Straight.',
                 'free_quote', '{{}}', 'free', 'published', 1, now(), now(), now())",
            provider = world.provider.as_uuid(),
            account = world.provider_account.as_uuid(),
            listing = world.listing.as_uuid(),
        ))
            .await;
        world
    }

    async fn run(&self, sql: &str) {
        self.database.client().await.batch_execute(sql).await.unwrap();
    }

    async fn an_account(&self, name: &str) -> AccountId {
        let id = AccountId::next(&SystemIds);
        self.run(&format!(
            "INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, roles,
                 status, token_version, created_at, version)
             VALUES ('{uuid}', '{uuid}@example.org', 'x', '{name}', 'en', 'UTC', '{{client}}',
                 'active', 1, now(), 1)",
            uuid = id.as_uuid(),
        ))
        .await;
        id
    }

    /// A booking of the listing by this client, completed at `at`.
    async fn a_completed_booking(&self, client: AccountId, at: DateTime<Utc>) -> BookingId {
        let id = BookingId::next(&SystemIds);
        self.run(&format!(
            "INSERT INTO bookings (id, listing_id, title, client_id, provider_id,
                 provider_account_id, process, message, funds, cancellation, offers, changes_left,
                 status, since, cause, created_at, accepted_at, stale_at, version)
             VALUES ('{id}', '{listing}', 'Shelves', '{client}', '{provider}', '{account}',
                 'request', 'Please.', 'not_taken', '[]', '[]', 2, 'completed', '{at}',
                 'confirmed', '{at}', '{at}', '{at}', 3)",
            id = id.as_uuid(),
            listing = self.listing.as_uuid(),
            client = client.as_uuid(),
            provider = self.provider.as_uuid(),
            account = self.provider_account.as_uuid(),
            at = at.to_rfc3339(),
        ))
        .await;
        id
    }

    /// A client with a completed booking.
    async fn a_client(&self, name: &str) -> (Actor, BookingId) {
        let account = self.an_account(name).await;
        let booking = self.a_completed_booking(account, self.clock.now()).await;
        (client(account), booking)
    }

    fn provider(&self) -> Actor {
        signed_in(self.provider_account, Roles::client().with(Role::Provider))
    }

    /// What the catalogue shows of the listing and of its provider.
    async fn shown(&self) -> [(i32, f64, f64); 2] {
        let client = self.database.client().await;
        let mut shown = Vec::new();
        for table in ["listings", "providers"] {
            let query = format!("SELECT rating_count, rating_mean, rating_score FROM {table}");
            let row = client.query_one(&query, &[]).await.unwrap();
            shown.push((row.get(0), row.get(1), row.get(2)));
        }
        [shown[0], shown[1]]
    }

    async fn events(&self) -> Vec<String> {
        let query = "SELECT name FROM events ORDER BY id";
        let rows = self.database.client().await.query(query, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

fn of(booking: BookingId, stars: i64) -> WriteReview {
    WriteReview {
        booking,
        stars,
        text: "On time, tidy, and the shelves are straight.".to_owned(),
        criteria: vec![("quality".to_owned(), stars)],
        draft: false,
    }
}

#[tokio::test]
async fn a_review_goes_its_whole_way_and_the_rating_with_it() {
    let world = World::new(Policy::default()).await;
    let service = &world.service;
    let (kim, booking) = world.a_client("Kim").await;

    let written = world.write(&kim, of(booking, 5)).await.unwrap();
    assert_eq!(world.shown().await[0].0, 0, "nothing is shown before it is confirmed");
    let token = service.mint_confirmation(written.id()).await.unwrap().unwrap();
    service.confirm_by_link(written.id(), &token).await.unwrap();
    assert_eq!(world.shown().await, [(1, 5.0, 3.75); 2]);
    let again = service.confirm_by_link(written.id(), &token).await.unwrap_err();
    assert!(matches!(again, ReviewError::LinkInvalid), "{again}");

    let change = ChangeReview { stars: Some(3), ..ChangeReview::default() };
    service.edit(&kim, written.id(), change).await.unwrap();
    assert_eq!(world.shown().await, [(1, 3.0, 3.4167); 2]);
    service.reply(&world.provider(), written.id(), "Thank you.").await.unwrap();

    service.hide(&world.moderator, written.id(), "off topic").await.unwrap();
    assert_eq!(world.shown().await, [(0, 0.0, 0.0); 2]);
    service.restore(&world.moderator, written.id(), "looked again").await.unwrap();

    let shown = service.review(&Actor::visitor(), written.id()).await.unwrap();
    assert_eq!(shown.author_name.as_deref(), Some("Kim"));
    assert_eq!(shown.review.record().reply.as_ref().unwrap().text.as_str(), "Thank you.");
    assert_eq!(shown.review.record().criteria.keys(), ["quality"]);
    assert_eq!(
        world.events().await,
        [
            "review.submitted.v1",
            "review.published.v1",
            "review.edited.v1",
            "review.replied.v1",
            "review.hidden.v1",
            "review.restored.v1"
        ]
    );
    assert_eq!(service.recompute_all(false).await.unwrap(), []);
}

#[tokio::test]
async fn a_booking_is_reviewed_once_per_side_until_the_review_is_discarded() {
    let world = World::new(Policy::default()).await;
    let (kim, booking) = world.a_client("Kim").await;
    let first = world.write(&kim, of(booking, 5)).await.unwrap();

    let error = world.write(&kim, of(booking, 1)).await.unwrap_err();
    assert_eq!(error.code(), "review.already_written");

    world.clock.advance(TimeDelta::days(7));
    world.service.on_timer("review.discard", &first.id().to_string()).await.unwrap();
    let second = world.write(&kim, of(booking, 4)).await.unwrap();
    world.service.confirm(&kim, second.id()).await.unwrap();
    assert_eq!(world.shown().await[0], (1, 4.0, 3.5833));
}

#[tokio::test]
async fn two_confirmations_at_once_show_both_reviews_and_count_each_once() {
    let policy = Policy { two_sided: true, ..Policy::default() };
    let world = World::new(policy).await;
    for round in 0..8 {
        let (kim, booking) = world.a_client("Kim").await;
        let pat = world.provider();
        let by_kim = world.write(&kim, of(booking, 4)).await.unwrap();
        let about_kim = WriteReview { criteria: Vec::new(), ..of(booking, 5) };
        let by_pat = world.write(&pat, about_kim).await.unwrap();

        let (one, other) = tokio::join!(
            world.service.confirm(&kim, by_kim.id()),
            world.service.confirm(&pat, by_pat.id())
        );
        one.unwrap();
        other.unwrap();

        for id in [by_kim.id(), by_pat.id()] {
            let review = world.service.review(&Actor::visitor(), id).await.unwrap().review;
            assert_eq!(review.status().name(), "published");
        }
        assert_eq!(world.shown().await[1].0, round + 1);
    }
    assert_eq!(world.service.recompute_all(false).await.unwrap(), []);
}

#[tokio::test]
async fn forty_clients_at_once_leave_an_exact_rating() {
    let world = World::new(Policy::default()).await;
    let mut confirmations = Vec::new();
    for stars in [1, 2, 3, 4, 5].into_iter().cycle().take(40) {
        let (kim, booking) = world.a_client("Kim").await;
        let review = world.write(&kim, of(booking, stars)).await.unwrap();
        let service = world.service.clone();
        confirmations.push(tokio::spawn(async move { service.confirm(&kim, review.id()).await }));
    }
    for confirmation in confirmations {
        confirmation.await.unwrap().unwrap();
    }

    assert_eq!(world.shown().await, [(40, 3.0, 3.0556); 2]);
    assert_eq!(world.service.recompute_all(false).await.unwrap(), []);
}

#[tokio::test]
async fn a_rating_that_drifted_is_found_and_mended() {
    let world = World::new(Policy::default()).await;
    let (kim, booking) = world.a_client("Kim").await;
    let review = world.write(&kim, of(booking, 4)).await.unwrap();
    world.service.confirm(&kim, review.id()).await.unwrap();
    world.run("UPDATE providers SET rating_count = 9; DELETE FROM review_ratings WHERE kind = 'listing'").await;

    let drift = world.service.recompute_all(true).await.unwrap();

    let rated: Vec<Rated> = drift.iter().map(|drift| drift.rated).collect();
    assert_eq!(rated, [Rated::Listing(world.listing), Rated::Provider(world.provider)]);
    assert!(drift.iter().all(|drift| drift.counted == Rating { count: 1, stars: 4 }));
    assert_eq!(world.service.recompute_all(false).await.unwrap(), []);
    assert_eq!(world.shown().await, [(1, 4.0, 3.5833); 2]);
}

#[tokio::test]
async fn every_list_is_read_page_by_page_in_its_order() {
    let world = World::new(Policy::default()).await;
    let mut clients = Vec::new();
    for stars in [3, 5, 1, 4, 5, 2, 5] {
        let (kim, booking) = world.a_client("Kim").await;
        let review = world.write(&kim, of(booking, stars)).await.unwrap();
        world.service.confirm(&kim, review.id()).await.unwrap();
        world.clock.advance(TimeDelta::seconds(1));
        clients.push((kim, review.id()));
    }
    let (reader, _) = &clients[6];
    for place in [1, 3] {
        world.service.set_helpful(reader, clients[place].1, true).await.unwrap();
        world.service.set_helpful(reader, clients[place].1, true).await.unwrap();
    }
    let expected = |sort| match sort {
        ReviewSort::Newest => vec![5, 2, 5, 4, 1, 5, 3],
        ReviewSort::Helpful => vec![4, 5, 5, 2, 5, 1, 3],
        ReviewSort::Best => vec![5, 5, 5, 4, 3, 2, 1],
        ReviewSort::Worst => vec![1, 2, 3, 4, 5, 5, 5],
    };
    for sort in [ReviewSort::Newest, ReviewSort::Helpful, ReviewSort::Best, ReviewSort::Worst] {
        for rated in [Rated::Listing(world.listing), Rated::Provider(world.provider)] {
            let (mut stars, mut helpful, mut after) = (Vec::new(), 0, None);
            loop {
                let limit = Limit::new(2).unwrap();
                let found =
                    world.service.reviews_of(reader, rated, sort, after, limit).await.unwrap();
                assert_eq!(found.rating, Rating { count: 7, stars: 25 });
                stars.extend(found.page.items.iter().map(|p| p.review.record().stars.get()));
                helpful += found.page.items.iter().filter(|p| p.is_helpful).count();
                after = found.page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(stars, expected(sort), "{sort:?}");
            assert_eq!(helpful, 2);
        }
    }
}

#[tokio::test]
async fn moderators_see_what_waits_and_what_was_reported_and_by_whom() {
    let world = World::new(Policy { moderation: true, ..Policy::default() }).await;
    let (kim, booking) = world.a_client("Kim").await;
    let review = world.write(&kim, of(booking, 1)).await.unwrap();
    world.service.confirm(&kim, review.id()).await.unwrap();
    let queue = async |queue| {
        let page = world.service.queue(&world.moderator, queue, None, Limit::default()).await;
        page.unwrap().items
    };
    assert_eq!(queue(ModerationQueue::Pending).await.len(), 1);

    world.service.approve(&world.moderator, review.id(), None).await.unwrap();
    let pat = world.provider();
    for _ in 0..2 {
        let reason = ReportReason::False;
        world.service.report(&pat, review.id(), reason, Some("Never met.")).await.unwrap();
    }
    let reported = queue(ModerationQueue::Reported).await;
    assert_eq!(reported[0].review.record().open_reports, 1, "a second report changes nothing");
    assert_eq!(reported[0].reports[0].note.as_ref().unwrap().as_str(), "Never met.");

    world.service.hide(&world.moderator, review.id(), "it is not true").await.unwrap();
    assert!(queue(ModerationQueue::Reported).await.is_empty());
    assert_eq!(queue(ModerationQueue::Hidden).await.len(), 1);
    let refused = world.service.queue(&kim, ModerationQueue::Hidden, None, Limit::default()).await;
    assert!(matches!(refused, Err(ReviewError::Forbidden { .. })));
}

#[tokio::test]
async fn timers_follow_the_state_of_a_review() {
    let policy = Policy { two_sided: true, ..Policy::default() };
    let world = World::new(policy).await;
    let (kim, booking) = world.a_client("Kim").await;
    let timers = async || {
        let query = "SELECT kind FROM timers ORDER BY kind";
        let rows = world.database.client().await.query(query, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };

    let draft = WriteReview { draft: true, ..of(booking, 4) };
    let review = world.write(&kim, draft).await.unwrap();
    assert_eq!(timers().await, ["review.discard"]);
    world.service.submit(&kim, review.id()).await.unwrap();
    world.service.confirm(&kim, review.id()).await.unwrap();
    assert_eq!(timers().await, ["review.reveal"]);

    world.clock.advance(TimeDelta::days(14));
    world.service.on_timer("review.reveal", &review.id().to_string()).await.unwrap();
    assert_eq!(timers().await, Vec::<String>::new());
    let mine = world.service.own_reviews(&kim, None, Limit::default()).await.unwrap();
    assert_eq!(mine.items[0].review.status().name(), "published");
}

#[tokio::test]
async fn an_unknown_booking_and_an_unknown_review_are_not_found() {
    let world = World::new(Policy::default()).await;
    let kim = client(world.an_account("Kim").await);

    let booking = BookingId::from_uuid(SystemIds.next());
    let error = world.write(&kim, of(booking, 5)).await.unwrap_err();
    assert!(matches!(error, ReviewError::BookingNotFound { .. }), "{error}");
    let error = world.service.confirm(&kim, kernel::ReviewId::next(&SystemIds)).await.unwrap_err();
    assert!(matches!(error, ReviewError::NotFound { .. }), "{error}");
}

/// Files that are checked and stored already.
struct Stored(Vec<NewMedia>);

#[async_trait]
impl reviews::Uploads for Stored {
    fn count(&self) -> usize {
        self.0.len()
    }

    async fn receive(self: Box<Self>, _: u64) -> Result<Vec<NewPicture>, ReviewError> {
        let picture = |NewMedia { id, file, alt: _ }| {
            let (key, bytes) = (file.key.as_str().to_owned(), file.bytes);
            NewPicture { id, key, bytes, width: 1200, height: 800, alt: None }
        };
        Ok(self.0.into_iter().map(picture).collect())
    }
}

impl World {
    async fn add_pictures(
        &self,
        actor: &Actor,
        review: &Review,
        count: usize,
    ) -> Result<Review, ReviewError> {
        let media: Vec<_> = (0..count).map(|_| a_picture()).collect();
        let keys: Vec<_> = media.iter().map(|new| (new.file.key.clone(), new.file.bytes)).collect();
        self.store.stage_objects(&keys, self.clock.now()).await?;
        let change = ChangePictures {
            uploads: Box::new(Stored(media)),
            arrangement: Arrangement::default(),
            expected_version: None,
        };
        self.service.change_pictures(actor, review.id(), change).await
    }

    async fn pictures_of(&self, review: &Review) -> Vec<MediaItem> {
        let mut found = self.store.pictures_of_reviews(&[review.id()]).await.unwrap();
        found.remove(&review.id()).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_review_never_has_a_seventh_picture_and_loses_all_when_it_is_discarded() {
    let world = Arc::new(World::new(Policy::default()).await);
    let (kim, booking) = world.a_client("Kim").await;
    let review = world.write(&kim, of(booking, 5)).await.unwrap();

    let adding = (0..4).map(|_| {
        let (world, kim, review) = (Arc::clone(&world), kim.clone(), review.clone());
        tokio::spawn(async move { world.add_pictures(&kim, &review, 2).await.is_ok() })
    });
    let mut added = 0;
    for task in adding.collect::<Vec<_>>() {
        added += usize::from(task.await.unwrap());
    }
    assert_eq!(added, 3);
    let pictures = world.pictures_of(&review).await;
    assert_eq!(pictures.len(), 6);
    let key = &pictures[0].file.key;
    assert!(world.store.served_object(key).await.unwrap().is_some());

    world.clock.advance(TimeDelta::days(8));
    world.service.on_timer("review.discard", &review.id().to_string()).await.unwrap();

    assert!(world.pictures_of(&review).await.is_empty());
    assert!(world.store.served_object(key).await.unwrap().is_none());
}

#[tokio::test]
async fn pictures_of_an_approved_review_go_back_to_the_moderator() {
    let world = World::new(Policy { moderation: true, ..Policy::default() }).await;
    let (kim, booking) = world.a_client("Kim").await;
    let review = world.write(&kim, of(booking, 5)).await.unwrap();
    world.service.confirm(&kim, review.id()).await.unwrap();
    world.service.approve(&world.moderator, review.id(), None).await.unwrap();

    let changed = world.add_pictures(&kim, &review, 1).await.unwrap();

    assert_eq!(changed.status().name(), "pending_moderation");
    assert_eq!(world.pictures_of(&review).await.len(), 1);
    let foreign = world.add_pictures(&world.provider(), &review, 1).await.unwrap_err();
    assert!(matches!(foreign, ReviewError::NotFound { .. }), "{foreign}");
}

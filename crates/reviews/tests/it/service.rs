use std::sync::Arc;

use access::{Actor, Member, Role, Roles};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, Failure, FailureKind, FixedClock, RepeatingRandom, ReviewId, SequentialIds,
    SessionId, SystemIds,
};
use reviews::testing::{
    MockReviewStore, MockReviewTx, a_completed_booking, a_review, the_other_side, two_sided,
};
use reviews::{
    BookingFacts, ChangeReview, Confirmation, Policy, Rated, Rating, Review, ReviewError,
    ReviewRecord, ReviewService, Status, WriteReview,
};

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("a valid time");

fn service_with(tx: MockReviewTx, policy: Policy, now: DateTime<Utc>) -> ReviewService {
    ReviewService::new(
        Arc::new(MockReviewStore::with(tx)),
        Arc::new(FixedClock(now)),
        Arc::new(SequentialIds::default()),
        Arc::new(RepeatingRandom::default()),
        policy,
    )
}

fn service(tx: MockReviewTx) -> ReviewService {
    service_with(tx, Policy::default(), NOW)
}

fn signed_in(account: AccountId, roles: Roles) -> Actor {
    let session = SessionId::next(&SystemIds);
    Actor::member(Member { account, session, roles, provider: None })
}

fn client(account: AccountId) -> Actor {
    signed_in(account, Roles::client())
}

fn provider(account: AccountId) -> Actor {
    signed_in(account, Roles::client().with(Role::Provider))
}

fn a_stranger() -> Actor {
    client(AccountId::next(&SystemIds))
}

fn a_moderator() -> Actor {
    signed_in(AccountId::next(&SystemIds), Roles::client().with(Role::Moderator))
}

fn of(facts: &BookingFacts) -> WriteReview {
    WriteReview {
        booking: facts.booking,
        stars: 5,
        text: "On time, tidy, and the shelves are straight.".to_owned(),
        criteria: vec![("quality".to_owned(), 5)],
        draft: false,
    }
}

fn knowing(facts: BookingFacts) -> MockReviewTx {
    let mut tx = MockReviewTx::with_timers();
    tx.expect_booking_facts().return_once(move |_| Ok(Some(facts)));
    tx
}

fn holding(record: ReviewRecord, other: Option<ReviewRecord>) -> MockReviewTx {
    let mut tx = MockReviewTx::with_timers();
    let pair = (Review::restore(record), other.map(Review::restore));
    tx.expect_review_pair_for_update().returning(move |_| Ok(Some(pair.clone())));
    tx
}

fn expect_rating(tx: &mut MockReviewTx, stored: Rating, wanted: Rating) {
    tx.expect_rating_for_update().times(2).returning(move |_| Ok(stored));
    tx.expect_store_rating()
        .withf(move |_, rating, _, _| *rating == wanted)
        .times(2)
        .returning(|_, _, _, _| Ok(()));
}

fn published() -> ReviewRecord {
    let status = Status::Published { confirmed_at: NOW, at: NOW };
    ReviewRecord { status, ..a_review(NOW) }
}

#[tokio::test]
async fn a_client_hands_a_review_in_and_is_asked_to_confirm_it() {
    let facts = a_completed_booking(NOW);
    let actor = client(facts.client);
    let command = of(&facts);
    let mut tx = knowing(facts);
    tx.expect_insert_review()
        .withf(|r| matches!(r.status(), Status::PendingConfirmation { .. }))
        .once()
        .returning(|_| Ok(()));
    tx.expect_published()
        .withf(|name, _| name == "review.submitted.v1")
        .once()
        .returning(|_, _| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    let written = service(tx).write(&actor, command, None).await.unwrap().into_done().unwrap();

    assert_eq!(written.review.counted(), None, "what is not confirmed does not count");
}

#[tokio::test]
async fn a_stranger_does_not_learn_of_the_booking() {
    let facts = a_completed_booking(NOW);
    let command = of(&facts);

    let error = service(knowing(facts)).write(&a_stranger(), command, None).await.unwrap_err();

    assert!(matches!(error, ReviewError::BookingNotFound { .. }), "{error}");
}

#[tokio::test]
async fn only_a_completed_booking_is_reviewed_and_only_for_a_fortnight() {
    let facts = BookingFacts { completed_at: None, ..a_completed_booking(NOW) };
    let (actor, command) = (client(facts.client), of(&facts));
    let error = service(knowing(facts)).write(&actor, command.clone(), None).await.unwrap_err();
    assert_eq!(error.code(), "review.booking_not_completed");

    let completed_at = Some(NOW - TimeDelta::days(14));
    let facts = BookingFacts { completed_at, ..a_completed_booking(NOW) };
    let error = service(knowing(facts)).write(&actor, command, None).await.unwrap_err();
    assert_eq!(error.code(), "review.window_closed");
}

#[tokio::test]
async fn a_provider_reviews_only_where_both_sides_do() {
    let facts = a_completed_booking(NOW);
    let actor = provider(facts.provider_account);
    let command = WriteReview { criteria: Vec::new(), ..of(&facts) };

    let error = service(knowing(facts)).write(&actor, command, None).await.unwrap_err();

    assert!(matches!(error, ReviewError::OneSided), "{error}");
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let facts = a_completed_booking(NOW);
    let actor = client(facts.client);
    let command = WriteReview {
        stars: 6,
        text: "Fine.\0".to_owned(),
        criteria: vec![("charm".to_owned(), 5), ("quality".to_owned(), 0)],
        ..of(&facts)
    };

    let error = service(knowing(facts)).write(&actor, command, None).await.unwrap_err();

    let wrong: Vec<_> = error.fields().iter().map(|f| (f.pointer.as_str(), f.code)).collect();
    assert_eq!(
        wrong,
        [
            ("/stars", "out_of_range"),
            ("/text", "forbidden_character"),
            ("/criteria/charm", "unknown"),
            ("/criteria/quality", "out_of_range"),
        ]
    );
}

#[tokio::test]
async fn a_confirmed_review_is_shown_and_rated_at_once() {
    let record = a_review(NOW);
    let (id, author) = (record.id, client(record.author));
    let mut tx = holding(record, None);
    tx.expect_update_review().once().returning(|_| Ok(()));
    tx.expect_published()
        .withf(|name, _| name == "review.published.v1")
        .once()
        .returning(|_, _| Ok(()));
    expect_rating(&mut tx, Rating { count: 1, stars: 3 }, Rating { count: 2, stars: 7 });
    tx.expect_commit().once().returning(|| Ok(()));

    let review = service(tx).confirm(&author, id).await.unwrap();

    assert_eq!(review.status(), &Status::Published { confirmed_at: NOW, at: NOW });
}

#[tokio::test]
async fn the_second_of_two_blind_reviews_shows_both() {
    let record = a_review(NOW);
    let held = Status::Held { confirmed_at: NOW - TimeDelta::hours(3) };
    let other = ReviewRecord { status: held, ..the_other_side(&record) };
    let (id, author) = (record.id, client(record.author));
    let mut tx = holding(record, Some(other));
    tx.expect_update_review()
        .withf(|r| matches!(r.status(), Status::Published { .. }))
        .times(2)
        .returning(|_| Ok(()));
    tx.expect_published()
        .withf(|name, _| name == "review.published.v1")
        .times(2)
        .returning(|_, _| Ok(()));
    // The provider's review of the client counts nowhere.
    expect_rating(&mut tx, Rating::default(), Rating { count: 1, stars: 4 });
    tx.expect_commit().once().returning(|| Ok(()));

    service_with(tx, two_sided(), NOW).confirm(&author, id).await.unwrap();
}

#[tokio::test]
async fn the_first_of_two_blind_reviews_waits_and_is_shown_when_the_window_is_over() {
    let record = a_review(NOW);
    let (id, author, ends) = (record.id, client(record.author), record.window_ends_at);
    let mut tx = MockReviewTx::new();
    let pair = (Review::restore(record.clone()), None);
    tx.expect_review_pair_for_update().return_once(move |_| Ok(Some(pair)));
    tx.expect_update_review().once().returning(|_| Ok(()));
    tx.expect_published().withf(|n, _| n == "review.held.v1").once().returning(|_, _| Ok(()));
    tx.expect_clear_timer().once().returning(|_, _| Ok(()));
    tx.expect_set_timer()
        .withf(move |timer| timer.kind == "review.reveal" && timer.due_at == ends)
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    service_with(tx, two_sided(), NOW).confirm(&author, id).await.unwrap();

    let held = ReviewRecord { status: Status::Held { confirmed_at: NOW }, ..record };
    let early = service_with(holding(held.clone(), None), two_sided(), NOW);
    early.on_timer("review.reveal", &id.to_string()).await.unwrap();

    let mut tx = holding(held, None);
    tx.expect_update_review().once().returning(|_| Ok(()));
    tx.expect_published().withf(|n, _| n == "review.published.v1").returning(|_, _| Ok(()));
    expect_rating(&mut tx, Rating::default(), Rating { count: 1, stars: 4 });
    tx.expect_commit().once().returning(|| Ok(()));
    let late = service_with(tx, two_sided(), ends);
    late.on_timer("review.reveal", &id.to_string()).await.unwrap();
}

#[tokio::test]
async fn a_held_review_is_not_there_for_its_subject() {
    let status = Status::Held { confirmed_at: NOW };
    let record = ReviewRecord { status, ..a_review(NOW) };
    let (id, subject) = (record.id, provider(record.subject));

    let error = service(holding(record, None)).reply(&subject, id, "Thanks!").await.unwrap_err();

    // They hold the grant to reply; the state refuses without telling more than that.
    assert_eq!(error.kind(), FailureKind::NotFound, "{error}");
}

#[tokio::test]
async fn a_link_confirms_once_and_only_its_hash_was_stored() {
    let record = a_review(NOW);
    let id = record.id;
    let mut tx = holding(record.clone(), None);
    let stored = Arc::new(std::sync::Mutex::new(None::<Confirmation>));
    let keep = Arc::clone(&stored);
    tx.expect_insert_confirmation().once().returning(move |link| {
        *keep.lock().unwrap() = Some(link.clone());
        Ok(())
    });
    tx.expect_commit().once().returning(|| Ok(()));
    let token = service(tx).mint_confirmation(id).await.unwrap().unwrap();
    let link = stored.lock().unwrap().clone().unwrap();
    assert!(!token.as_bytes().windows(8).any(|part| link.token_hash.windows(8).any(|h| h == part)));

    let mut tx = holding(record, None);
    let found = link.clone();
    tx.expect_confirmation()
        .withf(move |hash| *hash == link.token_hash)
        .return_once(move |_| Ok(Some(found)));
    tx.expect_delete_confirmations().once().returning(|_| Ok(()));
    tx.expect_update_review().once().returning(|_| Ok(()));
    tx.expect_published().returning(|_, _| Ok(()));
    expect_rating(&mut tx, Rating::default(), Rating { count: 1, stars: 4 });
    tx.expect_commit().once().returning(|| Ok(()));
    service(tx).confirm_by_link(id, &token).await.unwrap();

    let mut tx = holding(published(), None);
    tx.expect_confirmation().return_once(|_| Ok(None));
    let error = service(tx).confirm_by_link(id, &token).await.unwrap_err();
    assert!(matches!(error, ReviewError::LinkInvalid), "{error}");
}

#[tokio::test]
async fn an_edit_after_approval_goes_back_to_the_moderator_and_leaves_the_rating() {
    let record = published();
    let (id, author) = (record.id, client(record.author));
    let mut tx = holding(record, None);
    tx.expect_update_review()
        .withf(|r| matches!(r.status(), Status::PendingModeration { .. }))
        .once()
        .returning(|_| Ok(()));
    tx.expect_published()
        .withf(|n, _| n == "review.awaits_moderation.v1")
        .once()
        .returning(|_, _| Ok(()));
    expect_rating(&mut tx, Rating { count: 1, stars: 4 }, Rating::default());
    tx.expect_commit().once().returning(|| Ok(()));
    let policy = Policy { moderation: true, ..Policy::default() };

    let change = ChangeReview { stars: Some(1), ..ChangeReview::default() };
    service_with(tx, policy, NOW).edit(&author, id, change).await.unwrap();
}

#[tokio::test]
async fn an_edit_is_refused_after_two_days_and_when_it_is_stale() {
    let record = published();
    let (id, author) = (record.id, client(record.author));
    let later = NOW + TimeDelta::hours(48);
    let service = service_with(holding(record.clone(), None), Policy::default(), later);
    let error = service.edit(&author, id, ChangeReview::default()).await.unwrap_err();
    assert_eq!(error.code(), "review.edit_closed");

    let change = ChangeReview { expected_version: Some(9), ..ChangeReview::default() };
    let service = service_with(holding(record, None), Policy::default(), NOW);
    let error = service.edit(&author, id, change).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Stale);
}

#[tokio::test]
async fn the_reviewed_side_replies_once_and_nobody_else_does() {
    let record = published();
    let (id, subject) = (record.id, provider(record.subject));
    let error = service(holding(record.clone(), None))
        .reply(&a_stranger(), id, "Me too!")
        .await
        .unwrap_err();
    assert!(matches!(error, ReviewError::Forbidden { .. }), "{error}");

    let mut tx = holding(record.clone(), None);
    tx.expect_update_review().once().returning(|_| Ok(()));
    tx.expect_published().withf(|n, _| n == "review.replied.v1").returning(|_, _| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    let replied = service(tx).reply(&subject, id, "Thank you.").await.unwrap();

    let tx = holding(replied.record().clone(), None);
    let error = service(tx).reply(&subject, id, "And another thing.").await.unwrap_err();
    assert!(matches!(error, ReviewError::AlreadyReplied { .. }), "{error}");
}

#[tokio::test]
async fn a_moderator_hides_with_a_reason_that_the_audit_log_keeps() {
    let record = published();
    let id = record.id;
    let mut tx = holding(record, None);
    tx.expect_close_reports().once().returning(|_, _| Ok(()));
    tx.expect_record_audit()
        .withf(|entry| entry.command == "hide" && entry.reason.as_deref() == Some("insults"))
        .once()
        .returning(|_| Ok(()));
    tx.expect_update_review().once().returning(|_| Ok(()));
    tx.expect_published().withf(|n, _| n == "review.hidden.v1").once().returning(|_, _| Ok(()));
    expect_rating(&mut tx, Rating { count: 2, stars: 9 }, Rating { count: 1, stars: 5 });
    tx.expect_commit().once().returning(|| Ok(()));

    let review = service(tx).hide(&a_moderator(), id, "insults").await.unwrap();

    assert_eq!(review.status().name(), "hidden");
}

#[tokio::test]
async fn a_refusal_says_what_could_be_done_instead() {
    let record = published();
    let (id, author) = (record.id, client(record.author));

    let error = service(holding(record, None)).confirm(&author, id).await.unwrap_err();

    assert_eq!(error.allowed(), Some(["edit"].as_slice()), "{error}");
}

#[tokio::test]
async fn nobody_votes_for_themselves() {
    let record = published();
    let (id, author) = (record.id, client(record.author));

    let error = service(holding(record, None)).set_helpful(&author, id, true).await.unwrap_err();

    assert!(matches!(error, ReviewError::OwnReview), "{error}");
}

#[tokio::test]
async fn a_review_that_is_not_shown_is_not_there_for_a_stranger() {
    let record = a_review(NOW);
    let id: ReviewId = record.id;

    let error =
        service(holding(record, None)).set_helpful(&a_stranger(), id, true).await.unwrap_err();

    assert!(matches!(error, ReviewError::NotFound { .. }), "{error}");
}

#[tokio::test]
async fn recomputing_mends_a_rating_that_drifted() {
    let record = published();
    let rated = Rated::Listing(record.listing);
    let counted = Rating { count: 1, stars: 4 };
    let drift = reviews::RatingDrift { rated, stored: Rating { count: 7, stars: 7 }, counted };
    let mut tx = MockReviewTx::new();
    tx.expect_rating_for_update().once().returning(|_| Ok(Rating { count: 7, stars: 7 }));
    tx.expect_count_rating().once().returning(move |_| Ok(counted));
    tx.expect_store_rating()
        .withf(move |_, rating, _, _| *rating == counted)
        .once()
        .returning(|_, _, _, _| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    let mut store = MockReviewStore::with(tx);
    store.expect_rating_drift().once().returning(move || Ok(vec![drift]));
    let service = ReviewService::new(
        Arc::new(store),
        Arc::new(FixedClock(NOW)),
        Arc::new(SequentialIds::default()),
        Arc::new(RepeatingRandom::default()),
        Policy::default(),
    );

    assert_eq!(service.recompute_all(true).await.unwrap(), [drift]);
}

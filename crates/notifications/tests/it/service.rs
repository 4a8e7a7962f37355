use std::collections::HashMap;
use std::sync::Arc;

use access::{Actor, Member, Roles};
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, EventMessage, FixedClock, Limit, ListingId, NotificationId, Page, SequentialIds,
    SessionId, SystemIds,
};
use notifications::testing::{
    MockDirectory, MockNotificationStore, MockNotificationTx, a_contact, an_event,
};
use notifications::{
    HANDLER, Notification, NotificationError, NotificationService, Preferences, ReadCommand,
    Setting, Template, Topic, Unsubscribe, UnsubscribeKey, concerns_people,
};
use serde_json::json;

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("a valid time");

fn key() -> UnsubscribeKey {
    UnsubscribeKey::new([1; 32])
}

fn service_on(store: MockNotificationStore, directory: MockDirectory) -> NotificationService {
    NotificationService::new(
        Arc::new(store),
        Arc::new(directory),
        Arc::new(FixedClock(NOW)),
        Arc::new(SequentialIds::default()),
        key(),
    )
}

fn service(tx: MockNotificationTx) -> NotificationService {
    service_on(MockNotificationStore::with([tx]), MockDirectory::new())
}

fn somebody() -> AccountId {
    AccountId::next(&SystemIds)
}

fn signed_in(account: AccountId) -> Actor {
    let session = SessionId::next(&SystemIds);
    Actor::member(Member { account, session, roles: Roles::client(), provider: None })
}

fn accepted(client: AccountId, provider: AccountId) -> EventMessage {
    let payload = json!({ "client_account_id": client, "provider_account_id": provider });
    let event = an_event("booking.accepted.v1", "bkg_1", payload, NOW);
    EventMessage { actor: Some(provider), ..event }
}

fn preferring(preferences: Preferences) -> MockNotificationTx {
    let mut tx = MockNotificationTx::new();
    tx.expect_first_time().withf(|handler, _| handler == HANDLER).once().returning(|_, _| Ok(true));
    tx.expect_preferences().returning(move |_| Ok(preferences.clone()));
    tx
}

#[tokio::test]
async fn the_other_side_is_told_in_the_app_and_by_mail() {
    let (client, provider) = (somebody(), somebody());
    let mut tx = preferring(Preferences::default());
    tx.expect_insert_notification()
        .withf(move |n| n.account == client && n.text == "booking_accepted")
        .once()
        .returning(|_| Ok(()));
    tx.expect_enqueue_mail()
        .withf(move |mail| mail.record().account == client)
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    service(tx).on_event(&accepted(client, provider)).await.unwrap();
}

#[tokio::test]
async fn a_second_delivery_tells_nobody() {
    let mut tx = MockNotificationTx::new();
    tx.expect_first_time().once().returning(|_, _| Ok(false));

    service(tx).on_event(&accepted(somebody(), somebody())).await.unwrap();
}

#[tokio::test]
async fn who_does_not_want_mail_gets_none() {
    let mut tx = preferring(Preferences::from_stored([(
        Topic::Bookings,
        Setting { in_app: true, mail: false },
    )]));
    tx.expect_insert_notification().once().returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    service(tx).on_event(&accepted(somebody(), somebody())).await.unwrap();
}

#[tokio::test]
async fn a_link_that_somebody_asked_for_is_sent_whatever_they_prefer() {
    let account = somebody();
    let nothing = Setting { in_app: false, mail: false };
    let mut tx = preferring(Preferences::from_stored([(Topic::Account, nothing)]));
    tx.expect_enqueue_mail()
        .withf(move |mail| mail.record().template == Template::ResetPassword)
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    let payload = json!({ "account_id": account });
    let name = "account.password_reset_requested.v1";
    let event = an_event(name, &account.to_string(), payload, NOW);

    service(tx).on_event(&EventMessage { actor: Some(account), ..event }).await.unwrap();
}

#[tokio::test]
async fn a_reminder_goes_to_whom_the_deadline_is_for() {
    let (client, provider) = (somebody(), somebody());
    let mut tx = preferring(Preferences::default());
    tx.expect_insert_notification()
        .withf(move |n| n.account == client && n.text == "booking_remind_confirmation")
        .once()
        .returning(|_| Ok(()));
    tx.expect_enqueue_mail().once().returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    let payload = json!({
        "client_account_id": client,
        "provider_account_id": provider,
        "reminder": "confirmation",
    });

    service(tx)
        .on_event(&an_event("booking.reminder_due.v1", "bkg_1", payload, NOW))
        .await
        .unwrap();
}

#[tokio::test]
async fn moderators_are_told_of_a_dispute() {
    let (client, provider) = (somebody(), somebody());
    let moderators = vec![somebody(), somebody()];
    let mut tx = preferring(Preferences::default());
    tx.expect_moderators().once().returning(move || Ok(moderators.clone()));
    tx.expect_insert_notification().times(3).returning(|_| Ok(()));
    tx.expect_enqueue_mail().times(3).returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    let payload = json!({ "client_account_id": client, "provider_account_id": provider });
    let event = an_event("booking.disputed.v1", "bkg_1", payload, NOW);

    service(tx).on_event(&EventMessage { actor: Some(client), ..event }).await.unwrap();
}

#[tokio::test]
async fn what_a_person_was_told_goes_with_them() {
    let account = somebody();
    let mut tx = MockNotificationTx::new();
    tx.expect_first_time().once().returning(|_, _| Ok(true));
    tx.expect_forget_account().withf(move |gone| *gone == account).once().returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    let payload = json!({ "account_id": account });
    assert!(concerns_people("account.erased.v1"));

    service(tx).on_event(&an_event("account.erased.v1", "acc_1", payload, NOW)).await.unwrap();
}

#[tokio::test]
async fn a_list_is_read_in_the_language_and_time_zone_of_its_reader() {
    let (account, listing) = (somebody(), ListingId::next(&SystemIds));
    let notification = Notification {
        id: NotificationId::next(&SystemIds),
        account,
        event: an_event("booking.rescheduled.v1", "bkg_1", json!({}), NOW).id,
        topic: Topic::Bookings,
        text: "booking_rescheduled".to_owned(),
        subject: "bkg_1".to_owned(),
        facts: json!({ "listing_id": listing, "slot_start": "2026-12-01T09:00:00Z" }),
        created_at: NOW,
        read_at: None,
    };
    let mut store = MockNotificationStore::new();
    let page = Page { items: vec![notification], next: None };
    store.expect_notifications().return_once(move |_, _, _, _| Ok(page));
    let mut directory = MockDirectory::new();
    let german = notifications::Contact { locale: "de".parse().unwrap(), ..a_contact() };
    directory.expect_contact().return_once(move |_| Ok(Some(german)));
    let titles = HashMap::from([(listing, "Regale nach Maß".to_owned())]);
    directory.expect_listing_titles().return_once(move |_| Ok(titles));

    let page = service_on(store, directory)
        .notifications(&signed_in(account), false, None, Limit::default())
        .await
        .unwrap();

    let words = &page.items[0].words;
    assert_eq!(words.title, "Verlegt: Regale nach Maß");
    assert_eq!(words.body, ["Neuer Termin: 01.12.2026, 10:00 Uhr (CET)."]);
}

#[tokio::test]
async fn a_visitor_has_no_notifications() {
    let service = service_on(MockNotificationStore::new(), MockDirectory::new());

    let error = service.preferences(&Actor::visitor()).await.unwrap_err();

    assert!(matches!(error, NotificationError::Unauthenticated), "{error}");
}

#[tokio::test]
async fn marking_is_bounded() {
    let ids = vec![NotificationId::next(&SystemIds); ReadCommand::MAX + 1];

    let error = service(MockNotificationTx::new())
        .mark_read(&signed_in(somebody()), ReadCommand::These(ids))
        .await
        .unwrap_err();

    assert!(matches!(error, NotificationError::Invalid(_)), "{error}");
}

#[tokio::test]
async fn an_unsubscribe_link_stops_the_mail_of_its_topic_and_nothing_else() {
    let account = somebody();
    let token = key().token(&Unsubscribe { account, topic: Topic::Reviews });
    let mut tx = MockNotificationTx::new();
    tx.expect_preferences().returning(|_| Ok(Preferences::default()));
    tx.expect_store_preference()
        .withf(move |whose, topic, setting| {
            *whose == account
                && *topic == Topic::Reviews
                && *setting == Setting { in_app: true, mail: false }
        })
        .once()
        .returning(|_, _, _| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    assert_eq!(service(tx).unsubscribe(&token).await.unwrap(), Topic::Reviews);

    let service = service_on(MockNotificationStore::new(), MockDirectory::new());
    let error = service.unsubscribe("reviews.AAAA").await.unwrap_err();
    assert!(matches!(error, NotificationError::LinkInvalid), "{error}");
}

#[test]
fn nothing_turns_the_safety_of_an_account_off() {
    let off = Setting { in_app: false, mail: false };
    let mut preferences = Preferences::from_stored([(Topic::Account, off)]);
    preferences.set(Topic::Account, off);

    assert_eq!(preferences.setting(Topic::Account), Setting::default());
}

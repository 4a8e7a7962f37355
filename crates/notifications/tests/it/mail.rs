use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::{FixedClock, ReviewId, SystemIds};
use notifications::testing::{
    MockAccountLinks, MockDirectory, MockMailTransport, MockNotificationStore, MockNotificationTx,
    a_contact, a_mail,
};
use notifications::{
    DeliveryError, LinkPurpose, Mail, MailRecord, MailService, MailState, NotificationError,
    SendOutcome, Sender, Template, Topic, UnsubscribeKey,
};

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("a valid time");

fn sender() -> Sender {
    Sender {
        web_url: "https://example.org".to_owned(),
        api_url: "https://example.org/api/v1".to_owned(),
        unsubscribe_key: UnsubscribeKey::new([1; 32]),
    }
}

/// Two transactions: one that claims the mail, one that stores how it went.
fn transactions(record: &MailRecord, ends: &'static str) -> MockNotificationStore {
    let queued = Mail::restore(record.clone());
    let mut claim = MockNotificationTx::new();
    let first = queued.clone();
    claim.expect_mail_for_update().return_once(move |_| Ok(Some(first)));
    claim
        .expect_update_mail()
        .withf(|mail| mail.record().attempts == 1)
        .once()
        .returning(|_| Ok(()));
    claim.expect_commit().once().returning(|| Ok(()));
    let mut end = MockNotificationTx::new();
    end.expect_mail_for_update().return_once(move |_| Ok(Some(queued)));
    end.expect_update_mail()
        .withf(move |mail| mail.record().state.name() == ends)
        .once()
        .returning(|_| Ok(()));
    end.expect_commit().once().returning(|| Ok(()));
    MockNotificationStore::with([claim, end])
}

fn knowing_everyone() -> MockDirectory {
    let mut directory = MockDirectory::new();
    directory.expect_contact().returning(|_| Ok(Some(a_contact())));
    directory.expect_listing_titles().returning(|_| Ok(HashMap::new()));
    directory
}

fn service(
    store: MockNotificationStore,
    directory: MockDirectory,
    links: MockAccountLinks,
    transport: MockMailTransport,
) -> MailService {
    MailService::new(
        Arc::new(store),
        Arc::new(directory),
        Arc::new(links),
        Arc::new(transport),
        Arc::new(FixedClock(NOW)),
        sender(),
    )
}

#[tokio::test]
async fn a_mail_carries_its_link_and_the_way_to_stop_it() {
    let mail = a_mail(NOW);
    let mut transport = MockMailTransport::new();
    transport
        .expect_deliver()
        .withf(|letter| {
            letter.link == "https://example.org/bookings/bkg_0192d4c0000070008000000000000000"
                && letter.unsubscribe.as_ref().is_some_and(|url| {
                    url.starts_with("https://example.org/api/v1/notifications/unsubscribe?token=")
                })
        })
        .once()
        .returning(|_| Ok(()));
    let store = transactions(&mail, "sent");

    let service = service(store, knowing_everyone(), MockAccountLinks::new(), transport);

    assert_eq!(service.send(mail.id).await.unwrap(), SendOutcome::Sent);
}

#[tokio::test]
async fn a_secret_is_made_when_the_mail_is_sent_and_such_mail_cannot_be_stopped() {
    let (template, topic) = (Template::ResetPassword, Topic::Account);
    let text = "account_password_reset".to_owned();
    let mail = MailRecord { template, topic, text, ..a_mail(NOW) };
    let mut links = MockAccountLinks::new();
    links
        .expect_mint()
        .withf(|_, purpose| *purpose == LinkPurpose::ResetPassword)
        .once()
        .returning(|_, _| Ok(Some("https://example.org/reset?token=secret".to_owned())));
    let mut transport = MockMailTransport::new();
    transport
        .expect_deliver()
        .withf(|letter| letter.link.ends_with("token=secret") && letter.unsubscribe.is_none())
        .once()
        .returning(|_| Ok(()));

    let service = service(transactions(&mail, "sent"), knowing_everyone(), links, transport);

    assert_eq!(service.send(mail.id).await.unwrap(), SendOutcome::Sent);
}

#[tokio::test]
async fn a_link_that_is_not_needed_any_more_sends_no_mail() {
    let review = ReviewId::next(&SystemIds);
    let template = Template::ConfirmReview;
    let mail = MailRecord { template, subject: review.to_string(), ..a_mail(NOW) };
    let mut links = MockAccountLinks::new();
    links
        .expect_mint()
        .withf(move |_, purpose| *purpose == LinkPurpose::ConfirmReview(review))
        .once()
        .returning(|_, _| Ok(None));
    let store = transactions(&mail, "dropped");

    let service = service(store, knowing_everyone(), links, MockMailTransport::new());

    assert_eq!(service.send(mail.id).await.unwrap(), SendOutcome::Dropped);
}

#[tokio::test]
async fn who_left_gets_no_mail() {
    let mail = a_mail(NOW);
    let mut directory = MockDirectory::new();
    directory.expect_contact().returning(|_| Ok(None));
    let store = transactions(&mail, "dropped");

    let service = service(store, directory, MockAccountLinks::new(), MockMailTransport::new());

    assert_eq!(service.send(mail.id).await.unwrap(), SendOutcome::Dropped);
}

#[tokio::test]
async fn a_server_that_is_down_delays_the_mail() {
    let mail = a_mail(NOW);
    let mut transport = MockMailTransport::new();
    let problem = "451".to_owned();
    transport.expect_deliver().return_once(move |_| Err(DeliveryError::Unavailable { problem }));
    let store = transactions(&mail, "queued");

    let service = service(store, knowing_everyone(), MockAccountLinks::new(), transport);

    let error = service.send(mail.id).await.unwrap_err();
    assert!(matches!(error, NotificationError::MailDelayed { .. }), "{error}");
}

#[tokio::test]
async fn after_three_days_a_mail_is_given_up() {
    let mail = a_mail(NOW - Mail::PATIENCE);
    let mut transport = MockMailTransport::new();
    let problem = "451".to_owned();
    transport.expect_deliver().return_once(move |_| Err(DeliveryError::Unavailable { problem }));
    let store = transactions(&mail, "failed");

    let service = service(store, knowing_everyone(), MockAccountLinks::new(), transport);

    assert_eq!(service.send(mail.id).await.unwrap(), SendOutcome::Failed);
}

#[tokio::test]
async fn a_mail_that_was_sent_is_not_sent_again() {
    let mail = MailRecord { state: MailState::Sent { at: NOW }, ..a_mail(NOW) };
    let id = mail.id;
    let mut tx = MockNotificationTx::new();
    tx.expect_mail_for_update().return_once(move |_| Ok(Some(Mail::restore(mail))));
    let store = MockNotificationStore::with([tx]);

    let service =
        service(store, MockDirectory::new(), MockAccountLinks::new(), MockMailTransport::new());

    assert_eq!(service.send(id).await.unwrap(), SendOutcome::Over);
}

#[tokio::test]
async fn two_senders_do_not_send_the_same_mail() {
    let claimed_until = Some(NOW + TimeDelta::minutes(1));
    let state = MailState::Queued { claimed_until, problem: None };
    let mail = MailRecord { state, ..a_mail(NOW) };
    let id = mail.id;
    let mut tx = MockNotificationTx::new();
    tx.expect_mail_for_update().return_once(move |_| Ok(Some(Mail::restore(mail))));
    let store = MockNotificationStore::with([tx]);

    let service =
        service(store, MockDirectory::new(), MockAccountLinks::new(), MockMailTransport::new());

    let error = service.send(id).await.unwrap_err();
    assert!(matches!(error, NotificationError::MailDelayed { .. }), "{error}");
}

type Command = fn(&mut Mail);

#[test]
fn every_command_in_every_state_of_a_mail() {
    let states = [
        MailState::Queued { claimed_until: None, problem: None },
        MailState::Sent { at: NOW },
        MailState::Failed { at: NOW, problem: "550".to_owned() },
        MailState::Dropped { at: NOW },
    ];
    let commands: [(&str, Command); 5] = [
        ("sent", |mail| mail.sent(NOW)),
        ("refused", |mail| mail.refused("550".to_owned(), NOW)),
        ("dropped", |mail| mail.dropped(NOW)),
        ("put off", |mail| mail.put_off("451".to_owned(), NOW)),
        ("put off late", |mail| mail.put_off("451".to_owned(), NOW + Mail::PATIENCE)),
    ];

    let mut table = String::new();
    for (name, command) in commands {
        for state in &states {
            let mut mail = Mail::restore(MailRecord { state: state.clone(), ..a_mail(NOW) });
            command(&mut mail);
            let (from, to) = (state.name(), mail.record().state.name());
            writeln!(table, "{name:<12} {from:<7} -> {to}").unwrap();
        }
    }

    insta::assert_snapshot!(table);
}

use std::path::PathBuf;
use std::time::Duration;

use adapter_mail::{MailSettings, MailSettingsError, Mailer, Server, Smtp, Tls};
use notifications::{DeliveryError, MailTransport, Template};
use test_support::MailSink;

use crate::a_letter;

fn settings(sink: &MailSink) -> MailSettings {
    MailSettings {
        marketplace: "Mercato".to_owned(),
        from: "Mercato <no-reply@example.com>".to_owned(),
        server: Some(Server::Url {
            url: format!("smtp://{}", sink.address()).into(),
            timeout: Duration::from_secs(5),
        }),
        folder: PathBuf::new(),
    }
}

#[tokio::test]
async fn a_mail_arrives_with_both_parts_and_the_headers_that_stop_it() {
    let sink = MailSink::start().await;
    let mailer = Mailer::new(&settings(&sink)).unwrap();

    mailer.deliver(&a_letter(Template::Notification, "en")).await.unwrap();

    let mail = sink.mail_to("kim@example.org").await;
    assert_eq!(mail.to, ["kim@example.org"]);
    assert_eq!(mail.subject(), "Loft <b>in</b> Berlin is booked");
    assert!(mail.text().contains("Ä & Ö."), "{}", mail.text());
    assert!(mail.html().contains("Loft &lt;b&gt;in"), "{}", mail.html());
    assert_eq!(
        mail.header("List-Unsubscribe"),
        "<https://example.org/api/v1/notifications/unsubscribe?token=bookings.abc>"
    );
    assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    assert_eq!(mail.header("Message-ID"), "<mai_0192d4c0000070008000000000000000@example.com>");
}

#[tokio::test]
async fn a_name_of_several_lines_stays_in_its_header() {
    let sink = MailSink::start().await;
    let mailer = Mailer::new(&settings(&sink)).unwrap();
    let mut letter = a_letter(Template::Notification, "en");
    letter.to.name = "Kim\r\nBcc: everyone@example.org".to_owned();

    mailer.deliver(&letter).await.unwrap();

    let mail = sink.mail_to("kim@example.org").await;
    assert_eq!(mail.to, ["kim@example.org"]);
    assert_eq!(mail.header("Bcc"), "");
}

#[tokio::test]
async fn a_mail_that_protects_an_account_cannot_be_stopped() {
    let sink = MailSink::start().await;
    let mailer = Mailer::new(&settings(&sink)).unwrap();

    mailer.deliver(&a_letter(Template::ResetPassword, "de")).await.unwrap();

    let mail = sink.mail_to("kim@example.org").await;
    assert_eq!(mail.subject(), "Wählen Sie ein neues Passwort");
    assert_eq!(mail.header("List-Unsubscribe"), "");
}

#[tokio::test]
async fn what_a_server_says_decides_whether_to_try_again_and_no_address_is_repeated() {
    let sink = MailSink::start().await;
    let mailer = Mailer::new(&settings(&sink)).unwrap();
    let letter = a_letter(Template::Notification, "en");

    sink.refuse_next(1, "451 4.3.0 kim@example.org: try again later");
    let error = mailer.deliver(&letter).await.unwrap_err();
    assert_eq!(error, DeliveryError::Unavailable { problem: "451".to_owned() });

    sink.refuse_next(1, "554 5.7.1 <kim@example.org> looks like spam");
    let error = mailer.deliver(&letter).await.unwrap_err();
    assert_eq!(error, DeliveryError::Refused { problem: "554".to_owned() });

    sink.refuse_next(1, "535 5.7.8 who are you?");
    let error = mailer.deliver(&letter).await.unwrap_err();
    assert_eq!(error, DeliveryError::Unavailable { problem: "535".to_owned() });

    mailer.deliver(&letter).await.unwrap();
}

#[tokio::test]
async fn an_unknown_mailbox_is_refused_for_good() {
    let sink = MailSink::start().await;
    sink.refuse_recipient("kim@example.org");
    let mailer = Mailer::new(&settings(&sink)).unwrap();

    let error = mailer.deliver(&a_letter(Template::Notification, "en")).await.unwrap_err();

    assert!(matches!(error, DeliveryError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let sink = MailSink::start().await;
    let settings = settings(&sink);
    drop(sink);
    let mailer = Mailer::new(&settings).unwrap();

    let error = mailer.deliver(&a_letter(Template::Notification, "en")).await.unwrap_err();

    assert_eq!(error, DeliveryError::Unavailable { problem: "connection".to_owned() });
}

#[tokio::test]
async fn without_a_server_mails_are_put_into_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let settings = MailSettings {
        marketplace: "Mercato".to_owned(),
        from: "no-reply@example.com".to_owned(),
        server: None,
        folder: folder.path().join("mails"),
    };
    let letter = a_letter(Template::VerifyAddress, "en");

    Mailer::new(&settings).unwrap().deliver(&letter).await.unwrap();

    let file = settings.folder.join(format!("{}.eml", letter.id));
    let mail = std::fs::read_to_string(file).unwrap();
    assert!(mail.contains("Subject: Confirm your address"), "{mail}");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let sink = MailSink::start().await;
    let good = settings(&sink);

    let error = Mailer::new(&MailSettings { from: "nobody".to_owned(), ..good.clone() });
    assert!(matches!(error, Err(MailSettingsError::From(_))));

    let url = "imap://user:password@example.org".into();
    let server = Some(Server::Url { url, timeout: Duration::from_secs(5) });
    let error = Mailer::new(&MailSettings { server, ..good.clone() }).unwrap_err();
    assert!(!error.to_string().contains("user:password@example.org"), "{error}");

    let server = Some(Server::Parts(Smtp { user: Some("mercato".to_owned()), ..in_parts(&sink) }));
    let error = Mailer::new(&MailSettings { server, ..good });
    assert!(matches!(error, Err(MailSettingsError::Credentials)));
}

fn in_parts(sink: &MailSink) -> Smtp {
    Smtp {
        host: sink.address().ip().to_string(),
        port: sink.address().port(),
        tls: Tls::None,
        user: None,
        password: None,
        timeout: Duration::from_secs(5),
    }
}

#[tokio::test]
async fn a_server_is_named_in_parts_too_and_none_without_tls_is_spoken_to_where_tls_is_asked_for() {
    let sink = MailSink::start().await;
    let letter = a_letter(Template::Notification, "en");
    let mailer = |smtp| {
        let server = Some(Server::Parts(smtp));
        Mailer::new(&MailSettings { server, ..settings(&sink) }).unwrap()
    };

    mailer(in_parts(&sink)).deliver(&letter).await.unwrap();
    let encrypted = Smtp { tls: Tls::StartTls, ..in_parts(&sink) };
    let error = mailer(encrypted).deliver(&letter).await.unwrap_err();

    assert!(matches!(error, DeliveryError::Unavailable { .. }), "{error}");
    assert_eq!(sink.mails().len(), 1);
}

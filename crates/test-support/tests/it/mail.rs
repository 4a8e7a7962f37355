use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use test_support::MailSink;

fn transport(sink: &MailSink) -> AsyncSmtpTransport<Tokio1Executor> {
    AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(sink.address().ip().to_string())
        .port(sink.address().port())
        .build()
}

fn mail(to: &str) -> Message {
    let message =
        Message::builder().from("shop@example.org".parse().unwrap()).to(to.parse().unwrap());
    message
        .subject("Grüße")
        .body("Confirm:\r\n.\r\n..https://example.org/é?token=1 \r\n".to_owned())
        .unwrap()
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_sent() {
    let sink = MailSink::start().await;
    transport(&sink).send(mail("Ann <ann@example.org>")).await.unwrap();

    let mail = sink.mail_to("ann@example.org").await;

    assert_eq!((mail.from.as_str(), mail.subject().as_str()), ("shop@example.org", "Grüße"));
    assert_eq!(mail.word_that_starts_with("..https"), "..https://example.org/é?token=1");
    assert!(mail.text().contains("\r\n.\r\n"), "{:?}", mail.text());
    assert!(mail.header("To").contains("ann@example.org"));
}

#[tokio::test]
async fn refusals_are_as_scripted_and_then_end() {
    let sink = MailSink::start().await;
    sink.refuse_next(2, "451 4.3.0 try again later");

    for _ in 0..2 {
        let error = transport(&sink).send(mail("ann@example.org")).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
    }
    transport(&sink).send(mail("ann@example.org")).await.unwrap();

    assert_eq!((sink.refused(), sink.mails().len()), (2, 1));
}

#[tokio::test]
async fn an_unknown_mailbox_is_refused_for_good() {
    let sink = MailSink::start().await;
    sink.refuse_recipient("nobody@example.org");

    let error = transport(&sink).send(mail("nobody@example.org")).await.unwrap_err();

    assert!(error.is_permanent(), "{error}");
    assert!(sink.mails().is_empty());
}

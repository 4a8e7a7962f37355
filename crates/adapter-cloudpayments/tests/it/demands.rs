use billing::{
    Delivery, Gateway, GatewayError, OperationKey, PayoutOutcome, PayoutRequest, Secret, Subject,
    Verdict,
};
use chrono::DateTime;
use gateway_fakes::conformance::{Bench, Inbox};
use gateway_fakes::{CloudPaymentsFake, Notification};
use kernel::{Money, PayoutId, SystemIds};

use crate::bench::bench;

gateway_fakes::gateway_conformance!(bench);

#[tokio::test]
async fn wrong_credentials_are_refused_and_nothing_is_done() {
    let bench = bench().await;
    let secret = Secret::new("another secret".to_owned());
    let address = bench.fake.url().parse().unwrap();
    let stranger = adapter_cloudpayments::CloudPaymentsGateway::new(
        address,
        CloudPaymentsFake::PUBLIC_ID.to_owned(),
        secret,
        None,
    );
    let query = billing::StatusQuery {
        payment: kernel::PaymentId::next(&SystemIds),
        attempt: 1,
        transaction: None,
        amount: Money::new(100, bench.currency()),
    };

    let error = stranger.status(&query).await.unwrap_err();

    assert!(matches!(error, GatewayError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn its_question_reaches_us_and_our_verdict_reaches_it() {
    let bench = bench().await;
    let inbox = Inbox::start().await;
    bench.fake.send_notifications_to(&inbox.url(), &[Notification::Check]);
    gateway_fakes::conformance::money_is_taken_at_once(&bench).await;

    let check = inbox.arrived().remove(0);
    let message = bench.gateway.verify(&check.delivery(DateTime::UNIX_EPOCH)).unwrap();

    let question = message.question.unwrap();
    assert_eq!(question.amount, Money::new(1050, bench.currency()));
    let Subject::Payment { payment, .. } = message.subject else { panic!("{:?}", message.subject) };
    assert!(payment.is_some() && question.payment == payment && question.account.is_some());
    let body = |verdict| bench.gateway.acknowledge(verdict).body;
    assert_eq!(
        (body(None), body(Some(Verdict::WrongAmount))),
        ("{\"code\":0}".into(), "{\"code\":12}".into())
    );
}

#[tokio::test]
async fn either_signature_will_do() {
    let bench = bench().await;
    let inbox = Inbox::start().await;
    bench.listen(&inbox);
    gateway_fakes::conformance::money_is_taken_at_once(&bench).await;
    bench.fake.notifications().settled().await;

    for message in inbox.arrived() {
        let headers: Vec<_> =
            message.headers.iter().filter(|(name, _)| name != "content-hmac").cloned().collect();
        let delivery = Delivery { headers: &headers, ..message.delivery(DateTime::UNIX_EPOCH) };
        bench.gateway.verify(&delivery).unwrap();
    }
}

#[tokio::test]
async fn money_reaches_a_provider_at_once_or_later() {
    let bench = bench().await;
    let token = kept_token(&bench).await;
    let request = || {
        let payout = PayoutId::next(&SystemIds);
        let (key, amount) = (OperationKey::of_payout(payout, 1), Money::new(500, bench.currency()));
        PayoutRequest { payout, key, amount, destination: token.clone() }
    };
    let paid = request();
    assert_eq!(bench.gateway.payout_status(&paid).await.unwrap(), None);
    let outcome = bench.gateway.pay_out(&paid).await.unwrap();
    assert!(matches!(outcome, PayoutOutcome::Paid { .. }), "{outcome:?}");
    assert_eq!(bench.gateway.payout_status(&paid).await.unwrap(), Some(outcome));

    bench.fake.delay_payouts(true);
    let slow = request();
    let outcome = bench.gateway.pay_out(&slow).await.unwrap();
    let PayoutOutcome::Pending { reference } = &outcome else { panic!("{outcome:?}") };
    bench.fake.finish_payout(reference.parse().unwrap(), false);
    let outcome = bench.gateway.payout_status(&slow).await.unwrap().unwrap();
    assert!(matches!(outcome, PayoutOutcome::Declined(_)), "{outcome:?}");
}

async fn kept_token(bench: &crate::bench::CloudPayments) -> Secret {
    let payment = kernel::PaymentId::next(&SystemIds);
    let request = billing::ChargeRequest {
        order: billing::ChargeOrder {
            payment,
            attempt: 1,
            key: OperationKey::of_payment(payment, 1, "charge"),
            amount: Money::new(1050, bench.currency()),
            capture: billing::CaptureMode::AtOnce,
            description: kernel::Text::new("A sample").unwrap(),
        },
        payer: billing::PayerDetails {
            account: kernel::AccountId::next(&SystemIds),
            address: Some([198, 51, 100, 7].into()),
            locale: kernel::Locale::default(),
        },
        instrument: bench.instrument(gateway_fakes::conformance::SampleCard::Good),
        return_url: Secret::new("https://shop.example/".to_owned()),
        save_card: true,
    };
    let outcome = bench.gateway.charge(&request).await.unwrap();
    let billing::ChargeOutcome::Approved { card: Some(card), .. } = outcome else {
        panic!("{outcome:?}")
    };
    card.token
}

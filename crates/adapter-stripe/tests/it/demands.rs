use billing::{
    Decline, Gateway, GatewayError, Instrument, OperationKey, PayerDetails, PayoutOutcome,
    PayoutRequest, SaveCardOutcome, SaveCardRequest, Secret, StatusQuery, WebhookRefusal,
};
use chrono::{DateTime, TimeDelta};
use gateway_fakes::conformance::{self, Bench, Inbox, SampleCard};
use gateway_fakes::stripe_signature;
use kernel::{AccountId, Clock, Currency, Locale, Money, PayoutId, SystemClock, SystemIds};

use crate::bench::{Stripe, bench};

gateway_fakes::gateway_conformance!(bench);

#[tokio::test]
async fn a_signature_by_either_secret_holds_for_five_minutes() {
    let bench = bench().await;
    let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let body = br#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"object":"payment_intent","id":"pi_1"}}}"#;
    let verify = |secrets: &[&str], seconds| {
        let headers = vec![("stripe-signature".to_owned(), stripe_signature(body, secrets, at))];
        let now = at + TimeDelta::seconds(seconds);
        bench
            .gateway
            .verify(&billing::Delivery { topic: "", headers: &headers, body, now })
            .map(drop)
    };

    assert_eq!(verify(&["whsec_next"], 0), Ok(()));
    assert_eq!(verify(&["whsec_unknown", "whsec_next"], 300), Ok(()));
    assert_eq!(verify(&["whsec_next"], 301), Err(WebhookRefusal::OutOfTime));
    assert_eq!(verify(&["whsec_next"], -301), Err(WebhookRefusal::OutOfTime));
    assert_eq!(verify(&["whsec_unknown"], 0), Err(WebhookRefusal::WrongSignature));
}

#[tokio::test]
async fn a_search_that_lags_finds_nothing_rather_than_something_else() {
    let bench = bench().await;
    conformance::money_is_taken_at_once(&bench).await;
    let charged = bench.fake.charges().remove(0);
    bench.fake.search_lag(TimeDelta::minutes(1));
    let mut query = StatusQuery {
        payment: billing::parse_reference(&charged.reference).unwrap().0,
        attempt: 1,
        transaction: None,
        amount: Money::new(1050, Currency::EUR),
    };

    assert_eq!(bench.gateway.status(&query).await.unwrap(), None, "as if it had never heard of it");
    query.transaction = Some(kernel::Text::new(&charged.transaction).unwrap());
    assert!(bench.gateway.status(&query).await.unwrap().is_some(), "its own id is never late");
}

#[tokio::test]
async fn what_a_bank_takes_back_is_told_and_so_is_what_returns() {
    let bench = bench().await;
    let inbox = Inbox::start().await;
    bench.listen(&inbox);
    conformance::money_is_taken_at_once(&bench).await;
    let charged = bench.fake.charges().remove(0);

    let dispute = bench.fake.dispute(&charged.transaction, 1050);
    let query = StatusQuery {
        payment: billing::parse_reference(&charged.reference).unwrap().0,
        attempt: 1,
        transaction: Some(kernel::Text::new(&charged.transaction).unwrap()),
        amount: Money::new(1050, Currency::EUR),
    };
    let sums = || async {
        let fact = bench.gateway.status(&query).await.unwrap().unwrap();
        (fact.captured.minor(), fact.charged_back.minor(), fact.reinstated.minor())
    };
    assert_eq!(sums().await, (1050, 1050, 0));
    bench.fake.close_dispute(&dispute, true);
    assert_eq!(sums().await, (1050, 1050, 1050));

    bench.fake.webhooks().settled().await;
    let last = inbox.arrived().pop().unwrap();
    let message = bench.gateway.verify(&last.delivery(SystemClock.now())).unwrap();
    assert_eq!(
        (message.kind.as_str(), message.subject.name()),
        ("charge.dispute.closed", "payment")
    );
}

#[tokio::test]
async fn a_card_is_kept_without_a_payment() {
    let bench = bench().await;
    let keep = |instrument: Instrument| SaveCardRequest {
        payer: PayerDetails {
            account: AccountId::next(&SystemIds),
            address: None,
            locale: Locale::default(),
        },
        key: OperationKey::of_card(AccountId::next(&SystemIds), billing::CardId::next(&SystemIds)),
        instrument,
        currency: Currency::EUR,
    };
    let good = bench.gateway.save_card(&keep(bench.instrument(SampleCard::Good))).await.unwrap();
    let SaveCardOutcome::Saved(card) = good else { panic!("{good:?}") };
    assert_eq!((card.brand.as_str(), card.last_four.as_str()), ("visa", "4242"));
    let poor = bench.gateway.save_card(&keep(bench.instrument(SampleCard::Poor))).await.unwrap();
    assert!(matches!(poor, SaveCardOutcome::Declined(Decline { .. })), "{poor:?}");
    let secure =
        bench.gateway.save_card(&keep(bench.instrument(SampleCard::Secure))).await.unwrap();
    assert!(matches!(secure, SaveCardOutcome::RequiresAction(_)), "{secure:?}");
    assert!(bench.fake.charges().is_empty());
}

#[tokio::test]
async fn a_provider_is_paid_by_a_transfer_once_there_is_money() {
    let bench = bench().await;
    let account = connected(&bench);
    let payout = PayoutId::next(&SystemIds);
    let request = |attempt| PayoutRequest {
        payout,
        key: OperationKey::of_payout(payout, attempt),
        amount: Money::new(500, Currency::EUR),
        destination: Secret::new(account.clone()),
    };

    let poor = bench.gateway.pay_out(&request(1)).await.unwrap();
    let PayoutOutcome::Declined(decline) = poor else { panic!("{poor:?}") };
    assert_eq!(decline.raw.as_deref(), Some("balance_insufficient"));
    assert_eq!(bench.gateway.payout_status(&request(2)).await.unwrap(), None);
    conformance::money_is_taken_at_once(&bench).await;
    let paid = bench.gateway.pay_out(&request(2)).await.unwrap();
    assert!(matches!(paid, PayoutOutcome::Paid { .. }), "{paid:?}");
    assert_eq!(bench.gateway.payout_status(&request(2)).await.unwrap(), Some(paid));
}

/// A connected account that may be paid.
fn connected(bench: &Stripe) -> String {
    let account = bench.fake.connect_account();
    bench.fake.enable_account(&account, true);
    account
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let bench = bench().await;
    let address = bench.fake.url().parse().unwrap();
    let stranger = adapter_stripe::StripeGateway::new(
        address,
        Secret::new("sk_test_other".to_owned()),
        Vec::new(),
    );
    let query = StatusQuery {
        payment: kernel::PaymentId::next(&SystemIds),
        attempt: 1,
        transaction: None,
        amount: Money::new(100, Currency::EUR),
    };

    let error = stranger.status(&query).await.unwrap_err();

    assert!(matches!(error, GatewayError::Refused { .. }), "{error:?}");
    assert!(!format!("{error:?}").contains("sk_test_other"));
}

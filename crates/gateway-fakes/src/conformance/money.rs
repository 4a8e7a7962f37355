//! What becomes of the money when nothing goes wrong.

use billing::{
    CaptureMode, ChargeOutcome, CheckoutRequest, FactState, Hardness, OperationOutcome,
    PaymentFact, SavedCardCharge,
};
use chrono::TimeDelta;
use kernel::{Clock, SystemClock};

use super::requests::{
    AMOUNT, answer, approved, capture, charge, money, order, payer, query, refund, void,
};
use super::{Bench, SampleCard};
use crate::Charged;

/// Reserved, taken, given back: what really happened to the only charge.
async fn sums(bench: &dyn Bench) -> (i64, i64, i64) {
    let charges = bench.charges().await;
    let [Charged { reserved, captured, refunded, .. }] = charges.as_slice() else {
        panic!("{charges:?}")
    };
    (*reserved, *captured, *refunded)
}

fn done(outcome: OperationOutcome) -> PaymentFact {
    let OperationOutcome::Done(fact) = outcome else { panic!("{outcome:?}") };
    assert!(fact.is_coherent(), "{fact:?}");
    fact
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn money_is_taken_at_once(bench: &dyn Bench) {
    let (request, fact) = approved(bench, CaptureMode::AtOnce).await;

    assert_eq!((fact.payment, &fact.state), (request.order.payment, &FactState::Captured));
    assert_eq!((fact.captured, fact.refunded), (money(bench, AMOUNT), money(bench, 0)));
    assert!(fact.is_coherent());
    assert_eq!(sums(bench).await, (0, AMOUNT, 0));
    assert_eq!(bench.charges().await[0].reference, request.order.reference());
    for transaction in [Some(&fact.transaction), None] {
        let status = bench.gateway().status(&query(&request, transaction)).await.unwrap().unwrap();
        assert_eq!(PaymentFact { at: fact.at, ..status }, fact);
    }
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn money_is_reserved_and_taken_in_part(bench: &dyn Bench) {
    let (request, fact) = approved(bench, CaptureMode::Later).await;
    assert!(matches!(fact.state, FactState::Authorized { .. }), "{fact:?}");
    assert_eq!(sums(bench).await, (AMOUNT, 0, 0));
    let status = bench.gateway().status(&query(&request, None)).await.unwrap().unwrap();
    assert!(matches!(status.state, FactState::Authorized { until: Some(_) }), "{status:?}");

    let taken = done(bench.gateway().capture(&capture(&fact, money(bench, 800), 1)).await.unwrap());

    assert_eq!(
        (taken.state, taken.captured, taken.refunded),
        (FactState::Captured, money(bench, 800), money(bench, 0))
    );
    assert_eq!(sums(bench).await, (0, 800, 0));
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn money_is_reserved_and_let_go(bench: &dyn Bench) {
    let (_, fact) = approved(bench, CaptureMode::Later).await;

    let voided = done(bench.gateway().void(&void(&fact, money(bench, AMOUNT), 1)).await.unwrap());

    assert_eq!(voided.state, FactState::Voided);
    assert_eq!(sums(bench).await, (0, 0, 0));
    let late = bench.gateway().capture(&capture(&fact, money(bench, AMOUNT), 1)).await.unwrap();
    assert!(matches!(late, OperationOutcome::Declined(_)), "{late:?}");
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn money_goes_back_in_parts_and_never_more(bench: &dyn Bench) {
    let (request, fact) = approved(bench, CaptureMode::Later).await;
    let gateway = bench.gateway();
    done(gateway.capture(&capture(&fact, money(bench, 1000), 1)).await.unwrap());

    let first =
        done(gateway.refund(&refund(&fact, money(bench, 300), money(bench, 0))).await.unwrap());
    assert_eq!((first.captured, first.refunded), (money(bench, 1000), money(bench, 300)));
    let second =
        done(gateway.refund(&refund(&fact, money(bench, 200), money(bench, 300))).await.unwrap());
    assert_eq!(second.refunded, money(bench, 500));
    let much = gateway.refund(&refund(&fact, money(bench, 501), money(bench, 500))).await.unwrap();
    assert!(matches!(much, OperationOutcome::Declined(_)), "{much:?}");

    assert_eq!(sums(bench).await, (0, 1000, 500));
    let status = gateway.status(&query(&request, Some(&fact.transaction))).await.unwrap().unwrap();
    assert_eq!((status.captured, status.refunded), (money(bench, 1000), money(bench, 500)));
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn a_decline_says_whether_to_try_again(bench: &dyn Bench) {
    let request = charge(bench, SampleCard::Poor, CaptureMode::AtOnce);

    let outcome = bench.gateway().charge(&request).await.unwrap();

    let ChargeOutcome::Declined { transaction, decline } = outcome else { panic!("{outcome:?}") };
    assert_eq!((decline.hardness, decline.reason.as_str()), (Hardness::Soft, "insufficient_funds"));
    assert!(decline.raw.is_some() || bench.gateway().name() == billing::GatewayName::Sandbox);
    assert!(bench.charges().await.is_empty());
    let status =
        bench.gateway().status(&query(&request, transaction.as_ref())).await.unwrap().unwrap();
    let FactState::Failed(told) = status.state else { panic!("{status:?}") };
    assert_eq!(told.reason, "insufficient_funds");
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn three_d_secure_leads_to_the_bank_and_back(bench: &dyn Bench) {
    for (mode, expected) in [(CaptureMode::AtOnce, AMOUNT), (CaptureMode::Later, 0)] {
        let request = charge(bench, SampleCard::Secure, mode);
        let outcome = bench.gateway().charge(&request).await.unwrap();
        let ChargeOutcome::RequiresAction { transaction, challenge } = outcome else {
            panic!("{outcome:?}")
        };
        let status =
            bench.gateway().status(&query(&request, Some(&transaction))).await.unwrap().unwrap();
        assert_eq!(status.state, FactState::RequiresAction);

        let response = bench.at_bank(&transaction, &challenge, true).await;
        let outcome =
            bench.gateway().confirm(&answer(&request, &transaction, response)).await.unwrap();

        let ChargeOutcome::Approved { fact, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((fact.payment, fact.captured), (request.order.payment, money(bench, expected)));
    }
    assert_eq!(bench.charges().await.len(), 2);
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn three_d_secure_fails_at_the_bank_or_after_it(bench: &dyn Bench) {
    for (card, passed, reason) in [
        (SampleCard::Secure, false, Some("authentication_failed")),
        (SampleCard::SecureThenDeclined, true, None),
    ] {
        let request = charge(bench, card, CaptureMode::AtOnce);
        let outcome = bench.gateway().charge(&request).await.unwrap();
        let ChargeOutcome::RequiresAction { transaction, challenge } = outcome else {
            panic!("{outcome:?}")
        };

        let response = bench.at_bank(&transaction, &challenge, passed).await;
        let outcome =
            bench.gateway().confirm(&answer(&request, &transaction, response)).await.unwrap();

        let ChargeOutcome::Declined { decline, .. } = outcome else { panic!("{outcome:?}") };
        assert!(reason.is_none_or(|reason| decline.reason == reason), "{decline:?}");
    }
    assert!(bench.charges().await.is_empty());
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn a_kept_card_pays_without_its_owner(bench: &dyn Bench) {
    let mut request = charge(bench, SampleCard::Good, CaptureMode::AtOnce);
    request.save_card = true;
    let outcome = bench.gateway().charge(&request).await.unwrap();
    let ChargeOutcome::Approved { card: Some(card), .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(card.last_four.len(), 4);

    let again = SavedCardCharge {
        order: order(bench, CaptureMode::AtOnce),
        account: request.payer.account,
        token: card.token,
        present: None,
    };
    let outcome = bench.gateway().charge_saved(&again).await.unwrap();

    let ChargeOutcome::Approved { fact, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((fact.payment, fact.captured), (again.order.payment, money(bench, AMOUNT)));
    assert_eq!(bench.charges().await.len(), 2);
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn a_page_can_be_made_to_pay_on(bench: &dyn Bench) {
    let request = CheckoutRequest {
        order: order(bench, CaptureMode::AtOnce),
        payer: payer(),
        return_url: "https://shop.example/done".to_owned(),
        save_card: false,
        expires_at: SystemClock.now() + TimeDelta::hours(1),
    };
    let page = bench.gateway().checkout(&request).await.unwrap();
    let again = bench.gateway().checkout(&request).await.unwrap();

    assert!(page.url.starts_with("http"), "{page:?}");
    assert_eq!(page.url, again.url, "the same key, the same page");
    assert!(bench.charges().await.is_empty());
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn a_repeated_call_is_one_call(bench: &dyn Bench) {
    let gateway = bench.gateway();
    let request = charge(bench, SampleCard::Good, CaptureMode::Later);
    let first = gateway.charge(&request).await.unwrap();
    let ChargeOutcome::Approved { fact, .. } = &first else { panic!("{first:?}") };
    assert_eq!(gateway.charge(&request).await.unwrap(), first);

    let take = capture(fact, money(bench, 1000), 1);
    assert_eq!(
        done(gateway.capture(&take).await.unwrap()),
        done(gateway.capture(&take).await.unwrap())
    );
    let back = refund(fact, money(bench, 300), money(bench, 0));
    done(gateway.refund(&back).await.unwrap());
    done(gateway.refund(&back).await.unwrap());

    assert_eq!(sums(bench).await, (0, 1000, 300));
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn what_was_done_twice_is_done_once(bench: &dyn Bench) {
    let gateway = bench.gateway();
    let (_, fact) = approved(bench, CaptureMode::Later).await;
    done(gateway.capture(&capture(&fact, money(bench, 1000), 1)).await.unwrap());
    // The key was lost, or is too old to be known: it is done, and that is what is said.
    done(gateway.capture(&capture(&fact, money(bench, 1000), 2)).await.unwrap());

    let other = gateway.capture(&capture(&fact, money(bench, 900), 3)).await.unwrap();
    assert!(matches!(other, OperationOutcome::Declined(_)), "{other:?}");
    let late = gateway.void(&void(&fact, money(bench, AMOUNT), 1)).await.unwrap();
    assert!(matches!(late, OperationOutcome::Declined(_)), "{late:?}");
    assert_eq!(sums(bench).await, (0, 1000, 0));
}

//! What is known when something goes wrong.

use std::fmt::Write;

use billing::{CaptureMode, ChargeOutcome, FactState, GatewayError, StatusQuery};
use hostile_http::Fault;
use kernel::{PaymentId, SystemIds};

use super::requests::{AMOUNT, answer, approved, capture, charge, money, query, refund};
use super::{Bench, DEADLINE, SampleCard};

fn unknown<T: std::fmt::Debug>(result: &Result<T, GatewayError>, what: &str) {
    assert!(matches!(result, Err(GatewayError::Unknown { .. })), "{what}: {result:?}");
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn a_lost_answer_leaves_it_unknown_and_the_status_tells(bench: &dyn Bench) {
    for (index, fault) in
        [Fault::HangUpAfter, Fault::FailAfter(500), Fault::Truncate].into_iter().enumerate()
    {
        let request = charge(bench, SampleCard::Good, CaptureMode::AtOnce);
        bench.faults().next("**", fault.clone());

        unknown(&bench.gateway().charge(&request).await, &format!("{fault:?}"));

        let status = bench.gateway().status(&query(&request, None)).await.unwrap().unwrap();
        assert_eq!(
            (status.payment, status.captured),
            (request.order.payment, money(bench, AMOUNT)),
            "{fault:?}"
        );
        let _ = bench.gateway().charge(&request).await; // the same key: whatever is said, nothing happens
        assert_eq!(bench.charges().await.len(), index + 1, "{fault:?}");
    }
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn a_lost_request_is_unknown_too_and_nothing_happened(bench: &dyn Bench) {
    for fault in [Fault::HangUpBefore, Fault::FailBefore(503)] {
        let request = charge(bench, SampleCard::Good, CaptureMode::AtOnce);
        bench.faults().next("**", fault.clone());

        unknown(&bench.gateway().charge(&request).await, &format!("{fault:?}"));

        assert_eq!(bench.gateway().status(&query(&request, None)).await.unwrap(), None);
        assert!(bench.charges().await.is_empty());
    }
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn a_late_answer_is_unknown_and_the_status_tells(bench: &dyn Bench) {
    let request = charge(bench, SampleCard::Good, CaptureMode::AtOnce);
    bench.faults().next("**", Fault::DelayAfter(DEADLINE * 2));

    unknown(&bench.gateway().charge(&request).await, "late");

    let status = bench.gateway().status(&query(&request, None)).await.unwrap().unwrap();
    assert_eq!(status.state, FactState::Captured);
    assert_eq!(bench.charges().await.len(), 1);
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn being_turned_away_is_surely_not_done(bench: &dyn Bench) {
    let request = charge(bench, SampleCard::Good, CaptureMode::AtOnce);
    bench.faults().next("**", Fault::FailBefore(429));

    let error = bench.gateway().charge(&request).await.unwrap_err();

    assert!(matches!(error, GatewayError::NotDone { .. }), "{error:?}");
    assert!(bench.charges().await.is_empty());
    let outcome = bench.gateway().charge(&request).await.unwrap();
    assert!(matches!(outcome, ChargeOutcome::Approved { .. }), "and then it works: {outcome:?}");
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn lost_answers_to_captures_and_refunds_are_found(bench: &dyn Bench) {
    let gateway = bench.gateway();
    let (request, fact) = approved(bench, CaptureMode::Later).await;
    bench.faults().next("**", Fault::HangUpAfter);
    unknown(&gateway.capture(&capture(&fact, money(bench, 1000), 1)).await, "capture");
    let status = gateway.status(&query(&request, Some(&fact.transaction))).await.unwrap().unwrap();
    assert_eq!(status.captured, money(bench, 1000));

    bench.faults().next("**", Fault::HangUpAfter);
    unknown(&gateway.refund(&refund(&fact, money(bench, 400), money(bench, 0))).await, "refund");
    let status = gateway.status(&query(&request, Some(&fact.transaction))).await.unwrap().unwrap();
    assert_eq!(status.refunded, money(bench, 400));
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn an_answer_that_lies_is_not_believed(bench: &dyn Bench) {
    let (truth, lie) = bench.lie();
    let request = charge(bench, SampleCard::Good, CaptureMode::AtOnce);
    bench.faults().next("**", Fault::Lie { truth, lie });

    unknown(&bench.gateway().charge(&request).await, "another amount");

    let other = PaymentId::next(&SystemIds).to_string();
    let request = charge(bench, SampleCard::Good, CaptureMode::AtOnce);
    let truth = request.order.payment.to_string();
    bench.faults().next("**", Fault::Lie { truth, lie: other });
    unknown(&bench.gateway().charge(&request).await, "another payment");
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn nobody_is_told_of_the_payments_of_others(bench: &dyn Bench) {
    let (_, theirs) = approved(bench, CaptureMode::AtOnce).await;
    let (ours, _) = approved(bench, CaptureMode::AtOnce).await;

    unknown(
        &bench.gateway().status(&query(&ours, Some(&theirs.transaction))).await,
        "crossed status",
    );
    let crossed = bench.gateway().confirm(&answer(&ours, &theirs.transaction, None)).await;
    assert!(!matches!(crossed, Ok(ChargeOutcome::Approved { .. })), "{crossed:?}");
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn what_nobody_heard_of_is_none(bench: &dyn Bench) {
    let payment = PaymentId::next(&SystemIds);
    let query =
        StatusQuery { payment, attempt: 1, transaction: None, amount: money(bench, AMOUNT) };

    assert_eq!(bench.gateway().status(&query).await.unwrap(), None);
}

#[expect(missing_docs, reason = "the name says it")]
pub async fn no_secret_is_shown(bench: &dyn Bench) {
    let request = charge(bench, SampleCard::Good, CaptureMode::AtOnce);
    let mut shown = format!("{:?} {request:?}", bench.gateway());
    for fault in
        [Fault::HangUpAfter, Fault::FailAfter(500), Fault::Truncate, Fault::FailBefore(429)]
    {
        bench.faults().next("**", fault);
        let error = bench.gateway().charge(&request).await.map(drop);
        write!(shown, "{error:?}").expect("a string can be written to");
    }
    for secret in bench.secrets() {
        assert!(!shown.contains(secret), "{shown}");
    }
}

//! What a transfer may do, and what is true of its payment then.

use billing::{CaptureMode, FactState, RefundId};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Currency, Ids, Money, PaymentId, SystemIds, SystemRandom, Text};

use crate::{Progress, Standing, Transfer, TransferCode, TransferRefusal};

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_603_600, 0).unwrap()
}

fn euros(minor: i64) -> Money {
    Money::new(minor, "EUR".parse::<Currency>().unwrap())
}

fn expected(capture: CaptureMode) -> Transfer {
    Transfer {
        payment: PaymentId::from_uuid(SystemIds.next()),
        code: TransferCode::generate(&SystemRandom),
        amount: euros(1000),
        capture,
        description: Text::new("Top for 7 days").unwrap(),
        ordered_at: noon(),
        expected_until: noon() + TimeDelta::days(14),
        progress: Progress::Expected,
        returns: Vec::new(),
        version: 1,
    }
}

/// What is taken and given back, by what its fact says.
fn sums(transfer: &Transfer) -> (i64, i64) {
    let fact = transfer.fact(noon());
    assert!(fact.is_coherent(), "{fact:?}");
    (fact.captured.minor(), fact.refunded.minor())
}

#[test]
fn a_transfer_is_waited_for_and_then_fails() {
    let transfer = expected(CaptureMode::AtOnce);
    assert_eq!(transfer.fact(noon()).state, FactState::Processing);
    let late = transfer.fact(noon() + TimeDelta::days(14));
    assert!(matches!(late.state, FactState::Failed(_)), "{late:?}");
}

#[test]
fn what_arrives_is_held_until_it_is_taken_and_the_rest_goes_back() {
    let mut transfer = expected(CaptureMode::Later);
    assert_eq!(transfer.take(euros(600), noon()), Err(TransferRefusal::NotArrived));
    transfer.receive(euros(1000), noon()).unwrap();
    assert_eq!(transfer.fact(noon()).state, FactState::Authorized { until: None });
    assert_eq!(transfer.take(euros(1001), noon()), Err(TransferRefusal::TooMuch));
    transfer.take(euros(600), noon()).unwrap();
    transfer.take(euros(600), noon()).unwrap();
    assert_eq!((sums(&transfer), transfer.standing()), ((600, 0), Standing::ToReturn));
    assert_eq!(transfer.returns.len(), 1);
    transfer.sent_back(1, noon()).unwrap();
    // The rest was never taken: that it went back is no refund.
    assert_eq!((sums(&transfer), transfer.standing()), ((600, 0), Standing::Settled));
}

#[test]
fn what_is_let_go_is_void_when_it_was_sent_back() {
    let mut transfer = expected(CaptureMode::Later);
    transfer.receive(euros(1000), noon()).unwrap();
    transfer.let_go(noon()).unwrap();
    transfer.let_go(noon()).unwrap();
    assert_eq!(transfer.fact(noon()).state, FactState::Authorized { until: None });
    assert_eq!(transfer.take(euros(1000), noon()), Err(TransferRefusal::TooMuch));
    transfer.sent_back(1, noon()).unwrap();
    assert_eq!(transfer.fact(noon()).state, FactState::Voided);
    assert_eq!(transfer.returns.len(), 1);
}

#[test]
fn what_is_called_off_and_comes_all_the_same_is_taken_to_be_given_back() {
    let mut transfer = expected(CaptureMode::Later);
    transfer.let_go(noon()).unwrap();
    assert_eq!(transfer.fact(noon()).state, FactState::Voided);
    transfer.receive(euros(1000), noon()).unwrap();
    assert_eq!(sums(&transfer), (1000, 0));
}

#[test]
fn never_more_goes_back_than_came() {
    let mut transfer = expected(CaptureMode::AtOnce);
    let refund = || RefundId::from_uuid(SystemIds.next());
    transfer.receive(euros(1000), noon()).unwrap();
    assert_eq!(transfer.receive(euros(1000), noon()), Err(TransferRefusal::Arrived));
    let first = refund();
    transfer.give_back(first, euros(700)).unwrap();
    transfer.give_back(first, euros(700)).unwrap();
    assert_eq!(transfer.give_back(refund(), euros(301)), Err(TransferRefusal::TooMuch));
    transfer.give_back(refund(), euros(300)).unwrap();
    assert_eq!(sums(&transfer), (1000, 0), "nothing was sent yet");
    transfer.sent_back(1, noon()).unwrap();
    assert_eq!(sums(&transfer), (1000, 700));
    transfer.sent_back(2, noon()).unwrap();
    assert_eq!((sums(&transfer), transfer.standing()), ((1000, 1000), Standing::Settled));
    assert_eq!(transfer.sent_back(3, noon()), Err(TransferRefusal::NoReturn));
}

#[test]
fn a_document_is_the_transfer() {
    let mut transfer = expected(CaptureMode::Later);
    transfer.receive(euros(1000), noon()).unwrap();
    transfer.take(euros(400), noon()).unwrap();
    let document = transfer.to_document().unwrap();
    assert_eq!(Transfer::from_document(document).unwrap(), transfer);
}

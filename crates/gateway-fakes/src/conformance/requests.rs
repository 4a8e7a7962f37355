//! Requests as billing makes them.

use billing::{
    CaptureMode, CaptureRequest, ChallengeAnswer, ChargeOrder, ChargeOutcome, ChargeRequest,
    OperationKey, PayerDetails, PaymentFact, RefundId, RefundRequest, Secret, StatusQuery,
    TransactionId, VoidRequest,
};
use kernel::{AccountId, Locale, Money, PaymentId, SystemIds, Text};

use super::{Bench, SampleCard};

pub(super) const AMOUNT: i64 = 1050;

pub(super) fn money(bench: &dyn Bench, minor: i64) -> Money {
    Money::new(minor, bench.currency())
}

pub(super) fn payer() -> PayerDetails {
    PayerDetails {
        account: AccountId::next(&SystemIds),
        address: Some([198, 51, 100, 7].into()),
        locale: Locale::default(),
    }
}

pub(super) fn order(bench: &dyn Bench, capture: CaptureMode) -> ChargeOrder {
    let payment = PaymentId::next(&SystemIds);
    ChargeOrder {
        payment,
        attempt: 1,
        key: OperationKey::of_payment(payment, 1, "charge"),
        amount: money(bench, AMOUNT),
        capture,
        description: Text::new("A sample").expect("it is short"),
    }
}

pub(super) fn charge(bench: &dyn Bench, card: SampleCard, capture: CaptureMode) -> ChargeRequest {
    ChargeRequest {
        order: order(bench, capture),
        payer: payer(),
        instrument: bench.instrument(card),
        return_url: Secret::new("https://shop.example/back/secret-way-back".to_owned()),
        save_card: false,
    }
}

/// A payment that was approved.
pub(super) async fn approved(
    bench: &dyn Bench,
    capture: CaptureMode,
) -> (ChargeRequest, PaymentFact) {
    let request = charge(bench, SampleCard::Good, capture);
    let outcome = bench.gateway().charge(&request).await.expect("nothing is wrong with it");
    let ChargeOutcome::Approved { fact, .. } = outcome else { panic!("{outcome:?}") };
    (request, fact)
}

pub(super) fn query(request: &ChargeRequest, transaction: Option<&TransactionId>) -> StatusQuery {
    let ChargeOrder { payment, attempt, amount, .. } = request.order;
    StatusQuery { payment, attempt, transaction: transaction.cloned(), amount }
}

pub(super) fn capture(fact: &PaymentFact, amount: Money, attempt: u16) -> CaptureRequest {
    CaptureRequest {
        payment: fact.payment,
        transaction: fact.transaction.clone(),
        key: OperationKey::of_payment(fact.payment, attempt, "capture"),
        amount,
    }
}

pub(super) fn void(fact: &PaymentFact, amount: Money, attempt: u16) -> VoidRequest {
    VoidRequest {
        payment: fact.payment,
        transaction: fact.transaction.clone(),
        key: OperationKey::of_payment(fact.payment, attempt, "void"),
        amount,
    }
}

pub(super) fn refund(fact: &PaymentFact, amount: Money, refunded_before: Money) -> RefundRequest {
    let refund = RefundId::next(&SystemIds);
    RefundRequest {
        payment: fact.payment,
        transaction: fact.transaction.clone(),
        refund,
        key: OperationKey::of_refund(fact.payment, refund, 1),
        amount,
        refunded_before,
    }
}

pub(super) fn answer(
    request: &ChargeRequest,
    transaction: &TransactionId,
    response: Option<Secret>,
) -> ChallengeAnswer {
    let payment = request.order.payment;
    let key = OperationKey::of_payment(payment, 1, "confirm");
    ChallengeAnswer { payment, transaction: transaction.clone(), key, response }
}

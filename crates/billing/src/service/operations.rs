//! What has to be done at a gateway is done: charges without their payer, captures, voids,
//! refunds. Taken on its way in one transaction, done outside of any, its outcome stored in
//! another.

use kernel::PaymentId;

use super::BillingService;
use super::pay::order_of;
use crate::payment::Change;
use crate::{
    BillingError, CaptureRequest, ChargeOutcome, Decline, Flight, GatewayError, Operation,
    OperationKey, OperationOutcome, Payment, RefundRequest, SavedCard, SavedCardCharge,
    VoidRequest,
};

/// What the gateway answered.
enum Answer {
    Charge(Result<ChargeOutcome, GatewayError>),
    Other(Flight, Result<OperationOutcome, GatewayError>),
}

impl BillingService {
    /// The timer: does the next operation of a payment, if one is due. Twice at once does it
    /// once: the second finds it on its way.
    pub(super) async fn operate(&self, id: PaymentId) -> Result<(), BillingError> {
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut locked) = books.lock(&mut *tx, id, now).await? else { return Ok(()) };
        if locked.payment.operation_due(now).is_some_and(|due| now < due) {
            drop(tx);
            return self.keep_timers(id).await;
        }
        let card = match locked.payment.next_operation() {
            Some(Operation::Charge { card }) => {
                let card = tx.saved_card(card).await?;
                let payment = &locked.payment;
                let usable = card.map(|card| card.usable(payment.payer(), payment.gateway()));
                let Some(Ok(card)) = usable else {
                    let decline = Decline::hard("card_removed");
                    let change = locked.payment.fail(decline, now)?;
                    books.store(&mut *tx, locked, change, None, now).await?;
                    return Ok(tx.commit().await?);
                };
                Some(card)
            }
            Some(_) => None,
            None => return Ok(()),
        };
        let Some((operation, key)) = locked.payment.begin(now) else { return Ok(()) };
        let payment = books.store(&mut *tx, locked, Change::default(), None, now).await?;
        tx.commit().await?;

        let answer = self.perform(&payment, operation, key, card).await;
        if let Answer::Other(
            flight @ Flight::Refund(_),
            Ok(refused @ OperationOutcome::Declined(_)),
        ) = &answer
        {
            return self.refund_refused(&payment, *flight, refused).await;
        }
        self.store_answer(id, answer).await
    }

    /// A refund was refused. Perhaps the payer's bank has taken something back, and the news of it
    /// are still on their way: the gateway is asked how it stands, so that what is left goes back.
    async fn refund_refused(
        &self,
        payment: &Payment,
        flight: Flight,
        refused: &OperationOutcome,
    ) -> Result<(), BillingError> {
        let heard = self.ask(payment, payment.asked_by()).await;
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        let Some(mut locked) = books.lock(&mut *tx, payment.id(), now).await? else {
            return Ok(());
        };
        let change = match heard {
            Ok(heard) => {
                let known = match heard {
                    Some(heard) => locked.payment.apply(&heard.fact)?,
                    None => Change::default(),
                };
                known.and(locked.payment.operation_answered(flight, refused, now)?)
            }
            // Why it was refused is not known: it is tried again.
            Err(_) => locked.payment.operation_not_done(flight, now)?,
        };
        books.store(&mut *tx, locked, change, None, now).await?;
        Ok(tx.commit().await?)
    }

    async fn perform(
        &self,
        payment: &Payment,
        operation: Operation,
        key: OperationKey,
        card: Option<SavedCard>,
    ) -> Answer {
        let unsupported = || GatewayError::Unsupported { operation: "be reached" };
        let gateway = self.gateway(payment.gateway());
        let id = payment.id();
        match operation {
            Operation::Charge { .. } => {
                let (Ok(gateway), Some(card)) = (gateway, card) else {
                    return Answer::Charge(Err(unsupported()));
                };
                let order = order_of(payment, Flight::Charge.name());
                let (account, token) = (payment.payer(), card.token);
                let request = SavedCardCharge { order, account, token, present: None };
                Answer::Charge(gateway.charge_saved(&request).await)
            }
            Operation::Capture { transaction, amount } => {
                let request = CaptureRequest { payment: id, transaction, key, amount };
                let outcome = match gateway {
                    Ok(gateway) => gateway.capture(&request).await,
                    Err(_) => Err(unsupported()),
                };
                Answer::Other(Flight::Capture, outcome)
            }
            Operation::Void { transaction } => {
                let amount = payment.amount();
                let request = VoidRequest { payment: id, transaction, key, amount };
                let outcome = match gateway {
                    Ok(gateway) => gateway.void(&request).await,
                    Err(_) => Err(unsupported()),
                };
                Answer::Other(Flight::Void, outcome)
            }
            Operation::Refund { transaction, refund, amount } => {
                let currency = payment.amount().currency();
                let refunded_before = kernel::Money::new(payment.sums().refunded, currency);
                let payment = id;
                let request =
                    RefundRequest { payment, transaction, refund, key, amount, refunded_before };
                let outcome = match gateway {
                    Ok(gateway) => gateway.refund(&request).await,
                    Err(_) => Err(unsupported()),
                };
                Answer::Other(Flight::Refund(refund), outcome)
            }
        }
    }

    async fn store_answer(&self, id: PaymentId, answer: Answer) -> Result<(), BillingError> {
        let now = self.now();
        let books = self.books();
        let (flight, error) = match answer {
            Answer::Charge(Err(error @ GatewayError::NotDone { .. })) => (Flight::Charge, error),
            Answer::Charge(answered) => {
                return self.charge_answered(id, answered).await.map(|_| ());
            }
            Answer::Other(flight, Ok(outcome)) => {
                let mut tx = self.parts.store.begin().await?;
                let Some(mut locked) = books.lock(&mut *tx, id, now).await? else { return Ok(()) };
                let change = locked.payment.operation_answered(flight, &outcome, now)?;
                books.store(&mut *tx, locked, change, None, now).await?;
                return Ok(tx.commit().await?);
            }
            Answer::Other(flight, Err(error)) => (flight, error),
        };
        let mut tx = self.parts.store.begin().await?;
        let Some(mut locked) = books.lock(&mut *tx, id, now).await? else { return Ok(()) };
        let payment = &mut locked.payment;
        let change = match error {
            GatewayError::NotDone { .. } => payment.operation_not_done(flight, now)?,
            // It stays on its way: the inquiry finds out.
            GatewayError::Unknown { .. } => Change::default(),
            GatewayError::Refused { message } => {
                let decline = Decline::soft("gateway_refused").with_code(message);
                payment.operation_answered(flight, &OperationOutcome::Declined(decline), now)?
            }
            GatewayError::Unsupported { operation } => {
                let decline = Decline::soft("gateway_refused").with_code(operation);
                payment.operation_answered(flight, &OperationOutcome::Declined(decline), now)?
            }
        };
        books.store(&mut *tx, locked, change, None, now).await?;
        Ok(tx.commit().await?)
    }
}

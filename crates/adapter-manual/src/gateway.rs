use std::sync::Arc;

use async_trait::async_trait;
use billing::{
    Acknowledgement, Capabilities, CaptureRequest, ChallengeAnswer, ChargeOutcome, ChargeRequest,
    CheckoutRequest, Delivery, Gateway, GatewayError, GatewayName, HostedCheckout, OperationKey,
    OperationOutcome, PaymentFact, PayoutOutcome, PayoutRequest, RefundRequest, SaveCardOutcome,
    SaveCardRequest, SavedCardCharge, SignedMessage, StatusQuery, SubscriptionSnapshot, Verdict,
    VoidRequest, WebhookRefusal,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{Clock, PaymentId, Random, StorageError, Text};

use crate::transfer::TransferRefusal;
use crate::{Progress, Transfer, TransferCode, TransferRegister};

/// What differs between marketplaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualSettings {
    /// What stands before a transfer's code in the address of its page.
    pub page: String,
    /// Days for which a transfer is waited for.
    pub wait_days: u16,
}

/// Billing's port over the register of transfers.
#[derive(Debug)]
pub struct ManualGateway {
    settings: ManualSettings,
    register: Arc<dyn TransferRegister>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl ManualGateway {
    /// The gateway over its register.
    pub fn new(
        settings: ManualSettings,
        register: Arc<dyn TransferRegister>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { settings, register, clock, random }
    }

    async fn find(&self, payment: PaymentId) -> Result<Option<Transfer>, GatewayError> {
        self.register.transfer(payment).await.map_err(not_done)
    }

    /// Changes a transfer once; `done` says whether what it was told is true by then.
    async fn operate(
        &self,
        payment: PaymentId,
        change: impl FnOnce(&mut Transfer, DateTime<Utc>) -> Result<(), TransferRefusal> + Send,
        done: impl FnOnce(&Transfer, &PaymentFact) -> bool + Send,
    ) -> Result<OperationOutcome, GatewayError> {
        let now = self.clock.now();
        let refused = |message: String| GatewayError::Refused { message };
        let found = self.find(payment).await?;
        let mut transfer = found.ok_or_else(|| refused("there is no such transfer".to_owned()))?;
        let version = transfer.version;
        change(&mut transfer, now).map_err(|refusal| refused(refusal.to_string()))?;
        if transfer.version != version {
            let changed = self.register.change_transfer(&transfer, None).await;
            changed.map_err(|error| match error {
                StorageError::Conflict => not_done(error),
                StorageError::Unavailable { .. } | StorageError::Failed { .. } => {
                    GatewayError::Unknown { source: Box::new(error) }
                }
            })?;
        }
        let fact = transfer.fact(now);
        Ok(if done(&transfer, &fact) {
            OperationOutcome::Done(fact)
        } else {
            OperationOutcome::Pending
        })
    }
}

fn not_done(error: StorageError) -> GatewayError {
    GatewayError::NotDone { retry_after_seconds: None, source: Box::new(error) }
}

const CARD: GatewayError = GatewayError::Unsupported { operation: "take a card" };

#[async_trait]
impl Gateway for ManualGateway {
    fn name(&self) -> GatewayName {
        GatewayName::Manual
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            authorise: true,
            partial_capture: true,
            partial_refund: true,
            saved_cards: false,
            hosted_checkout: true,
            cryptograms: false,
            asks_first: false,
            subscriptions: false,
            payouts: false,
            // A payment has one transfer and a refund one return, for ever.
            idempotency_hours: u16::MAX,
            // What is on the account stays there until it is taken or sent back.
            hold_days: 365,
        }
    }

    async fn charge(&self, _request: &ChargeRequest) -> Result<ChargeOutcome, GatewayError> {
        Err(CARD)
    }

    async fn confirm(&self, _answer: &ChallengeAnswer) -> Result<ChargeOutcome, GatewayError> {
        Err(GatewayError::Unsupported { operation: "ask a bank" })
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<OperationOutcome, GatewayError> {
        let amount = request.amount;
        let taken = |it: &Transfer, _: &PaymentFact| matches!(it.progress, Progress::Taken { .. });
        self.operate(request.payment, |it, now| it.take(amount, now), taken).await
    }

    async fn void(&self, request: &VoidRequest) -> Result<OperationOutcome, GatewayError> {
        let done = |_: &Transfer, fact: &PaymentFact| fact.state == billing::FactState::Voided;
        self.operate(request.payment, Transfer::let_go, done).await
    }

    async fn refund(&self, request: &RefundRequest) -> Result<OperationOutcome, GatewayError> {
        let (refund, amount) = (request.refund, request.amount);
        let wanted = request.refunded_before.minor().saturating_add(amount.minor());
        let done = |_: &Transfer, fact: &PaymentFact| fact.refunded.minor() >= wanted;
        self.operate(request.payment, |it, _| it.give_back(refund, amount), done).await
    }

    async fn save_card(&self, _request: &SaveCardRequest) -> Result<SaveCardOutcome, GatewayError> {
        Err(CARD)
    }

    async fn charge_saved(
        &self,
        _request: &SavedCardCharge,
    ) -> Result<ChargeOutcome, GatewayError> {
        Err(CARD)
    }

    async fn checkout(&self, request: &CheckoutRequest) -> Result<HostedCheckout, GatewayError> {
        let (order, now) = (&request.order, self.clock.now());
        let wanted = Transfer {
            payment: order.payment,
            code: TransferCode::generate(&*self.random),
            amount: order.amount,
            capture: order.capture,
            description: order.description.clone(),
            ordered_at: now,
            expected_until: now + TimeDelta::days(i64::from(self.settings.wait_days)),
            progress: Progress::Expected,
            returns: Vec::new(),
            version: 1,
        };
        let transfer = self.register.expect_transfer(&wanted).await.map_err(not_done)?;
        Ok(HostedCheckout {
            url: format!("{}{}", self.settings.page, transfer.code),
            transaction: Some(Text::from_stored(transfer.code.to_string())),
        })
    }

    async fn status(&self, query: &StatusQuery) -> Result<Option<PaymentFact>, GatewayError> {
        let transfer = self.find(query.payment).await?;
        Ok(transfer.map(|transfer| transfer.fact(self.clock.now())))
    }

    async fn subscription(
        &self,
        _reference: &str,
    ) -> Result<Option<SubscriptionSnapshot>, GatewayError> {
        Err(GatewayError::Unsupported { operation: "run a subscription" })
    }

    async fn end_subscription(
        &self,
        _reference: &str,
        _at_once: bool,
        _key: &OperationKey,
    ) -> Result<SubscriptionSnapshot, GatewayError> {
        Err(GatewayError::Unsupported { operation: "run a subscription" })
    }

    async fn pay_out(&self, _request: &PayoutRequest) -> Result<PayoutOutcome, GatewayError> {
        Err(GatewayError::Unsupported { operation: "pay out" })
    }

    async fn payout_status(
        &self,
        _request: &PayoutRequest,
    ) -> Result<Option<PayoutOutcome>, GatewayError> {
        Err(GatewayError::Unsupported { operation: "pay out" })
    }

    fn verify(&self, _delivery: &Delivery<'_>) -> Result<SignedMessage, WebhookRefusal> {
        // No bank sends messages: what is known, an admin said at the desk.
        Err(WebhookRefusal::Unsigned)
    }

    fn acknowledge(&self, _verdict: Option<Verdict>) -> Acknowledgement {
        Acknowledgement { status: 200, content_type: "application/json", body: "{}".to_owned() }
    }
}

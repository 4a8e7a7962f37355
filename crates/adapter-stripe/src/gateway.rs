use std::fmt;

use async_trait::async_trait;
use billing::{
    Acknowledgement, Capabilities, CaptureMode, CaptureRequest, ChallengeAnswer, ChargeOrder,
    ChargeOutcome, ChargeRequest, CheckoutRequest, Decline, Delivery, FactState, Gateway,
    GatewayError, GatewayName, HostedCheckout, Instrument, KeptCard, OperationKey,
    OperationOutcome, PaymentFact, PayoutOutcome, PayoutRequest, RefundRequest, SaveCardOutcome,
    SaveCardRequest, SavedCardCharge, Secret, SignedMessage, StatusQuery, SubscriptionSnapshot,
    TransactionId, Verdict, VoidRequest, WebhookRefusal,
};
use gateway_client::{Address, GatewayClient, senseless};
use kernel::{AccountId, PaymentId, Text};
use serde_json::Value;

use crate::answer::{Intent, Returned, challenge, decline, kept_card, transaction};
use crate::call::{Api, ApiError, Fields};
use crate::{message, subscription};

/// Stripe, as billing sees it.
pub struct StripeGateway {
    api: Api,
    webhook_secrets: Vec<Secret>,
}

impl fmt::Debug for StripeGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeGateway").finish_non_exhaustive()
    }
}

impl StripeGateway {
    /// A client of an account: its secret key, and the secrets that sign its events: two while one is
    /// being replaced.
    pub fn new(address: Address, key: Secret, webhook_secrets: Vec<Secret>) -> Self {
        Self::over(GatewayClient::new(address), key, webhook_secrets)
    }

    /// The same over a client with a deadline of its own.
    pub fn over(client: GatewayClient, key: Secret, webhook_secrets: Vec<Secret>) -> Self {
        Self { api: Api { client, key }, webhook_secrets }
    }

    /// What every intent says of its payment.
    fn order(order: &ChargeOrder) -> Fields {
        let capture = match order.capture {
            CaptureMode::AtOnce => "automatic",
            CaptureMode::Later => "manual",
        };
        vec![
            ("amount", order.amount.minor().to_string()),
            ("currency", order.amount.currency().code().to_lowercase()),
            ("capture_method", capture.to_owned()),
            ("description", order.description.to_string()),
            ("metadata[payment]", order.payment.to_string()),
            ("metadata[attempt]", order.reference()),
            ("payment_method_types[]", "card".to_owned()),
            ("confirm", "true".to_owned()),
            ("expand[]", "payment_method".to_owned()),
        ]
    }

    async fn pay(
        &self,
        order: &ChargeOrder,
        fields: &Fields,
    ) -> Result<ChargeOutcome, GatewayError> {
        match self.api.post("payment_intents", order.key.as_str(), fields).await? {
            Ok(intent) => Intent(&intent).outcome(order.payment, Some(order.amount)),
            Err(error) => declined(error),
        }
    }

    /// A customer for a card that is to be kept.
    async fn customer(
        &self,
        account: AccountId,
        key: &OperationKey,
    ) -> Result<String, GatewayError> {
        let fields = vec![("metadata[account]", account.to_string())];
        let customer =
            self.api.must_post("customers", &format!("{}:customer", key.as_str()), &fields).await?;
        let id = customer["id"].as_str().ok_or_else(|| senseless("a customer without an id"))?;
        Ok(id.to_owned())
    }

    async fn fact(
        &self,
        id: &TransactionId,
        payment: PaymentId,
    ) -> Result<Option<PaymentFact>, GatewayError> {
        let path = format!("payment_intents/{id}");
        let intent = self.api.get(&path, &vec![("expand[]", "latest_charge".to_owned())]).await?;
        let Some(intent) = intent else { return Ok(None) };
        let returned = self.returned(&intent).await?;
        Intent(&intent).fact(payment, returned).map(Some)
    }

    /// What was given back and taken back of a payment.
    async fn returned(&self, intent: &Value) -> Result<Returned, GatewayError> {
        let (id, charge) = (intent["id"].as_str().unwrap_or_default(), &intent["latest_charge"]);
        let query = || vec![("payment_intent", id.to_owned()), ("limit", "100".to_owned())];
        let mut returned = Returned::default();
        if charge["amount_refunded"].as_i64().unwrap_or(0) > 0 {
            let refunds = self.api.get("refunds", &query()).await?.unwrap_or_default();
            if refunds["has_more"].as_bool() == Some(true) {
                return Err(senseless("more than a hundred refunds"));
            }
            for refund in refunds["data"].as_array().into_iter().flatten() {
                // What was let go without having been taken shows as a refund that moved no balance.
                if refund["status"] == "succeeded" && refund["balance_transaction"].is_string() {
                    returned.refunded += refund["amount"].as_i64().unwrap_or(0);
                }
            }
        }
        if charge["disputed"].as_bool() == Some(true) {
            let disputes = self.api.get("disputes", &query()).await?.unwrap_or_default();
            for dispute in disputes["data"].as_array().into_iter().flatten() {
                for moved in dispute["balance_transactions"].as_array().into_iter().flatten() {
                    match moved["amount"].as_i64().unwrap_or(0) {
                        amount @ ..0 => returned.charged_back -= amount,
                        amount => returned.reinstated += amount,
                    }
                }
            }
        }
        Ok(returned)
    }

    /// A command on an intent. What its state does not allow may have been done before.
    async fn operate(
        &self,
        path: &str,
        key: &OperationKey,
        fields: &Fields,
        of: (&TransactionId, PaymentId),
        is_done: impl Fn(&PaymentFact) -> bool,
    ) -> Result<OperationOutcome, GatewayError> {
        let refused = match self.api.post(path, key.as_str(), fields).await? {
            Ok(_) => None,
            Err(error) if error.status == 400 || error.status == 402 => Some(error),
            Err(error) => return Err(error.refused()),
        };
        let fact = self.fact(of.0, of.1).await;
        match (refused, fact) {
            (_, Ok(Some(fact))) if is_done(&fact) => Ok(OperationOutcome::Done(fact)),
            (None, _) => Ok(OperationOutcome::Pending), // it said yes; the status will follow
            (Some(error), Ok(_)) => {
                let code = error.code.unwrap_or(error.kind);
                Ok(OperationOutcome::Declined(Decline::hard("not_executed").with_code(code)))
            }
            (Some(error), Err(_)) if !error.is_unexpected_state() => Err(error.refused()),
            (Some(_), Err(error)) => Err(GatewayError::Unknown { source: error.into() }),
        }
    }
}

/// The outcome for a card that was declined; anything else is refused.
fn declined(error: ApiError) -> Result<ChargeOutcome, GatewayError> {
    if !error.is_card_error() {
        return Err(error.refused());
    }
    let id = error.intent.as_deref().map(transaction).transpose()?;
    let decline = decline(error.code.as_deref(), error.decline_code.as_deref());
    Ok(ChargeOutcome::Declined { transaction: id, decline })
}

#[async_trait]
impl Gateway for StripeGateway {
    fn name(&self) -> GatewayName {
        GatewayName::Stripe
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            authorise: true,
            partial_capture: true,
            partial_refund: true,
            saved_cards: true,
            hosted_checkout: true,
            cryptograms: false,
            asks_first: false,
            subscriptions: true,
            payouts: true,
            idempotency_hours: 24,
            hold_days: 7,
        }
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<ChargeOutcome, GatewayError> {
        let Instrument::Token(token) = &request.instrument else {
            return Err(GatewayError::Unsupported { operation: "read a cryptogram" });
        };
        let mut fields = Self::order(&request.order);
        fields.push(("payment_method", token.reveal().to_owned()));
        fields.push(("return_url", request.return_url.reveal().to_owned()));
        if request.save_card {
            fields.push((
                "customer",
                self.customer(request.payer.account, &request.order.key).await?,
            ));
            fields.push(("setup_future_usage", "off_session".to_owned()));
        }
        self.pay(&request.order, &fields).await
    }

    /// Stripe hears from the bank by itself: what is true is asked for.
    async fn confirm(&self, answer: &ChallengeAnswer) -> Result<ChargeOutcome, GatewayError> {
        let path = format!("payment_intents/{}", answer.transaction);
        let expand = |name: &str| ("expand[]", name.to_owned());
        let query = vec![expand("latest_charge"), expand("payment_method")];
        let intent = self.api.get(&path, &query).await?;
        let missing = || GatewayError::Refused { message: "there is no such payment".to_owned() };
        Intent(&intent.ok_or_else(missing)?).outcome(answer.payment, None)
    }

    async fn kept_card(
        &self,
        _payment: PaymentId,
        transaction: &TransactionId,
    ) -> Result<Option<KeptCard>, GatewayError> {
        let path = format!("payment_intents/{transaction}");
        let query = vec![("expand[]", "payment_method".to_owned())];
        let intent = self.api.get(&path, &query).await?;
        Ok(intent.and_then(|intent| Intent(&intent).card()))
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<OperationOutcome, GatewayError> {
        let CaptureRequest { payment, transaction, key, amount } = request;
        let path = format!("payment_intents/{transaction}/capture");
        let fields = vec![("amount_to_capture", amount.minor().to_string())];
        let is_done = |fact: &PaymentFact| fact.captured == *amount;
        self.operate(&path, key, &fields, (transaction, *payment), is_done).await
    }

    async fn void(&self, request: &VoidRequest) -> Result<OperationOutcome, GatewayError> {
        let VoidRequest { payment, transaction, key, amount: _ } = request;
        let path = format!("payment_intents/{transaction}/cancel");
        let is_done = |fact: &PaymentFact| fact.state == FactState::Voided;
        self.operate(&path, key, &Vec::new(), (transaction, *payment), is_done).await
    }

    async fn refund(&self, request: &RefundRequest) -> Result<OperationOutcome, GatewayError> {
        let RefundRequest { payment, transaction, refund, key, amount, refunded_before } = request;
        let fields = vec![
            ("payment_intent", transaction.to_string()),
            ("amount", amount.minor().to_string()),
            ("metadata[refund]", refund.to_string()),
        ];
        let wanted = refunded_before.minor().saturating_add(amount.minor());
        let is_done = |fact: &PaymentFact| fact.refunded.minor() >= wanted;
        self.operate("refunds", key, &fields, (transaction, *payment), is_done).await
    }

    async fn save_card(&self, request: &SaveCardRequest) -> Result<SaveCardOutcome, GatewayError> {
        let Instrument::Token(token) = &request.instrument else {
            return Err(GatewayError::Unsupported { operation: "read a cryptogram" });
        };
        let customer = self.customer(request.payer.account, &request.key).await?;
        let fields = vec![
            ("customer", customer.clone()),
            ("payment_method", token.reveal().to_owned()),
            ("payment_method_types[]", "card".to_owned()),
            ("usage", "off_session".to_owned()),
            ("confirm", "true".to_owned()),
            ("expand[]", "payment_method".to_owned()),
        ];
        let setup = match self.api.post("setup_intents", request.key.as_str(), &fields).await? {
            Ok(setup) => setup,
            Err(error) if error.is_card_error() => {
                let decline = decline(error.code.as_deref(), error.decline_code.as_deref());
                return Ok(SaveCardOutcome::Declined(decline));
            }
            Err(error) => return Err(error.refused()),
        };
        match setup["status"].as_str() {
            Some("succeeded") => {
                let kept = kept_card(&customer, &setup["payment_method"]);
                kept.map(SaveCardOutcome::Saved).ok_or_else(|| senseless("a card without an id"))
            }
            Some("requires_action") => {
                let challenge = challenge(&setup).ok_or_else(|| senseless("nowhere to go"))?;
                Ok(SaveCardOutcome::RequiresAction(challenge))
            }
            _ => Err(senseless("an unknown status")),
        }
    }

    async fn charge_saved(&self, request: &SavedCardCharge) -> Result<ChargeOutcome, GatewayError> {
        let Some((customer, method)) = request.token.reveal().split_once(':') else {
            return Err(GatewayError::Refused { message: "the token is none of ours".to_owned() });
        };
        let mut fields = Self::order(&request.order);
        fields.push(("customer", customer.to_owned()));
        fields.push(("payment_method", method.to_owned()));
        fields.push(match &request.present {
            Some(present) => ("return_url", present.return_url.reveal().to_owned()),
            None => ("off_session", "true".to_owned()),
        });
        self.pay(&request.order, &fields).await
    }

    async fn checkout(&self, request: &CheckoutRequest) -> Result<HostedCheckout, GatewayError> {
        let order = &request.order;
        let capture = match order.capture {
            CaptureMode::AtOnce => "automatic",
            CaptureMode::Later => "manual",
        };
        let mut fields = vec![
            ("mode", "payment".to_owned()),
            ("success_url", request.return_url.clone()),
            ("cancel_url", request.return_url.clone()),
            ("client_reference_id", order.reference()),
            ("expires_at", request.expires_at.timestamp().to_string()),
            ("line_items[0][quantity]", "1".to_owned()),
            ("line_items[0][price_data][currency]", order.amount.currency().code().to_lowercase()),
            ("line_items[0][price_data][unit_amount]", order.amount.minor().to_string()),
            ("line_items[0][price_data][product_data][name]", order.description.to_string()),
            ("payment_intent_data[capture_method]", capture.to_owned()),
            ("payment_intent_data[metadata][payment]", order.payment.to_string()),
            ("payment_intent_data[metadata][attempt]", order.reference()),
            ("metadata[payment]", order.payment.to_string()),
        ];
        if request.save_card {
            fields.push(("customer", self.customer(request.payer.account, &order.key).await?));
            fields.push(("payment_intent_data[setup_future_usage]", "off_session".to_owned()));
        }
        let session = self.api.must_post("checkout/sessions", order.key.as_str(), &fields).await?;
        let url = session["url"].as_str().ok_or_else(|| senseless("a checkout without a page"))?;
        let intent = session["payment_intent"].as_str().map(transaction).transpose()?;
        Ok(HostedCheckout { url: url.to_owned(), transaction: intent })
    }

    async fn status(&self, query: &StatusQuery) -> Result<Option<PaymentFact>, GatewayError> {
        let id = if let Some(transaction) = &query.transaction {
            transaction.clone()
        } else {
            let search = format!("metadata['attempt']:'{}'", query.reference());
            let found = self.api.get("payment_intents/search", &vec![("query", search)]).await?;
            let found = found.unwrap_or_default();
            let Some(id) = found["data"][0]["id"].as_str() else { return Ok(None) };
            transaction(id)?
        };
        let fact = self.fact(&id, query.payment).await?;
        let fits = |fact: &PaymentFact| {
            fact.captured.currency() == query.amount.currency()
                && fact.captured.minor() <= query.amount.minor()
        };
        if !fact.as_ref().is_none_or(fits) {
            return Err(senseless("it is over another amount"));
        }
        Ok(fact)
    }

    async fn subscription(
        &self,
        reference: &str,
    ) -> Result<Option<SubscriptionSnapshot>, GatewayError> {
        subscription::observe(&self.api, reference).await
    }

    async fn end_subscription(
        &self,
        reference: &str,
        at_once: bool,
        key: &OperationKey,
    ) -> Result<SubscriptionSnapshot, GatewayError> {
        subscription::end(&self.api, reference, at_once, key).await
    }

    async fn pay_out(&self, request: &PayoutRequest) -> Result<PayoutOutcome, GatewayError> {
        let fields = vec![
            ("amount", request.amount.minor().to_string()),
            ("currency", request.amount.currency().code().to_lowercase()),
            ("destination", request.destination.reveal().to_owned()),
            ("transfer_group", request.key.as_str().to_owned()),
            ("metadata[payout]", request.payout.to_string()),
        ];
        match self.api.post("transfers", request.key.as_str(), &fields).await? {
            Ok(transfer) => paid_out(&transfer, request),
            Err(error) if error.code.as_deref() == Some("balance_insufficient") => {
                Ok(PayoutOutcome::Declined(
                    Decline::soft("insufficient_funds").with_code("balance_insufficient"),
                ))
            }
            Err(error) if error.status == 400 => {
                let code = error.code.unwrap_or(error.kind);
                Ok(PayoutOutcome::Declined(Decline::hard("not_executed").with_code(code)))
            }
            Err(error) => Err(error.refused()),
        }
    }

    async fn payout_status(
        &self,
        request: &PayoutRequest,
    ) -> Result<Option<PayoutOutcome>, GatewayError> {
        let query = vec![("transfer_group", request.key.as_str().to_owned())];
        let transfers = self.api.get("transfers", &query).await?.unwrap_or_default();
        let transfer = transfers["data"].as_array().and_then(|transfers| transfers.first());
        transfer.map(|transfer| paid_out(transfer, request)).transpose()
    }

    fn verify(&self, delivery: &Delivery<'_>) -> Result<SignedMessage, WebhookRefusal> {
        message::verify(delivery, &self.webhook_secrets)
    }

    fn acknowledge(&self, _verdict: Option<Verdict>) -> Acknowledgement {
        Acknowledgement { status: 200, content_type: "application/json", body: "{}".to_owned() }
    }
}

/// A transfer that exists has arrived, unless it was reversed.
fn paid_out(transfer: &Value, request: &PayoutRequest) -> Result<PayoutOutcome, GatewayError> {
    if transfer["amount"].as_i64() != Some(request.amount.minor()) {
        return Err(senseless("it is over another amount"));
    }
    if transfer["reversed"].as_bool() == Some(true) {
        return Ok(PayoutOutcome::Declined(Decline::hard("reversed")));
    }
    let id = transfer["id"].as_str().unwrap_or_default();
    let reference = Text::new(id).map_err(|_| senseless("an id that is none"))?;
    Ok(PayoutOutcome::Paid { reference })
}

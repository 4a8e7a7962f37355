use std::fmt;

use async_trait::async_trait;
use billing::{
    Acknowledgement, Capabilities, CaptureMode, CaptureRequest, ChallengeAnswer, ChallengeKind,
    ChargeOrder, ChargeOutcome, ChargeRequest, CheckoutRequest, Decline, Delivery, FactState,
    Gateway, GatewayError, GatewayName, HostedCheckout, Instrument, KeptCard, MAX_WEBHOOK_BYTES,
    OperationKey, OperationOutcome, PaymentFact, PayoutOutcome, PayoutRequest, RefundRequest,
    SaveCardOutcome, SaveCardRequest, SavedCardCharge, Secret, SignedMessage, StatusQuery, Subject,
    SubscriptionSnapshot, TransactionId, Verdict, VoidRequest, WebhookRefusal, parse_reference,
};
use chrono::DateTime;
use gateway_client::{Address, GatewayClient, Reply, hmac_holds, senseless};
use kernel::{Currency, Money, PaymentId, Text};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::{
    Amount, CardAnswer, NewCard, NewCheckout, NewPayment, NewPayout, PaymentStatus, PayoutStatus,
    UNKNOWN_CARD, WireCard, WireCheckout, WireDecline, WireError, WireEvent, WirePayment,
    WirePayout,
};

/// The sandbox, as billing sees it.
pub struct SandboxGateway {
    client: GatewayClient,
    key: Secret,
    /// Any of them signs: two while one is being replaced.
    webhook_secrets: Vec<Secret>,
}

impl fmt::Debug for SandboxGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxGateway").finish_non_exhaustive()
    }
}

impl SandboxGateway {
    /// A client of the sandbox at this address.
    pub fn new(address: Address, key: Secret, webhook_secrets: Vec<Secret>) -> Self {
        Self::over(GatewayClient::new(address), key, webhook_secrets)
    }

    /// The same over a client with a deadline of its own.
    pub fn over(client: GatewayClient, key: Secret, webhook_secrets: Vec<Secret>) -> Self {
        Self { client, key, webhook_secrets }
    }

    async fn post<T: Serialize + Sync>(
        &self,
        path: &str,
        key: &OperationKey,
        body: &T,
    ) -> Result<Reply, GatewayError> {
        let request = self.client.request(Method::POST, path).bearer_auth(self.key.reveal());
        let request = request.header("idempotency-key", key.as_str()).json(body);
        self.client.change(request).await
    }

    /// What was asked for, if it exists.
    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<T>, GatewayError> {
        let request =
            self.client.request(Method::GET, path).bearer_auth(self.key.reveal()).query(query);
        let reply = self.client.read(request).await?;
        if reply.status == 404 {
            return Ok(None); // never heard of it
        }
        Ok(Some(read(&reply)?))
    }

    async fn pay(
        &self,
        order: &ChargeOrder,
        new: &NewPayment,
    ) -> Result<ChargeOutcome, GatewayError> {
        let reply = self.post("/v1/payments", &order.key, new).await?;
        if let Some(decline) = no_card(&reply) {
            return Ok(ChargeOutcome::Declined { transaction: None, decline });
        }
        charge_outcome(&read(&reply)?, order.payment, Some(order.amount))
    }

    /// A command on a payment. What its state does not allow may have been done before.
    async fn operate<T: Serialize + Sync>(
        &self,
        (transaction, payment): (&TransactionId, PaymentId),
        verb: &str,
        key: &OperationKey,
        body: &T,
        is_done: impl Fn(&PaymentFact) -> bool + Send,
    ) -> Result<OperationOutcome, GatewayError> {
        let path = format!("/v1/payments/{transaction}");
        let reply = self.post(&format!("{path}/{verb}"), key, body).await?;
        if !matches!(reply.status, 409 | 422) {
            return Ok(OperationOutcome::Done(fact(&read(&reply)?, payment)?));
        }
        let error: WireError = serde_json::from_slice(&reply.body)
            .map_err(|_| senseless("an error without a code"))?;
        if !matches!(error.code.as_str(), "state" | "amount") {
            return Err(GatewayError::Refused { message: error.message });
        }
        let now: Option<WirePayment> = self.get(&path, &[]).await?;
        let fact = now.map(|now| fact(&now, payment)).transpose()?;
        Ok(match fact {
            Some(fact) if is_done(&fact) => OperationOutcome::Done(fact),
            _ => OperationOutcome::Declined(Decline::hard("not_executed").with_code(error.code)),
        })
    }
}

fn new_payment(
    order: &ChargeOrder,
    card: &Secret,
    account: String,
    save_card: bool,
    return_url: Option<String>,
) -> NewPayment {
    NewPayment {
        reference: order.reference(),
        amount: order.amount.minor(),
        currency: order.amount.currency().code().to_owned(),
        capture: order.capture == CaptureMode::AtOnce,
        card: card.reveal().to_owned(),
        account,
        description: order.description.to_string(),
        save_card,
        return_url,
    }
}

/// The token of an instrument; the sandbox reads no cryptograms.
fn token(instrument: &Instrument) -> Result<&Secret, GatewayError> {
    match instrument {
        Instrument::Token(token) => Ok(token),
        Instrument::Cryptogram { .. } => {
            Err(GatewayError::Unsupported { operation: "read a cryptogram" })
        }
    }
}

/// Why there is nothing to charge, if the sandbox knows no such card: it never will.
fn no_card(reply: &Reply) -> Option<Decline> {
    let error: WireError =
        serde_json::from_slice(&reply.body).ok().filter(|_| reply.status == 422)?;
    (error.code == UNKNOWN_CARD).then(|| Decline::hard(UNKNOWN_CARD))
}

/// The answer, or what it refuses.
fn read<T: DeserializeOwned>(reply: &Reply) -> Result<T, GatewayError> {
    match reply.status {
        200 => serde_json::from_slice(&reply.body)
            .map_err(|error| GatewayError::Unknown { source: error.into() }),
        status @ 400..500 => {
            let error = serde_json::from_slice(&reply.body);
            let message =
                error.map_or_else(|_| format!("status {status}"), |error: WireError| error.message);
            Err(GatewayError::Refused { message })
        }
        status => Err(senseless(&format!("status {status}"))),
    }
}

fn decline(decline: Option<&WireDecline>) -> Decline {
    match decline {
        Some(WireDecline { reason, hard: true }) => Decline::hard(reason),
        Some(WireDecline { reason, hard: false }) => Decline::soft(reason),
        None => Decline::soft("declined"),
    }
}

fn kept(card: &WireCard) -> KeptCard {
    KeptCard {
        token: Secret::new(card.token.clone()),
        brand: card.brand.clone(),
        last_four: card.last_four.clone(),
        expires: Some(card.expires.clone()),
    }
}

fn id(text: &str) -> Result<TransactionId, GatewayError> {
    Text::new(text).map_err(|_| senseless("an id that is none"))
}

fn fact(wire: &WirePayment, payment: PaymentId) -> Result<PaymentFact, GatewayError> {
    let known = parse_reference(&wire.reference).is_some_and(|(known, _)| known == payment);
    if !known {
        return Err(senseless("it is about another payment"));
    }
    let currency: Currency = wire.currency.parse().map_err(|_| senseless("an unknown currency"))?;
    let money = |minor| Money::new(minor, currency);
    let state = match wire.status {
        PaymentStatus::RequiresAction => FactState::RequiresAction,
        PaymentStatus::Failed => FactState::Failed(decline(wire.decline.as_ref())),
        PaymentStatus::Authorized => FactState::Authorized { until: wire.reserved_until },
        PaymentStatus::Voided => FactState::Voided,
        PaymentStatus::Captured => FactState::Captured,
    };
    let fact =
        PaymentFact::without_money(id(&wire.id)?, payment, state, money(wire.amount), wire.at);
    let fact = PaymentFact {
        captured: money(wire.captured),
        refunded: money(wire.refunded),
        charged_back: money(wire.charged_back),
        reinstated: money(wire.reinstated),
        ..fact
    };
    if fact.is_coherent() { Ok(fact) } else { Err(senseless("its sums do not fit")) }
}

fn charge_outcome(
    wire: &WirePayment,
    payment: PaymentId,
    amount: Option<Money>,
) -> Result<ChargeOutcome, GatewayError> {
    let fact = fact(wire, payment)?;
    let asked =
        |asked: Money| asked.minor() == wire.amount && asked.currency().code() == wire.currency;
    if !amount.is_none_or(asked) {
        return Err(senseless("it is over another amount"));
    }
    let transaction = fact.transaction.clone();
    Ok(match fact.state.clone() {
        FactState::RequiresAction => {
            let url = wire.challenge_url.clone().ok_or_else(|| senseless("nowhere to go"))?;
            ChargeOutcome::RequiresAction {
                transaction,
                challenge: ChallengeKind::Redirect { url },
            }
        }
        FactState::Processing => ChargeOutcome::Pending { transaction: Some(transaction) },
        FactState::Failed(decline) => {
            ChargeOutcome::Declined { transaction: Some(transaction), decline }
        }
        FactState::Voided => ChargeOutcome::Declined {
            transaction: Some(transaction),
            decline: Decline::soft("voided"),
        },
        FactState::Authorized { .. } | FactState::Captured => {
            ChargeOutcome::Approved { fact, card: wire.card.as_ref().map(kept) }
        }
    })
}

#[async_trait]
impl Gateway for SandboxGateway {
    fn name(&self) -> GatewayName {
        GatewayName::Sandbox
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
            subscriptions: false,
            payouts: true,
            idempotency_hours: 24,
            hold_days: 7,
        }
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<ChargeOutcome, GatewayError> {
        let return_url = Some(request.return_url.reveal().to_owned());
        let (order, account) = (&request.order, request.payer.account.to_string());
        let card = token(&request.instrument)?;
        self.pay(order, &new_payment(order, card, account, request.save_card, return_url)).await
    }

    async fn confirm(&self, answer: &ChallengeAnswer) -> Result<ChargeOutcome, GatewayError> {
        let found = self.get(&format!("/v1/payments/{}", answer.transaction), &[]).await?;
        let wire = found.ok_or_else(|| GatewayError::Refused {
            message: "there is no such payment".to_owned(),
        })?;
        charge_outcome(&wire, answer.payment, None)
    }

    async fn kept_card(
        &self,
        _payment: PaymentId,
        transaction: &TransactionId,
    ) -> Result<Option<KeptCard>, GatewayError> {
        let found: Option<WirePayment> =
            self.get(&format!("/v1/payments/{transaction}"), &[]).await?;
        Ok(found.and_then(|wire| wire.card.as_ref().map(kept)))
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<OperationOutcome, GatewayError> {
        let CaptureRequest { payment, transaction, key, amount } = request;
        let (of, body) = ((transaction, *payment), Amount { amount: amount.minor() });
        let wanted = *amount;
        self.operate(of, "capture", key, &body, move |fact| fact.captured == wanted).await
    }

    async fn void(&self, request: &VoidRequest) -> Result<OperationOutcome, GatewayError> {
        let VoidRequest { payment, transaction, key, amount: _ } = request;
        let of = (transaction, *payment);
        self.operate(of, "void", key, &(), |fact| fact.state == FactState::Voided).await
    }

    async fn refund(&self, request: &RefundRequest) -> Result<OperationOutcome, GatewayError> {
        let RefundRequest { payment, transaction, refund: _, key, amount, refunded_before } =
            request;
        let (of, body) = ((transaction, *payment), Amount { amount: amount.minor() });
        let wanted = refunded_before.minor().saturating_add(amount.minor());
        self.operate(of, "refunds", key, &body, move |fact| fact.refunded.minor() >= wanted).await
    }

    async fn save_card(&self, request: &SaveCardRequest) -> Result<SaveCardOutcome, GatewayError> {
        let card = token(&request.instrument)?.reveal().to_owned();
        let body = NewCard { card, account: request.payer.account.to_string() };
        let reply = self.post("/v1/cards", &request.key, &body).await?;
        if let Some(decline) = no_card(&reply) {
            return Ok(SaveCardOutcome::Declined(decline));
        }
        let answer: CardAnswer = read(&reply)?;
        Ok(match answer.card {
            Some(card) => SaveCardOutcome::Saved(kept(&card)),
            None => SaveCardOutcome::Declined(decline(answer.decline.as_ref())),
        })
    }

    async fn charge_saved(&self, request: &SavedCardCharge) -> Result<ChargeOutcome, GatewayError> {
        let return_url =
            request.present.as_ref().map(|present| present.return_url.reveal().to_owned());
        let (order, account) = (&request.order, request.account.to_string());
        self.pay(order, &new_payment(order, &request.token, account, false, return_url)).await
    }

    async fn checkout(&self, request: &CheckoutRequest) -> Result<HostedCheckout, GatewayError> {
        let order = &request.order;
        let body = NewCheckout {
            reference: order.reference(),
            amount: order.amount.minor(),
            currency: order.amount.currency().code().to_owned(),
            capture: order.capture == CaptureMode::AtOnce,
            account: request.payer.account.to_string(),
            description: order.description.to_string(),
            save_card: request.save_card,
            return_url: request.return_url.clone(),
            expires_at: request.expires_at,
        };
        let page: WireCheckout = read(&self.post("/v1/checkouts", &order.key, &body).await?)?;
        Ok(HostedCheckout { url: page.url, transaction: None })
    }

    async fn status(&self, query: &StatusQuery) -> Result<Option<PaymentFact>, GatewayError> {
        let wire: Option<WirePayment> = match &query.transaction {
            Some(transaction) => self.get(&format!("/v1/payments/{transaction}"), &[]).await?,
            None => self.get("/v1/payments", &[("reference", &query.reference())]).await?,
        };
        let Some(wire) = wire else { return Ok(None) };
        if wire.amount != query.amount.minor() || wire.currency != query.amount.currency().code() {
            return Err(senseless("it is over another amount"));
        }
        fact(&wire, query.payment).map(Some)
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

    async fn pay_out(&self, request: &PayoutRequest) -> Result<PayoutOutcome, GatewayError> {
        let body = NewPayout {
            reference: request.key.as_str().to_owned(),
            amount: request.amount.minor(),
            currency: request.amount.currency().code().to_owned(),
            destination: request.destination.reveal().to_owned(),
        };
        let payout: WirePayout = read(&self.post("/v1/payouts", &request.key, &body).await?)?;
        payout_outcome(&payout, request)
    }

    async fn payout_status(
        &self,
        request: &PayoutRequest,
    ) -> Result<Option<PayoutOutcome>, GatewayError> {
        let payout = self.get("/v1/payouts", &[("reference", request.key.as_str())]).await?;
        payout.map(|payout: WirePayout| payout_outcome(&payout, request)).transpose()
    }

    fn verify(&self, delivery: &Delivery<'_>) -> Result<SignedMessage, WebhookRefusal> {
        if delivery.body.len() > MAX_WEBHOOK_BYTES {
            return Err(WebhookRefusal::TooLarge);
        }
        let header = delivery.header("sandbox-signature").ok_or(WebhookRefusal::Unsigned)?;
        let (time, code) = header.split_once(",v1=").ok_or(WebhookRefusal::Unsigned)?;
        let time = time.strip_prefix("t=").ok_or(WebhookRefusal::Unsigned)?;
        let code = hex::decode(code).map_err(|_| WebhookRefusal::WrongSignature)?;
        let parts = [time.as_bytes(), b".", delivery.body];
        if !self
            .webhook_secrets
            .iter()
            .any(|secret| hmac_holds(secret.reveal().as_bytes(), &parts, &code))
        {
            return Err(WebhookRefusal::WrongSignature);
        }
        let signed = time.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        if !signed.is_some_and(|signed| delivery.in_time(signed)) {
            return Err(WebhookRefusal::OutOfTime);
        }
        message(delivery.body).ok_or(WebhookRefusal::Unreadable)
    }

    fn acknowledge(&self, _verdict: Option<Verdict>) -> Acknowledgement {
        Acknowledgement { status: 200, content_type: "application/json", body: "{}".to_owned() }
    }
}

fn message(body: &[u8]) -> Option<SignedMessage> {
    let event: WireEvent = serde_json::from_slice(body).ok()?;
    let subject = match event.kind.split_once('.')?.0 {
        "payment" => {
            let payment = parse_reference(&event.reference).map(|(payment, _)| payment);
            Subject::Payment { payment, transaction: Text::new(&event.object).ok()? }
        }
        "payout" => Subject::Payout { reference: Text::new(&event.object).ok()? },
        _ => Subject::Other,
    };
    let (event_id, kind) = (Text::new(&event.id).ok()?, Text::new(&event.kind).ok()?);
    Some(SignedMessage { event_id, kind, subject, at: Some(event.at), question: None })
}

fn payout_outcome(
    payout: &WirePayout,
    request: &PayoutRequest,
) -> Result<PayoutOutcome, GatewayError> {
    let amount = &request.amount;
    if payout.amount != amount.minor() || payout.currency != amount.currency().code() {
        return Err(senseless("it is over another amount"));
    }
    let reference = Text::new(&payout.id).map_err(|_| senseless("an id that is none"))?;
    Ok(match payout.status {
        PayoutStatus::Pending => PayoutOutcome::Pending { reference },
        PayoutStatus::Paid => PayoutOutcome::Paid { reference },
        PayoutStatus::Failed => PayoutOutcome::Declined(Decline::hard("account_closed")),
    })
}

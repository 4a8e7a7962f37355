use std::fmt;

use async_trait::async_trait;
use billing::{
    Acknowledgement, Capabilities, CaptureMode, CaptureRequest, ChallengeAnswer, ChargeOrder,
    ChargeOutcome, ChargeRequest, CheckoutRequest, Decline, Delivery, Gateway, GatewayError,
    GatewayName, HostedCheckout, Instrument, OperationKey, OperationOutcome, PaymentFact,
    PayoutOutcome, PayoutRequest, RefundRequest, SaveCardOutcome, SaveCardRequest, SavedCardCharge,
    Secret, SignedMessage, StatusQuery, SubscriptionSnapshot, TransactionId, Verdict, VoidRequest,
    WebhookRefusal,
};
use chrono::TimeDelta;
use gateway_client::{Address, GatewayClient, senseless};
use kernel::{Money, PaymentId, Text};
use reqwest::Method;
use serde_json::Value;

use crate::amount::decimal;
use crate::message;
use crate::transaction::{Transaction, charge_outcome, refused};

/// So many pages of the list of transactions are read to add up refunds: a hundred each.
const PAGES: u32 = 50;

/// CloudPayments, as billing sees it.
pub struct CloudPaymentsGateway {
    client: GatewayClient,
    public_id: String,
    /// The newest first; all of them verify messages while one is being replaced.
    secrets: Vec<Secret>,
}

impl fmt::Debug for CloudPaymentsGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudPaymentsGateway")
            .field("public_id", &self.public_id)
            .finish_non_exhaustive()
    }
}

type Fields<'a> = Vec<(&'a str, String)>;

impl CloudPaymentsGateway {
    /// A client of a terminal: its public id, and its API secret followed by one that is being
    /// replaced, if any.
    pub fn new(
        address: Address,
        public_id: String,
        secret: Secret,
        replaced: Option<Secret>,
    ) -> Self {
        Self::over(GatewayClient::new(address), public_id, secret, replaced)
    }

    /// The same over a client with a deadline of its own.
    pub fn over(
        client: GatewayClient,
        public_id: String,
        secret: Secret,
        replaced: Option<Secret>,
    ) -> Self {
        let secrets = std::iter::once(secret).chain(replaced).collect();
        Self { client, public_id, secrets }
    }

    fn request(&self, path: &str, fields: &Fields<'_>) -> reqwest::RequestBuilder {
        let password = self.secrets.first().map(Secret::reveal);
        self.client.request(Method::POST, path).basic_auth(&self.public_id, password).form(fields)
    }

    async fn change(
        &self,
        path: &str,
        key: &OperationKey,
        fields: &Fields<'_>,
    ) -> Result<Value, GatewayError> {
        let reply = self
            .client
            .change(self.request(path, fields).header("x-request-id", key.as_str()))
            .await?;
        match reply.status {
            200 => reply.json(),
            401 => Err(GatewayError::Refused {
                message: "the terminal's id or secret is wrong".to_owned(),
            }),
            status => Err(senseless(&format!("status {status}"))),
        }
    }

    async fn read(&self, path: &str, fields: &Fields<'_>) -> Result<Value, GatewayError> {
        let reply = self.client.read(self.request(path, fields)).await?;
        match reply.status {
            200 => reply.json(),
            401 => Err(GatewayError::Refused {
                message: "the terminal's id or secret is wrong".to_owned(),
            }),
            status => Err(senseless(&format!("status {status}"))),
        }
    }

    /// What every charge says.
    fn order(order: &ChargeOrder, account: String) -> Result<Fields<'static>, GatewayError> {
        Ok(vec![
            ("Amount", decimal(order.amount)?),
            ("Currency", order.amount.currency().code().to_owned()),
            ("InvoiceId", order.reference()),
            ("Description", order.description.to_string()),
            ("AccountId", account),
        ])
    }

    /// A command that is answered by yes or no, and the state that it leads to.
    async fn operate(
        &self,
        path: &str,
        key: &OperationKey,
        fields: Fields<'_>,
        of: (&TransactionId, PaymentId),
        is_done: impl Fn(&PaymentFact) -> bool,
    ) -> Result<OperationOutcome, GatewayError> {
        let answer = self.change(path, key, &fields).await?;
        let message = match answer["Success"].as_bool() {
            Some(true) => None,
            Some(false) => Some(answer["Message"].as_str().unwrap_or("no reason").to_owned()),
            None => return Err(senseless("neither yes nor no")),
        };
        let fact = self.fact(of.0, of.1).await;
        match (message, fact) {
            (None, Ok(Some(fact))) if is_done(&fact) => Ok(OperationOutcome::Done(fact)),
            (None, _) => Ok(OperationOutcome::Pending), // it said yes; the status will follow
            // It may say no because it was done before.
            (Some(_), Ok(Some(fact))) if is_done(&fact) => Ok(OperationOutcome::Done(fact)),
            (Some(message), Ok(_)) => {
                let message: String = message.chars().take(200).collect();
                Ok(OperationOutcome::Declined(Decline::hard("not_executed").with_code(message)))
            }
            (Some(_), Err(error)) => Err(GatewayError::Unknown { source: error.into() }),
        }
    }

    async fn fact(
        &self,
        transaction: &TransactionId,
        payment: PaymentId,
    ) -> Result<Option<PaymentFact>, GatewayError> {
        let answer =
            self.read("/payments/get", &vec![("TransactionId", transaction.to_string())]).await?;
        self.fact_of(&answer, payment).await
    }

    async fn fact_of(
        &self,
        answer: &Value,
        payment: PaymentId,
    ) -> Result<Option<PaymentFact>, GatewayError> {
        let model = &answer["Model"];
        if !model.is_object() {
            return match answer["Message"].as_str() {
                Some("Not found" | "Transaction not found") => Ok(None),
                _ => Err(refused(answer)),
            };
        }
        let transaction = Transaction(model);
        let refunded =
            if transaction.is_partly_refunded() { self.refunds_of(&transaction).await? } else { 0 };
        transaction.fact(payment, refunded).map(Some)
    }

    /// What was given back of a payment: the list of transactions since then knows it.
    async fn refunds_of(&self, payment: &Transaction<'_>) -> Result<i64, GatewayError> {
        let (created, id) = (payment.created()?, payment.id()?);
        // A refund is possible for a year.
        let until = created + TimeDelta::days(366);
        let time = "%Y-%m-%dT%H:%M:%S";
        let mut refunded = 0_i64;
        for page in 1..=PAGES {
            let fields = vec![
                ("CreatedDateGte", created.format(time).to_string()),
                ("CreatedDateLte", until.format(time).to_string()),
                ("PageNumber", page.to_string()),
                ("TimeZone", "UTC".to_owned()),
            ];
            let answer = self.read("/v2/payments/list", &fields).await?;
            let models =
                answer["Model"].as_array().ok_or_else(|| senseless("a list that is none"))?;
            for model in models {
                let refund = Transaction(model);
                let ours = refund.original().is_some_and(|original| original.to_string() == *id);
                if ours && refund.status() == "Completed" {
                    refunded = refunded.saturating_add(refund.amount()?.minor());
                }
            }
            if models.is_empty() {
                return Ok(refunded);
            }
        }
        Err(senseless("too many transactions to find the refunds among"))
    }
}

fn unsupported<T>(operation: &'static str) -> Result<T, GatewayError> {
    Err(GatewayError::Unsupported { operation })
}

#[async_trait]
impl Gateway for CloudPaymentsGateway {
    fn name(&self) -> GatewayName {
        GatewayName::CloudPayments
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            authorise: true,
            partial_capture: true,
            partial_refund: true,
            saved_cards: true,
            hosted_checkout: true,
            cryptograms: true,
            asks_first: true,
            subscriptions: false,
            payouts: true,
            idempotency_hours: 1,
            hold_days: 7,
        }
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<ChargeOutcome, GatewayError> {
        let Instrument::Cryptogram { packet, cardholder } = &request.instrument else {
            return unsupported("charge a token that was made in an app");
        };
        let Some(address) = request.payer.address else {
            return Err(GatewayError::Refused {
                message: "the payer's address is missing".to_owned(),
            });
        };
        let mut fields = Self::order(&request.order, request.payer.account.to_string())?;
        fields.push(("IpAddress", address.to_string()));
        fields.push(("CardCryptogramPacket", packet.reveal().to_owned()));
        fields.push(("CultureName", request.payer.locale.to_string()));
        fields.push(("SaveCard", request.save_card.to_string()));
        fields.extend(cardholder.clone().map(|name| ("Name", name)));
        let path = match request.order.capture {
            CaptureMode::AtOnce => "/payments/cards/charge",
            CaptureMode::Later => "/payments/cards/auth",
        };
        let answer = self.change(path, &request.order.key, &fields).await?;
        charge_outcome(
            &answer,
            request.order.payment,
            Some(request.order.amount),
            request.save_card,
        )
    }

    async fn confirm(&self, answer: &ChallengeAnswer) -> Result<ChargeOutcome, GatewayError> {
        let Some(response) = &answer.response else {
            return Err(GatewayError::Refused { message: "PaRes is missing".to_owned() });
        };
        let fields = vec![
            ("TransactionId", answer.transaction.to_string()),
            ("PaRes", response.reveal().to_owned()),
        ];
        let said = self.change("/payments/cards/post3ds", &answer.key, &fields).await?;
        charge_outcome(&said, answer.payment, None, true)
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<OperationOutcome, GatewayError> {
        let CaptureRequest { payment, transaction, key, amount } = request;
        let fields =
            vec![("TransactionId", transaction.to_string()), ("Amount", decimal(*amount)?)];
        let is_done = |fact: &PaymentFact| fact.captured == *amount;
        self.operate("/payments/confirm", key, fields, (transaction, *payment), is_done).await
    }

    async fn void(&self, request: &VoidRequest) -> Result<OperationOutcome, GatewayError> {
        let VoidRequest { payment, transaction, key, amount: _ } = request;
        let fields = vec![("TransactionId", transaction.to_string())];
        let is_done = |fact: &PaymentFact| fact.state == billing::FactState::Voided;
        self.operate("/payments/void", key, fields, (transaction, *payment), is_done).await
    }

    async fn refund(&self, request: &RefundRequest) -> Result<OperationOutcome, GatewayError> {
        let RefundRequest { payment, transaction, refund, key, amount, refunded_before } = request;
        let fields = vec![
            ("TransactionId", transaction.to_string()),
            ("Amount", decimal(*amount)?),
            ("JsonData", serde_json::json!({ "refund": refund.to_string() }).to_string()),
        ];
        let wanted = refunded_before.minor().saturating_add(amount.minor());
        let is_done = |fact: &PaymentFact| fact.refunded.minor() >= wanted;
        self.operate("/payments/refund", key, fields, (transaction, *payment), is_done).await
    }

    async fn save_card(&self, _request: &SaveCardRequest) -> Result<SaveCardOutcome, GatewayError> {
        unsupported("keep a card without a payment")
    }

    async fn charge_saved(&self, request: &SavedCardCharge) -> Result<ChargeOutcome, GatewayError> {
        let mut fields = Self::order(&request.order, request.account.to_string())?;
        let present = request.present.as_ref();
        fields.push(("Token", request.token.reveal().to_owned()));
        fields.push(("TrInitiatorCode", if present.is_some() { "1" } else { "0" }.to_owned()));
        fields.push(("PaymentScheduled", if present.is_some() { "0" } else { "1" }.to_owned()));
        let address = present.and_then(|present| present.payer.address);
        fields.extend(address.map(|address| ("IpAddress", address.to_string())));
        let path = match request.order.capture {
            CaptureMode::AtOnce => "/payments/tokens/charge",
            CaptureMode::Later => "/payments/tokens/auth",
        };
        let answer = self.change(path, &request.order.key, &fields).await?;
        charge_outcome(&answer, request.order.payment, Some(request.order.amount), false)
    }

    async fn checkout(&self, request: &CheckoutRequest) -> Result<HostedCheckout, GatewayError> {
        let mut fields = Self::order(&request.order, request.payer.account.to_string())?;
        let later = request.order.capture == CaptureMode::Later;
        fields.push(("RequireConfirmation", later.to_string()));
        fields.push(("SendEmail", "false".to_owned()));
        fields.push(("SuccessRedirectUrl", request.return_url.clone()));
        fields.push(("FailRedirectUrl", request.return_url.clone()));
        fields.push(("CultureName", request.payer.locale.to_string()));
        let answer = self.change("/orders/create", &request.order.key, &fields).await?;
        if !answer["Model"].is_object() {
            return Err(refused(&answer));
        }
        let url =
            answer["Model"]["Url"].as_str().ok_or_else(|| senseless("an order without a page"))?;
        Ok(HostedCheckout { url: url.to_owned(), transaction: None })
    }

    async fn status(&self, query: &StatusQuery) -> Result<Option<PaymentFact>, GatewayError> {
        let fact = if let Some(transaction) = &query.transaction {
            self.fact(transaction, query.payment).await?
        } else {
            let answer =
                self.read("/v2/payments/find", &vec![("InvoiceId", query.reference())]).await?;
            self.fact_of(&answer, query.payment).await?
        };
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
        _reference: &str,
    ) -> Result<Option<SubscriptionSnapshot>, GatewayError> {
        unsupported("run a subscription")
    }

    async fn end_subscription(
        &self,
        _reference: &str,
        _at_once: bool,
        _key: &OperationKey,
    ) -> Result<SubscriptionSnapshot, GatewayError> {
        unsupported("run a subscription")
    }

    async fn pay_out(&self, request: &PayoutRequest) -> Result<PayoutOutcome, GatewayError> {
        let fields = vec![
            ("Token", request.destination.reveal().to_owned()),
            ("Amount", decimal(request.amount)?),
            ("Currency", request.amount.currency().code().to_owned()),
            ("AccountId", request.payout.to_string()),
            ("InvoiceId", request.key.as_str().to_owned()),
        ];
        let answer = self.change("/payments/token/topup", &request.key, &fields).await?;
        payout_outcome(&answer, request.amount)
    }

    async fn payout_status(
        &self,
        request: &PayoutRequest,
    ) -> Result<Option<PayoutOutcome>, GatewayError> {
        let fields = vec![("InvoiceId", request.key.as_str().to_owned())];
        let answer = self.read("/v2/payments/find", &fields).await?;
        if answer["Model"].is_null() && answer["Message"] == "Not found" {
            return Ok(None);
        }
        payout_outcome(&answer, request.amount).map(Some)
    }

    fn verify(&self, delivery: &Delivery<'_>) -> Result<SignedMessage, WebhookRefusal> {
        message::verify(delivery, &self.secrets)
    }

    fn acknowledge(&self, verdict: Option<Verdict>) -> Acknowledgement {
        let code = match verdict {
            None | Some(Verdict::Accept) => 0,
            Some(Verdict::UnknownPayment) => 10,
            Some(Verdict::WrongAccount) => 11,
            Some(Verdict::WrongAmount) => 12,
            Some(Verdict::Refused) => 13,
            Some(Verdict::Expired) => 20,
        };
        let body = format!("{{\"code\":{code}}}");
        Acknowledgement { status: 200, content_type: "application/json", body }
    }
}

fn payout_outcome(answer: &Value, amount: Money) -> Result<PayoutOutcome, GatewayError> {
    if !answer["Model"].is_object() {
        return Err(refused(answer));
    }
    let transaction = Transaction(&answer["Model"]);
    if transaction.amount()? != amount {
        return Err(senseless("it is over another amount"));
    }
    let reference = Text::new(&transaction.id()?).map_err(|_| senseless("an id that is none"))?;
    match transaction.status() {
        "Completed" => Ok(PayoutOutcome::Paid { reference }),
        "Created" | "AwaitingAuthentication" => Ok(PayoutOutcome::Pending { reference }),
        "Failed" | "Declined" => Ok(PayoutOutcome::Declined(transaction.decline())),
        _ => Err(senseless("an unknown status")),
    }
}

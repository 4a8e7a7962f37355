use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use hostile_http::{Answer, Courier, Message, Request, Site};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::body::{Body, Refused, Result, refused};
use super::notification::{Notification, Outgoing, code_of};
use super::order::bank_page;
use super::state::{NewPayment, State, outcome};
use super::transaction::{Operation, Status, Transaction};

/// For so long an answer is kept under its `X-Request-ID`.
const KEPT: TimeDelta = TimeDelta::hours(1);

/// So many calls of a test terminal may be under way at once.
const AT_ONCE: usize = 5;

/// So many items are on a page of a list.
const PAGE: usize = 100;

#[derive(Debug)]
pub(crate) struct CloudPaymentsSite {
    authorization: String,
    pub(crate) state: Mutex<State>,
    pub(crate) courier: Arc<Courier>,
    /// The address for each kind of notification that is switched on.
    pub(crate) addresses: Mutex<HashMap<Notification, String>>,
    answers: Mutex<HashMap<String, Kept>>,
    under_way: AtomicUsize,
}

#[derive(Debug)]
struct Kept {
    at: DateTime<Utc>,
    answer: watch::Receiver<Option<Answer>>,
}

#[async_trait]
impl Site for CloudPaymentsSite {
    async fn answer(&self, request: &Request) -> Option<Answer> {
        Some(match request.segments().as_slice() {
            ["acs"] => bank_page(request),
            ["orders", id] if *id != "create" && *id != "cancel" => self.order(id, request).await,
            _ => self.call(request).await,
        })
    }

    fn failure(&self, status: u16) -> Answer {
        Answer::html(status, format!("<html><body><h1>{status}</h1></body></html>"))
    }
}

impl CloudPaymentsSite {
    pub(crate) fn new(id: &str, secret: &str, state: State, courier: Arc<Courier>) -> Self {
        Self {
            authorization: format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
            state: Mutex::new(state),
            courier,
            addresses: Mutex::default(),
            answers: Mutex::default(),
            under_way: AtomicUsize::new(0),
        }
    }

    async fn call(&self, request: &Request) -> Answer {
        if request.header("authorization") != Some(self.authorization.as_str()) {
            return Answer::text(401, "").with("www-authenticate", "Basic");
        }
        if request.method != "POST" {
            return Answer::json(
                405,
                &json!({ "Message": "The requested resource does not support http method." }),
            );
        }
        if self.under_way.fetch_add(1, Ordering::SeqCst) >= AT_ONCE {
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            return Answer::text(429, "Too Many Requests");
        }
        let answer = self.once(request).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the state in hand")
    }

    pub(crate) fn send_notifications(&self) {
        let outgoing = std::mem::take(&mut self.state().outgoing);
        for outgoing in outgoing {
            if let Some(message) = self.message(outgoing) {
                self.courier.send(message);
            }
        }
    }

    fn message(&self, outgoing: Outgoing) -> Option<Message> {
        let addresses = self.addresses.lock().expect("nobody panics with the addresses in hand");
        let url = addresses.get(&outgoing.kind)?.clone();
        Some(Message {
            id: outgoing.id,
            kind: outgoing.kind.name().to_owned(),
            url,
            content_type: "application/x-www-form-urlencoded",
            body: outgoing.body,
        })
    }

    /// Acts once for each `X-Request-ID`, and answers the same within the hour.
    async fn once(&self, request: &Request) -> Answer {
        let Some(id) = request.header("x-request-id") else { return self.act(request).await };
        let now = self.state().now();
        let (sender, receiver) = watch::channel(None);
        let earlier = {
            let mut answers = self.answers.lock().expect("nobody panics with the answers in hand");
            answers.retain(|_, kept| kept.at + KEPT > now);
            if let Some(kept) = answers.get(id) {
                Some(kept.answer.clone())
            } else {
                answers.insert(id.to_owned(), Kept { at: now, answer: receiver });
                None
            }
        };
        if let Some(mut earlier) = earlier {
            let answer =
                earlier.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
            return answer.unwrap_or_else(|| self.failure(500));
        }
        let answer = self.act(request).await;
        let _ = sender.send(Some(answer.clone()));
        answer
    }

    async fn act(&self, request: &Request) -> Answer {
        request.work().await;
        let result = self.route(request).await;
        self.send_notifications();
        match result {
            Ok(Some(body)) => Answer::json(200, &body),
            Ok(None) => self.failure(404),
            Err(Refused(message)) => {
                Answer::json(200, &json!({ "Success": false, "Message": message }))
            }
        }
    }

    async fn route(&self, request: &Request) -> Result<Option<Value>> {
        let body = Body::read(request)?;
        let done = json!({ "Success": true, "Message": null });
        let answer = match request.segments().as_slice() {
            ["test"] => {
                json!({ "Success": true, "Message": "2d9a4e1c-0000-4000-8000-000000000000" })
            }
            ["payments", "cards", "charge"] => self.by_cryptogram(&body, false).await?,
            ["payments", "cards", "auth"] => self.by_cryptogram(&body, true).await?,
            ["payments", "cards", "post3ds"] => self.after_bank(&body)?,
            ["payments", "tokens", "charge"] => self.by_token(&body, false).await?,
            ["payments", "tokens", "auth"] => self.by_token(&body, true).await?,
            ["payments", "tokens", "list"] => self.list_tokens(&body)?,
            ["payments", "confirm"] => {
                self.state().confirm(body.transaction()?, body.amount()?)?;
                done
            }
            ["payments", "void"] => {
                self.state().void(body.transaction()?)?;
                done
            }
            ["payments", "refund"] => {
                let refund =
                    self.state().refund(body.transaction()?, body.amount()?, body.json_data())?;
                json!({ "Success": true, "Message": null, "Model": { "TransactionId": refund } })
            }
            ["payments", "get"] => outcome(self.state().find(body.transaction()?)?),
            ["payments", "find"] | ["v2", "payments", "find"] => {
                let invoice = body.required("InvoiceId")?;
                let state = self.state();
                outcome(state.find_by_invoice(&invoice).ok_or_else(|| Refused("Not found".into()))?)
            }
            ["payments", "list"] => self.list_of_day(&body)?,
            ["v2", "payments", "list"] => self.list(&body)?,
            ["chargebacks", "list"] => self.chargebacks(),
            ["payments", "cards", "topup"] => {
                let mut state = self.state();
                let new = payout(&body)?;
                let card = state.unseal(&body.required("CardCryptogramPacket")?)?;
                state.payout(new, card)?
            }
            ["payments", "token", "topup"] => {
                let mut state = self.state();
                let new = payout(&body)?;
                let token = body.required("Token")?;
                let token = state
                    .tokens
                    .get(&token)
                    .cloned()
                    .ok_or_else(|| Refused("Token not found".into()))?;
                state.payout(new, token.card)?
            }
            ["subscriptions", "create"] => self.state().create_recurrent(&body)?,
            ["subscriptions", "get"] => self.state().get_recurrent(&body.required("Id")?)?,
            ["subscriptions", "find"] => {
                let account = body.text("accountId").or_else(|| body.text("AccountId"));
                self.state().find_recurrents(
                    &account.ok_or_else(|| Refused("AccountId is required".into()))?,
                )
            }
            ["subscriptions", "update"] => self.state().update_recurrent(&body)?,
            ["subscriptions", "cancel"] => self.state().cancel_recurrent(&body.required("Id")?)?,
            ["orders", "create"] => self.state().create_order(&body)?,
            ["orders", "cancel"] => {
                self.state().close_order(&body.required("Id")?, "Cancelled")?;
                done
            }
            ["site", "notifications", kind, action @ ("get" | "update")] => {
                match self.notification_settings(kind, *action == "update", &body)? {
                    Some(answer) => answer,
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        Ok(Some(answer))
    }

    async fn by_cryptogram(&self, body: &Body, two_step: bool) -> Result<Value> {
        let new = payment(body, two_step)?;
        if new.ip.is_none() {
            return refused("IpAddress is required");
        }
        let id = {
            let mut state = self.state();
            let card = state.unseal(&body.required("CardCryptogramPacket")?)?;
            state.open(Operation::Payment, new, card)
        };
        self.charge(id, false).await
    }

    async fn by_token(&self, body: &Body, two_step: bool) -> Result<Value> {
        let new = payment(body, two_step)?;
        let (account, token) = (body.required("AccountId")?, body.required("Token")?);
        if !matches!(body.integer("TrInitiatorCode")?, Some(0 | 1)) {
            return refused("TrInitiatorCode is required");
        }
        let id = {
            let mut state = self.state();
            let known = state.tokens.get(&token).filter(|known| known.account == account).cloned();
            let known = known.ok_or_else(|| Refused("Token not found".into()))?;
            let id = state.open(Operation::Payment, new, known.card);
            state.find_mut(id)?.token = Some(token);
            id
        };
        self.charge(id, true).await
    }

    /// Asks the merchant, then the bank.
    async fn charge(&self, id: u64, by_token: bool) -> Result<Value> {
        let transaction = self.state().find(id)?.clone();
        let veto = self.check(&transaction).await;
        let mut state = self.state();
        let conduct = transaction.card.conduct();
        let code = if by_token { conduct.token } else { conduct.first };
        if veto == 0 && conduct.secure && !by_token {
            let model = json!({
                "TransactionId": id,
                "PaReq": request_of_bank(&id.to_string()),
                "GoReq": null,
                "AcsUrl": format!("{}/acs", state.base),
                "ThreeDsSessionData": null,
                "IFrameIsAllowed": true,
                "FrameWidth": null,
                "FrameHeight": null,
                "ThreeDsCallbackId": format!("{id:032x}"),
                "EscrowAccumulationId": null,
            });
            return Ok(json!({ "Success": false, "Message": null, "Model": model }));
        }
        if veto == 0 {
            state.authorize(id, code)?;
        } else {
            state.decide(id, veto)?;
        }
        Ok(outcome(state.find(id)?))
    }

    /// What the merchant says before an authorisation, as a reason code.
    async fn check(&self, transaction: &Transaction) -> u16 {
        let form = self.state().check_form(transaction);
        let Some(message) = self.message(form) else { return 0 };
        match self.courier.ask(&message).await {
            Some((200, body)) => match code_of(&body) {
                Some(0) => 0,
                Some(10) => 3001,
                Some(11) => 3002,
                Some(12) => 3003,
                Some(13) => 3004,
                Some(20) => 3008,
                _ => 3005,
            },
            Some(_) => 3006,
            None => 3007,
        }
    }

    fn after_bank(&self, body: &Body) -> Result<Value> {
        let (id, answer) = (body.transaction()?, body.required("PaRes")?);
        let mut state = self.state();
        let transaction = state.find(id)?.clone();
        if transaction.status != Status::AwaitingAuthentication {
            return refused("Transaction does not await authentication");
        }
        let md = id.to_string();
        if answer == answer_of_bank(&md, true) {
            state.authorize(id, transaction.card.conduct().first)?;
        } else {
            state.decide(id, 5206)?;
        }
        Ok(outcome(state.find(id)?))
    }

    /// The page of an order, and what is chosen there.
    async fn order(&self, id: &str, request: &Request) -> Answer {
        let card = request.form_fields().into_iter().find(|(name, _)| name == "card");
        let Some((_, number)) = card else { return self.state().order_page(id) };
        let Ok(order) = self.state().order(id).cloned() else {
            return Answer::text(404, "no such order");
        };
        let Some(new) = order.open_payment() else {
            return Answer::text(410, "this order is done with");
        };
        let transaction = {
            let mut state = self.state();
            let Ok(card) = state.unseal(&super::sealed_card(&number)) else {
                return Answer::text(400, "no such card");
            };
            state.open(Operation::Payment, new, card)
        };
        // The page itself leads through 3-D Secure; what counts is what the bank says in the end.
        let answer = self.charge(transaction, false).await;
        if answer.is_ok_and(|answer| answer["Model"]["AcsUrl"].is_string()) {
            let mut state = self.state();
            let first = state.find(transaction).map(|transaction| transaction.card.conduct().first);
            let _ = state.authorize(transaction, first.unwrap_or_default());
        }
        let paid = self.state().find(transaction).is_ok_and(|paid| paid.status != Status::Declined);
        if paid {
            let _ = self.state().close_order(id, "Paid");
        }
        self.send_notifications();
        order.way_back(paid)
    }

    /// The payments of a day.
    fn list_of_day(&self, body: &Body) -> Result<Value> {
        let day = body.required("Date")?;
        let day = day.parse::<NaiveDate>().map_err(|_| Refused("Date is invalid".into()))?;
        let state = self.state();
        let models =
            state.transactions.iter().filter(|transaction| transaction.created.date_naive() == day);
        let models: Vec<_> = models.map(Transaction::model).collect();
        Ok(json!({ "Success": true, "Message": null, "Model": models }))
    }

    fn list(&self, body: &Body) -> Result<Value> {
        let bound = |name: &str| {
            let text = body.required(name)?;
            moment(&text).ok_or_else(|| Refused(format!("{name} is invalid")))
        };
        let (from, to) = (bound("CreatedDateGte")?, bound("CreatedDateLte")?);
        let page =
            body.integer("PageNumber")?.ok_or_else(|| Refused("PageNumber is required".into()))?;
        let page = usize::try_from(page).ok().and_then(|page| page.checked_sub(1));
        let page = page.ok_or_else(|| Refused("PageNumber is invalid".into()))?;
        let statuses = body.texts("Statuses");
        let fits = |transaction: &&Transaction| {
            (from..=to).contains(&transaction.created)
                && (statuses.is_empty()
                    || statuses.iter().any(|status| status == transaction.status.name()))
        };
        let state = self.state();
        let found = state.transactions.iter().filter(fits).skip(page * PAGE).take(PAGE);
        let models: Vec<_> = found.map(Transaction::model).collect();
        Ok(json!({ "Success": true, "Message": null, "Model": models }))
    }

    fn list_tokens(&self, body: &Body) -> Result<Value> {
        let page = body.integer("PageNumber")?.unwrap_or(1);
        let page = usize::try_from(page.saturating_sub(1)).unwrap_or_default();
        let state = self.state();
        let mut tokens: Vec<_> = state.tokens.iter().collect();
        tokens.sort_by_key(|(token, _)| *token);
        let model = |(token, kept): &(&String, &super::state::Token)| {
            let mask = format!("{}****** {}", kept.card.first_six(), kept.card.last_four());
            json!({ "Token": token, "AccountId": kept.account, "CardMask": mask, "ExpirationDateMonth": 12, "ExpirationDateYear": 2039 })
        };
        let models: Vec<_> = tokens.iter().skip(page * PAGE).take(PAGE).map(model).collect();
        Ok(json!({ "Success": true, "Message": null, "Model": models }))
    }

    fn chargebacks(&self) -> Value {
        let state = self.state();
        let disputed = state.transactions.iter().filter(|transaction| transaction.charged_back > 0);
        let model = |transaction: &Transaction| json!({ "TransactionId": transaction.id, "Amount": super::body::number(transaction.charged_back), "Currency": transaction.currency });
        let models: Vec<_> = disputed.map(model).collect();
        json!({ "Success": true, "Message": null, "Model": models })
    }

    fn notification_settings(
        &self,
        kind: &str,
        update: bool,
        body: &Body,
    ) -> Result<Option<Value>> {
        let kind =
            Notification::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(kind));
        let Some(kind) = kind else { return Ok(None) };
        let mut addresses =
            self.addresses.lock().expect("nobody panics with the addresses in hand");
        if update {
            if kind == Notification::Check {
                return refused("Check notification cannot be changed by API");
            }
            if body.flag("IsEnabled") {
                addresses.insert(kind, body.required("Address")?);
            } else {
                addresses.remove(&kind);
            }
            return Ok(Some(json!({ "Success": true, "Message": null })));
        }
        let address = addresses.get(&kind);
        let model = json!({ "IsEnabled": address.is_some(), "Address": address, "HttpMethod": "POST", "Encoding": "UTF8", "Format": "CloudPayments" });
        Ok(Some(json!({ "Success": true, "Message": null, "Model": model })))
    }
}

fn payment(body: &Body, two_step: bool) -> Result<NewPayment> {
    Ok(NewPayment {
        amount: body.amount()?,
        currency: body.text("Currency").unwrap_or_else(|| "RUB".to_owned()),
        invoice: body.text("InvoiceId"),
        account: body.text("AccountId"),
        email: body.text("Email"),
        description: body.text("Description"),
        ip: body.text("IpAddress"),
        name: body.text("Name"),
        json_data: body.json_data(),
        two_step,
        saves_card: body.flag("SaveCard"),
        subscription: None,
    })
}

fn payout(body: &Body) -> Result<NewPayment> {
    let (account, currency) = (body.required("AccountId")?, body.required("Currency")?);
    if currency != "RUB" {
        return refused("Currency is invalid");
    }
    Ok(NewPayment { account: Some(account), currency, ..payment(body, false)? })
}

fn moment(text: &str) -> Option<DateTime<Utc>> {
    let zoned = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    let plain = |form| NaiveDateTime::parse_from_str(text, form).map(|at| at.and_utc());
    zoned.or_else(|_| plain("%Y-%m-%dT%H:%M:%S%.f")).ok()
}

/// What the bank gets to see of a transaction: `PaReq`.
pub(crate) fn request_of_bank(md: &str) -> String {
    STANDARD.encode(format!("PaReq of {md}"))
}

/// What the bank says of a transaction: `PaRes`.
pub(crate) fn answer_of_bank(md: &str, passed: bool) -> String {
    let word = if passed { "passed" } else { "failed" };
    STANDARD.encode(format!("PaRes of {md}: {word}"))
}

//! A gateway in memory that keeps its own books and plays tricks: what it says at the end is the
//! truth that ours are compared with.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::{Money, PaymentId};
use sha2::{Digest, Sha256};

use super::builders::a_transaction;
use crate::{
    Acknowledgement, Capabilities, CaptureMode, CaptureRequest, ChallengeAnswer, ChallengeKind,
    ChargeOrder, ChargeOutcome, ChargeRequest, CheckoutRequest, Decline, Delivery, FactState,
    Gateway, GatewayError, GatewayName, HostedCheckout, KeptCard, OperationKey, OperationOutcome,
    PaymentFact, PayoutOutcome, PayoutRequest, RefundRequest, SaveCardOutcome, SaveCardRequest,
    SavedCardCharge, Secret, SignedMessage, StatusQuery, Subject, SubscriptionSnapshot,
    TransactionId, Verdict, VoidRequest, WebhookRefusal,
};

/// What the gateway does with its next call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trick {
    /// What it is asked for.
    Obey,
    /// It wants 3-D Secure.
    Challenge,
    /// It refuses.
    Decline(Decline),
    /// It does what it is asked for, and its answer is lost.
    LoseAnswer,
    /// The request is lost, and nobody knows.
    LoseRequest,
    /// It cannot be reached.
    Unreachable,
}

#[derive(Debug, Default)]
struct Books {
    facts: BTreeMap<PaymentId, PaymentFact>,
    /// Tries that another took the place of.
    given_up: BTreeMap<TransactionId, PaymentFact>,
    amounts: BTreeMap<PaymentId, Money>,
    charges: BTreeMap<PaymentId, u32>,
    done: BTreeMap<String, OperationOutcome>,
    payouts: BTreeMap<String, PayoutOutcome>,
    tricks: VecDeque<Trick>,
    calls: u32,
    deaf: bool,
}

/// A gateway in memory, named `sandbox`. Every call does what the next trick says, or what it is
/// asked for.
#[derive(Debug)]
pub struct TrickyGateway {
    books: Mutex<Books>,
    now: Mutex<DateTime<Utc>>,
}

impl TrickyGateway {
    /// A gateway whose clock shows `now` until it is set.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self { books: Mutex::default(), now: Mutex::new(now) }
    }

    /// What it does next, in this order.
    pub fn play(&self, tricks: impl IntoIterator<Item = Trick>) {
        self.books().tricks.extend(tricks);
    }

    /// Whether it answers no question about how a payment stands.
    pub fn set_deaf(&self, deaf: bool) {
        self.books().deaf = deaf;
    }

    /// Sets its clock.
    pub fn set_now(&self, now: DateTime<Utc>) {
        *self.now.lock().expect("no test panics with the clock in its hand") = now;
    }

    /// What is true of a payment, if it ever heard of it.
    pub fn truth(&self, payment: PaymentId) -> Option<PaymentFact> {
        self.books().facts.get(&payment).cloned()
    }

    /// How often a payment was really charged.
    pub fn charges(&self, payment: PaymentId) -> u32 {
        self.books().charges.get(&payment).copied().unwrap_or_default()
    }

    /// How often it was called to move money.
    pub fn calls(&self) -> u32 {
        self.books().calls
    }

    /// A payer's bank takes the money of a payment back.
    pub fn charge_back(&self, payment: PaymentId) {
        if let Some(fact) = self.books().facts.get_mut(&payment) {
            fact.charged_back = fact.captured;
        }
    }

    /// A payer's bank takes a part of it back. What is left is the most that can be given back.
    pub fn charge_back_part(&self, payment: PaymentId, part: Money) {
        if let Some(fact) = self.books().facts.get_mut(&payment) {
            fact.charged_back = part;
        }
    }

    /// A payment stands like this from now on; whoever asks hears it.
    pub fn decide(&self, fact: PaymentFact) {
        let mut books = self.books();
        let transaction = fact.transaction.clone();
        let before = books.facts.insert(fact.payment, fact);
        if let Some(before) = before.filter(|before| before.transaction != transaction) {
            books.given_up.insert(before.transaction.clone(), before);
        }
    }

    /// A payer passes 3-D Secure at the bank; the gateway knows when it is told or asked.
    pub fn pass_challenge(&self, payment: PaymentId) {
        let now = self.now();
        self.books().settle(payment, CaptureMode::AtOnce, now);
    }

    /// A signed message about a payment: headers and body.
    pub fn message(payment: PaymentId, event: &str) -> (Vec<(String, String)>, Vec<u8>) {
        let body = format!("{event} {payment}").into_bytes();
        (vec![("x-signature".to_owned(), Self::sign(&body))], body)
    }

    fn sign(body: &[u8]) -> String {
        let digest = Sha256::new().chain_update(b"the secret of a test").chain_update(body);
        digest.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no test panics with the books in its hand")
    }

    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().expect("no test panics with the clock in its hand")
    }

    fn charged(&self, order: &ChargeOrder, save: bool) -> Result<ChargeOutcome, GatewayError> {
        let now = self.now();
        let mut books = self.books();
        books.calls += 1;
        let trick = books.tricks.pop_front().unwrap_or(Trick::Obey);
        let id = order.payment;
        let transaction = a_transaction(&format!("tx-{id}-{}", order.attempt));
        let known = |state| {
            let transaction = transaction.clone();
            PaymentFact::without_money(transaction, id, state, order.amount, now)
        };
        match trick {
            Trick::Unreachable => Err(not_reached()),
            Trick::LoseRequest => Err(lost()),
            Trick::Decline(decline) => {
                books.facts.insert(id, known(FactState::Failed(decline.clone())));
                Ok(ChargeOutcome::Declined { transaction: Some(transaction), decline })
            }
            Trick::Challenge => {
                books.amounts.insert(id, order.amount);
                books.facts.insert(id, known(FactState::RequiresAction));
                let challenge = ChallengeKind::Form {
                    action: "https://bank.example/acs".to_owned(),
                    md: transaction.to_string(),
                    pa_req: "pareq".to_owned(),
                };
                Ok(ChargeOutcome::RequiresAction { transaction, challenge })
            }
            Trick::Obey | Trick::LoseAnswer => {
                books.amounts.insert(id, order.amount);
                let already = books.facts.get(&id).is_some_and(|fact| fact.captured.minor() > 0);
                if !already {
                    books.facts.insert(id, known(FactState::Processing));
                    books.settle(id, order.capture, now);
                }
                if trick == Trick::LoseAnswer {
                    return Err(lost());
                }
                let fact = books.facts.get(&id).cloned().ok_or_else(lost)?;
                Ok(ChargeOutcome::Approved { fact, card: save.then(kept) })
            }
        }
    }

    fn operated(
        &self,
        payment: PaymentId,
        key: &OperationKey,
        change: impl FnOnce(&mut PaymentFact) -> bool,
    ) -> Result<OperationOutcome, GatewayError> {
        let mut books = self.books();
        books.calls += 1;
        let trick = books.tricks.pop_front().unwrap_or(Trick::Obey);
        match trick {
            Trick::Unreachable => return Err(not_reached()),
            Trick::LoseRequest => return Err(lost()),
            Trick::Decline(decline) => return Ok(OperationOutcome::Declined(decline)),
            Trick::Obey | Trick::LoseAnswer | Trick::Challenge => {}
        }
        if !books.done.contains_key(key.as_str()) {
            let fact = books.facts.get_mut(&payment).ok_or_else(lost)?;
            if !change(fact) {
                let decline = Decline::hard("not_executed").with_code("amount".to_owned());
                return Ok(OperationOutcome::Declined(decline));
            }
            let outcome = OperationOutcome::Done(fact.clone());
            books.done.insert(key.as_str().to_owned(), outcome);
        }
        if trick == Trick::LoseAnswer {
            return Err(lost());
        }
        Ok(books.done.get(key.as_str()).cloned().unwrap_or(OperationOutcome::Pending))
    }
}

impl Books {
    fn settle(&mut self, id: PaymentId, capture: CaptureMode, now: DateTime<Utc>) {
        let Some(amount) = self.amounts.get(&id).copied() else { return };
        let Some(fact) = self.facts.get_mut(&id) else { return };
        fact.at = now;
        match capture {
            CaptureMode::AtOnce => {
                fact.state = FactState::Captured;
                fact.captured = amount;
                *self.charges.entry(id).or_default() += 1;
            }
            CaptureMode::Later => {
                let until = Some(now + chrono::TimeDelta::days(7));
                fact.state = FactState::Authorized { until };
            }
        }
    }
}

fn lost() -> GatewayError {
    GatewayError::Unknown { source: "the answer was lost".into() }
}

fn not_reached() -> GatewayError {
    GatewayError::NotDone { retry_after_seconds: None, source: "connection refused".into() }
}

fn kept() -> KeptCard {
    KeptCard {
        token: Secret::new("card_1".to_owned()),
        brand: "visa".to_owned(),
        last_four: "4242".to_owned(),
        expires: None,
    }
}

#[async_trait]
impl Gateway for TrickyGateway {
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
            cryptograms: true,
            asks_first: false,
            subscriptions: false,
            payouts: true,
            idempotency_hours: 24,
            hold_days: 7,
        }
    }

    async fn charge(&self, request: &ChargeRequest) -> Result<ChargeOutcome, GatewayError> {
        self.charged(&request.order, request.save_card)
    }

    async fn confirm(&self, answer: &ChallengeAnswer) -> Result<ChargeOutcome, GatewayError> {
        let now = self.now();
        let mut books = self.books();
        books.calls += 1;
        if let Some(Trick::LoseAnswer) = books.tricks.pop_front() {
            books.settle(answer.payment, CaptureMode::AtOnce, now);
            return Err(lost());
        }
        books.settle(answer.payment, CaptureMode::AtOnce, now);
        let fact = books.facts.get(&answer.payment).cloned().ok_or_else(lost)?;
        Ok(ChargeOutcome::Approved { fact, card: None })
    }

    async fn capture(&self, request: &CaptureRequest) -> Result<OperationOutcome, GatewayError> {
        let now = self.now();
        self.operated(request.payment, &request.key, |fact| {
            fact.state = FactState::Captured;
            fact.captured = request.amount;
            fact.at = now;
            true
        })
    }

    async fn void(&self, request: &VoidRequest) -> Result<OperationOutcome, GatewayError> {
        let now = self.now();
        self.operated(request.payment, &request.key, |fact| {
            fact.state = FactState::Voided;
            fact.at = now;
            true
        })
    }

    async fn refund(&self, request: &RefundRequest) -> Result<OperationOutcome, GatewayError> {
        self.operated(request.payment, &request.key, |fact| {
            let sum = fact.refunded.minor() + request.amount.minor();
            let is_there = sum + fact.charged_back.minor() <= fact.captured.minor();
            if is_there {
                fact.refunded = Money::new(sum, request.amount.currency());
            }
            is_there
        })
    }

    async fn save_card(&self, _: &SaveCardRequest) -> Result<SaveCardOutcome, GatewayError> {
        Ok(SaveCardOutcome::Saved(kept()))
    }

    async fn charge_saved(&self, request: &SavedCardCharge) -> Result<ChargeOutcome, GatewayError> {
        self.charged(&request.order, false)
    }

    async fn checkout(&self, request: &CheckoutRequest) -> Result<HostedCheckout, GatewayError> {
        self.books().amounts.insert(request.order.payment, request.order.amount);
        let url = format!("https://gateway.example/pay/{}", request.order.payment);
        Ok(HostedCheckout { url, transaction: None })
    }

    async fn status(&self, query: &StatusQuery) -> Result<Option<PaymentFact>, GatewayError> {
        let books = self.books();
        if books.deaf {
            return Err(not_reached());
        }
        let given_up = query.transaction.as_ref().and_then(|asked| books.given_up.get(asked));
        Ok(given_up.or_else(|| books.facts.get(&query.payment)).cloned())
    }

    async fn subscription(&self, _: &str) -> Result<Option<SubscriptionSnapshot>, GatewayError> {
        Ok(None)
    }

    async fn end_subscription(
        &self,
        _: &str,
        _: bool,
        _: &OperationKey,
    ) -> Result<SubscriptionSnapshot, GatewayError> {
        Err(GatewayError::Unsupported { operation: "run subscriptions" })
    }

    async fn pay_out(&self, request: &PayoutRequest) -> Result<PayoutOutcome, GatewayError> {
        let mut books = self.books();
        books.calls += 1;
        let reference = a_transaction(&format!("po-{}", request.payout));
        let outcome = match books.tricks.pop_front().unwrap_or(Trick::Obey) {
            Trick::Unreachable => return Err(not_reached()),
            Trick::LoseRequest => return Err(lost()),
            Trick::Decline(decline) => PayoutOutcome::Declined(decline),
            Trick::LoseAnswer => {
                let paid = PayoutOutcome::Paid { reference };
                books.payouts.insert(request.key.as_str().to_owned(), paid);
                return Err(lost());
            }
            Trick::Obey | Trick::Challenge => PayoutOutcome::Paid { reference },
        };
        books.payouts.insert(request.key.as_str().to_owned(), outcome.clone());
        Ok(outcome)
    }

    async fn payout_status(
        &self,
        request: &PayoutRequest,
    ) -> Result<Option<PayoutOutcome>, GatewayError> {
        Ok(self.books().payouts.get(request.key.as_str()).cloned())
    }

    fn verify(&self, delivery: &Delivery<'_>) -> Result<SignedMessage, WebhookRefusal> {
        let signature = delivery.header("x-signature").ok_or(WebhookRefusal::Unsigned)?;
        if signature != Self::sign(delivery.body) {
            return Err(WebhookRefusal::WrongSignature);
        }
        let text = std::str::from_utf8(delivery.body).map_err(|_| WebhookRefusal::Unreadable)?;
        let (event, payment) = text.split_once(' ').ok_or(WebhookRefusal::Unreadable)?;
        let payment: PaymentId = payment.parse().map_err(|_| WebhookRefusal::Unreadable)?;
        let transaction = a_transaction(&format!("tx-{payment}-1"));
        Ok(SignedMessage {
            event_id: a_transaction(event),
            kind: kernel::Text::from_stored("payment".to_owned()),
            subject: Subject::Payment { payment: Some(payment), transaction },
            at: None,
            question: None,
        })
    }

    fn acknowledge(&self, _: Option<Verdict>) -> Acknowledgement {
        let body = "{\"code\":0}".to_owned();
        Acknowledgement { status: 200, content_type: "application/json", body }
    }
}

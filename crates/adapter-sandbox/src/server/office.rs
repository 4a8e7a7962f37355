//! The sandbox's books: everything that is kept, and what is told of it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use kernel::{Clock, Random, StorageError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bank::{Forbidden, Payment, kept_card};
use crate::wire::{
    CardAnswer, Hostility, NewCard, NewCheckout, NewPayment, NewPayout, PayoutStatus, WireDecline,
    WireEvent, WirePayment, WirePayout,
};
use crate::{SandboxStore, TestCard};

/// The largest amount: a million million minor units.
const MOST: i64 = 1_000_000_000_000;

#[derive(Debug)]
pub(crate) enum Refusal {
    NotFound,
    Invalid(&'static str),
    UnknownCard,
    Forbidden(Forbidden),
    Storage(StorageError),
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<Forbidden> for Refusal {
    fn from(forbidden: Forbidden) -> Self {
        Self::Forbidden(forbidden)
    }
}

/// A page on which somebody pays.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Checkout {
    pub(crate) id: String,
    pub(crate) order: NewCheckout,
    /// The last try.
    pub(crate) payment: Option<String>,
}

/// A card that is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    card: TestCard,
    account: String,
}

/// One thing is done at a time: whoever holds it, holds the lock. What a call changes is written
/// with its answer or not at all ([`Office::commit`]), so that the same key again finds either all
/// of it or nothing, whenever the process was killed.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) store: Arc<dyn SandboxStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) public_url: String,
    /// What was changed, and is not written yet.
    pub(crate) changed: BTreeMap<String, Value>,
    /// What is told once it is written.
    pub(crate) events: Vec<WireEvent>,
    /// What is told now.
    pub(crate) told: Vec<WireEvent>,
}

impl Office {
    pub(crate) fn new(
        store: Arc<dyn SandboxStore>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        public_url: String,
    ) -> Self {
        let (changed, events, told) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { store, clock, random, public_url, changed, events, told }
    }

    fn new_id(&self, prefix: &str) -> String {
        let mut bytes = [0; 12];
        self.random.fill(&mut bytes);
        format!("{prefix}_{}", hex::encode(bytes))
    }

    async fn load<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Refusal> {
        let document = match self.changed.get(key) {
            Some(changed) => Some(changed.clone()),
            None => self.store.document(key).await?,
        };
        let unreadable = |error| StorageError::corrupt("read a document of the sandbox", error);
        Ok(document.map(serde_json::from_value).transpose().map_err(unreadable)?)
    }

    /// Writes all that was changed, or nothing of it; what was written is told.
    pub(crate) async fn commit(&mut self) -> Result<(), Refusal> {
        let changed: Vec<_> = std::mem::take(&mut self.changed).into_iter().collect();
        let events = std::mem::take(&mut self.events);
        if !changed.is_empty() {
            self.store.put(&changed).await?;
        }
        self.told.extend(events);
        Ok(())
    }

    /// Forgets what was changed and not written.
    pub(crate) fn undo(&mut self) {
        self.changed.clear();
        self.events.clear();
    }

    /// Changes a document.
    pub(crate) fn write(&mut self, key: String, document: Value) {
        self.changed.insert(key, document);
    }

    fn tell(&mut self, kind: &str, object: &str, reference: &str) {
        let (id, at) = (self.new_id("evt"), self.clock.now());
        let (kind, object, reference) = (kind.to_owned(), object.to_owned(), reference.to_owned());
        self.events.push(WireEvent { id, kind, object, reference, at });
    }

    pub(crate) async fn hostility(&self) -> Result<Hostility, Refusal> {
        Ok(self.load("hostility").await?.unwrap_or_default())
    }

    pub(crate) fn set_hostility(&mut self, hostility: &Hostility) {
        self.write("hostility".to_owned(), document(hostility));
    }

    /// The payment, as it is now: a reservation whose time is over is let go first.
    pub(crate) async fn payment(&mut self, id: &str) -> Result<Payment, Refusal> {
        let payment: Option<Payment> = self.load(&format!("payment/{id}")).await?;
        let mut payment = payment.ok_or(Refusal::NotFound)?;
        if payment.expire(self.clock.now()) {
            self.keep(&payment, payment.event());
        }
        Ok(payment)
    }

    pub(crate) async fn payment_by_reference(
        &mut self,
        reference: &str,
    ) -> Result<Payment, Refusal> {
        let id: Option<String> = self.load(&format!("reference/{reference}")).await?;
        self.payment(&id.ok_or(Refusal::NotFound)?).await
    }

    fn keep(&mut self, payment: &Payment, event: &str) {
        self.write(format!("payment/{}", payment.id), document(payment));
        let reference = format!("reference/{}", payment.reference);
        self.write(reference, Value::String(payment.id.clone()));
        if let Some(kept) = payment.kept() {
            let card = Kept { card: payment.card(), account: payment.account.clone() };
            self.write(format!("card/{}", kept.token), document(&card));
        }
        self.tell(event, &payment.id, &payment.reference);
    }

    pub(crate) async fn pay(&mut self, new: NewPayment) -> Result<Payment, Refusal> {
        check_amount(new.amount, &new.currency)?;
        if new.reference.is_empty() || new.reference.len() > 120 {
            return Err(Refusal::Invalid("reference"));
        }
        let card = self.card(&new.card, &new.account).await?;
        let always_secure = self.hostility().await?.always_secure;
        let payment = Payment::open(self.new_id("sbx"), new, card, always_secure, self.clock.now());
        self.keep(&payment, payment.event());
        Ok(payment)
    }

    async fn card(&self, token: &str, account: &str) -> Result<TestCard, Refusal> {
        if let Some(card) = TestCard::of_token(token) {
            return Ok(card);
        }
        let kept: Option<Kept> = self.load(&format!("card/{token}")).await?;
        let kept = kept.filter(|kept| kept.account == account);
        kept.map(|kept| kept.card).ok_or(Refusal::UnknownCard)
    }

    /// Does something to a payment, keeps it and tells of it.
    pub(crate) async fn change(
        &mut self,
        id: &str,
        event: Option<&str>,
        change: impl FnOnce(&mut Payment) -> Result<(), Forbidden>,
    ) -> Result<Payment, Refusal> {
        let mut payment = self.payment(id).await?;
        change(&mut payment)?;
        self.keep(&payment, event.unwrap_or(payment.event()));
        Ok(payment)
    }

    pub(crate) fn save_card(&mut self, new: &NewCard) -> Result<CardAnswer, Refusal> {
        let card = TestCard::of_token(&new.card).ok_or(Refusal::UnknownCard)?;
        if let Some((reason, hard)) = card.decline(true) {
            let decline = Some(WireDecline { reason: reason.to_owned(), hard });
            return Ok(CardAnswer { card: None, decline });
        }
        let kept = kept_card(card, &self.new_id("crd"));
        let record = Kept { card, account: new.account.clone() };
        self.write(format!("card/{}", kept.token), document(&record));
        Ok(CardAnswer { card: Some(kept), decline: None })
    }

    pub(crate) fn open_checkout(&mut self, order: NewCheckout) -> Result<Checkout, Refusal> {
        check_amount(order.amount, &order.currency)?;
        let checkout = Checkout { id: self.new_id("chk"), order, payment: None };
        self.keep_checkout(&checkout);
        Ok(checkout)
    }

    pub(crate) fn keep_checkout(&mut self, checkout: &Checkout) {
        self.write(format!("checkout/{}", checkout.id), document(checkout));
    }

    pub(crate) async fn checkout(&self, id: &str) -> Result<Checkout, Refusal> {
        let checkout = self.load(&format!("checkout/{id}")).await?;
        checkout.ok_or(Refusal::NotFound)
    }

    pub(crate) fn pay_out(&mut self, new: NewPayout) -> Result<WirePayout, Refusal> {
        check_amount(new.amount, &new.currency)?;
        let status = match new.destination.as_str() {
            "bank_good" => PayoutStatus::Paid,
            "bank_slow" => PayoutStatus::Pending,
            "bank_closed" => PayoutStatus::Failed,
            _ => return Err(Refusal::Invalid("destination")),
        };
        let (id, NewPayout { reference, amount, currency, .. }) = (self.new_id("spo"), new);
        let payout = WirePayout { id, reference, status, amount, currency };
        self.keep_payout(&payout);
        Ok(payout)
    }

    fn keep_payout(&mut self, payout: &WirePayout) {
        self.write(format!("payout/{}", payout.reference), document(payout));
        let event = match payout.status {
            PayoutStatus::Pending => "payout.pending",
            PayoutStatus::Paid => "payout.paid",
            PayoutStatus::Failed => "payout.failed",
        };
        self.tell(event, &payout.id, &payout.reference);
    }

    pub(crate) async fn payout(&self, reference: &str) -> Result<WirePayout, Refusal> {
        let payout = self.load(&format!("payout/{reference}")).await?;
        payout.ok_or(Refusal::NotFound)
    }

    pub(crate) async fn finish_payout(
        &mut self,
        reference: &str,
        arrived: bool,
    ) -> Result<WirePayout, Refusal> {
        let mut payout = self.payout(reference).await?;
        if payout.status != PayoutStatus::Pending {
            return Err(Refusal::Invalid("status"));
        }
        payout.status = if arrived { PayoutStatus::Paid } else { PayoutStatus::Failed };
        self.keep_payout(&payout);
        Ok(payout)
    }

    /// A page of payments, for whoever reconciles.
    pub(crate) async fn payments(
        &self,
        after: &str,
        limit: usize,
    ) -> Result<Vec<WirePayment>, Refusal> {
        let after = format!("payment/{after}");
        let documents = self.store.documents("payment/", &after, limit).await?;
        let unreadable = |error| StorageError::corrupt("read a payment of the sandbox", error);
        let view = |(_, document)| {
            let payment: Payment = serde_json::from_value(document).map_err(unreadable)?;
            Ok(payment.view(&self.public_url))
        };
        documents.into_iter().map(view).collect()
    }
}

fn document<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("these types are JSON")
}

fn check_amount(amount: i64, currency: &str) -> Result<(), Refusal> {
    if !(1..=MOST).contains(&amount) {
        return Err(Refusal::Invalid("amount"));
    }
    currency.parse::<kernel::Currency>().map(|_| ()).map_err(|_| Refusal::Invalid("currency"))
}

use serde_json::{Value, json};

use super::error::{Refusal, Result};
use super::form::Params;
use super::intent::{Confirmation, NewIntent, Stage};
use super::shelf::{Metadata, Stored};
use super::state::State;

/// A page on which a payer pays.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) mode: String,
    pub(crate) status: &'static str,
    pub(crate) payment_status: &'static str,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) success_url: String,
    pub(crate) cancel_url: Option<String>,
    pub(crate) customer: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) intent: Option<String>,
    pub(crate) subscription: Option<String>,
    pub(crate) price: Option<String>,
    pub(crate) expires_at: i64,
    intent_metadata: Metadata,
    manual_capture: bool,
    setup_future_usage: Option<String>,
    description: Option<String>,
    transfer_group: Option<String>,
    pub(crate) url: String,
}

impl Stored for Session {
    const KIND: &'static str = "checkout.session";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "checkout.session",
            "allow_promotion_codes": null,
            "amount_subtotal": self.amount,
            "amount_total": self.amount,
            "automatic_tax": { "enabled": false, "liability": null, "status": null },
            "cancel_url": self.cancel_url,
            "client_reference_id": self.reference,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "customer_email": null,
            "expires_at": self.expires_at,
            "invoice": null,
            "livemode": false,
            "locale": null,
            "metadata": self.metadata,
            "mode": self.mode,
            "payment_intent": self.intent,
            "payment_method_types": ["card"],
            "payment_status": self.payment_status,
            "setup_intent": null,
            "status": self.status,
            "subscription": self.subscription,
            "success_url": self.success_url,
            "ui_mode": "hosted",
            "url": (self.status == "open").then_some(&self.url),
        })
    }
}

impl State {
    pub(crate) fn create_session(&mut self, mut params: Params) -> Result<Value> {
        let mode = params.one_of("mode", &["payment", "subscription"])?;
        let mode = mode.ok_or_else(|| Refusal::missing("mode"))?;
        let success_url = params.required("success_url")?;
        let (cancel_url, customer) = (params.text("cancel_url"), params.text("customer"));
        let (reference, metadata) = (params.text("client_reference_id"), params.map("metadata"));
        let expires_at = params.integer("expires_at")?;
        let _ = (
            params.text("locale"),
            params.text("customer_email"),
            params.list("payment_method_types"),
        );
        let intent_metadata = params.map("payment_intent_data[metadata]");
        let description = params.text("payment_intent_data[description]");
        let transfer_group = params.text("payment_intent_data[transfer_group]");
        let capture =
            params.one_of("payment_intent_data[capture_method]", &["automatic", "manual"])?;
        let usage = params
            .one_of("payment_intent_data[setup_future_usage]", &["off_session", "on_session"])?;
        let _ = params.one_of("customer_creation", &["always", "if_required"])?;
        let quantity = params.integer("line_items[0][quantity]")?;
        let price = params.text("line_items[0][price]");
        let quantity = quantity.ok_or_else(|| Refusal::missing("line_items[0][quantity]"))?;
        let (amount, currency) = if let Some(price) = &price {
            let price = self.prices.get(price)?;
            (price.amount, price.currency.clone())
        } else {
            let currency = params.currency("line_items[0][price_data][currency]")?;
            params.required("line_items[0][price_data][product_data][name]")?;
            let amount = params.amount("line_items[0][price_data][unit_amount]")?;
            (
                amount.ok_or_else(|| Refusal::missing("line_items[0][price_data][unit_amount]"))?,
                currency,
            )
        };
        params.finish()?;
        let (now, id) = (self.now(), self.new_id("cs_test"));
        let expires_at = expires_at.unwrap_or(now + 86_400);
        if expires_at < now + 30 * 60 || expires_at > now + 86_400 {
            let message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.";
            return Err(Refusal::invalid("expires_at", message));
        }
        if let Some(customer) = &customer {
            self.customers.get(customer)?;
        }
        let url = format!("{}/pages/checkout/{id}", self.base);
        let session = Session {
            id: id.clone(),
            created: now,
            mode,
            status: "open",
            payment_status: "unpaid",
            amount: amount * quantity,
            currency,
            success_url,
            cancel_url,
            customer,
            reference,
            metadata,
            intent: None,
            subscription: None,
            price,
            expires_at,
            intent_metadata,
            manual_capture: capture.as_deref() == Some("manual"),
            setup_future_usage: usage,
            description,
            transfer_group,
            url,
        };
        let json = session.json();
        self.sessions.put(session);
        Ok(json)
    }

    /// The payer pays on the page. The card may ask for 3-D Secure first: the answer is then the
    /// page of the bank.
    pub(crate) fn pay_session(&mut self, id: &str, card: &str) -> Result<Option<String>> {
        let session = self.open_session(id)?;
        let customer = match session.customer.clone() {
            Some(customer) => customer,
            None => self.create_customer(Params::new(Vec::new()))?["id"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        self.sessions.get_mut(id)?.customer = Some(customer.clone());
        if session.mode == "subscription" {
            let method = self.usable_method(card, Some(&customer))?;
            self.attach(&method, &customer)?;
            let price = session.price.unwrap_or_default();
            let subscription = self.subscribe(&customer, &price, &method, session.metadata)?;
            let session = self.sessions.get_mut(id)?;
            session.subscription = Some(subscription);
            self.complete_session(id)?;
            return Ok(None);
        }
        // The intent comes to be when the payer pays, and stays through the tries.
        let intent = match session.intent.clone() {
            Some(intent) => intent,
            None => self.new_intent(NewIntent {
                amount: session.amount,
                currency: session.currency.clone(),
                customer: Some(customer.clone()),
                metadata: session.intent_metadata.clone(),
                manual_capture: session.manual_capture,
                setup_future_usage: session.setup_future_usage.clone(),
                description: session.description.clone(),
                transfer_group: session.transfer_group.clone(),
                ..NewIntent::default()
            }),
        };
        self.sessions.get_mut(id)?.intent = Some(intent.clone());
        let method = self.usable_method(card, Some(&customer))?;
        self.intents.get_mut(&intent)?.payment_method = Some(method);
        let return_url = Some(format!("{}/pages/checkout/{id}/return", self.base));
        self.confirm(&intent, Confirmation { return_url, off_session: false })?;
        if self.intents.get(&intent)?.stage == Stage::RequiresAction {
            return Ok(Some(format!("{}/pages/authenticate/{intent}", self.base)));
        }
        self.complete_session(id)?;
        Ok(None)
    }

    /// The page is done with, if its payment is.
    pub(crate) fn complete_session(&mut self, id: &str) -> Result<bool> {
        let session = self.open_session(id)?;
        let paid = match &session.intent {
            Some(intent) => {
                matches!(self.intents.get(intent)?.stage, Stage::Succeeded | Stage::RequiresCapture)
            }
            None => session.subscription.is_some(),
        };
        if paid {
            let session = self.sessions.get_mut(id)?;
            session.status = "complete";
            session.payment_status = if session.manual_capture { "unpaid" } else { "paid" };
            let json = session.json();
            self.emit("checkout.session.completed", json);
        }
        Ok(paid)
    }

    pub(crate) fn expire_session(&mut self, id: &str) -> Result<Value> {
        self.open_session(id)?;
        let session = self.sessions.get_mut(id)?;
        session.status = "expired";
        let json = session.json();
        self.emit("checkout.session.expired", json.clone());
        Ok(json)
    }

    fn open_session(&self, id: &str) -> Result<Session> {
        let session = self.sessions.get(id)?.clone();
        if session.status == "open" {
            return Ok(session);
        }
        let message =
            format!("This Session is in status {} and cannot be used any more.", session.status);
        Err(Refusal::request(&message))
    }
}

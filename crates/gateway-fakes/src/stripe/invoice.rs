use serde_json::{Value, json};

use super::error::{Refusal, Result};
use super::form::Params;
use super::intent::{Confirmation, NewIntent, Stage};
use super::shelf::{Metadata, Stored};
use super::state::State;

#[derive(Debug, Clone)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) number: String,
    pub(crate) status: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) customer: String,
    pub(crate) subscription: String,
    pub(crate) subscription_metadata: Metadata,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) period: (i64, i64),
    pub(crate) attempts: u32,
    pub(crate) intent: Option<String>,
    pub(crate) paid_at: Option<i64>,
}

impl Stored for Invoice {
    const KIND: &'static str = "invoice";
    const PARAM: &'static str = "invoice";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let paid = self.status == "paid";
        json!({
            "id": self.id,
            "object": "invoice",
            "account_country": "DE",
            "amount_due": self.amount,
            "amount_paid": if paid { self.amount } else { 0 },
            "amount_remaining": if paid { 0 } else { self.amount },
            "attempt_count": self.attempts,
            "attempted": self.attempts > 0,
            "auto_advance": self.status == "open",
            "billing_reason": self.reason,
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "hosted_invoice_url": null,
            "invoice_pdf": null,
            "lines": { "object": "list", "has_more": false, "url": format!("/v1/invoices/{}/lines", self.id), "data": [{
                "id": format!("il_{}", &self.id[3..]),
                "object": "line_item",
                "amount": self.amount,
                "currency": self.currency,
                "invoice": self.id,
                "parent": { "type": "subscription_item_details", "invoice_item_details": null, "subscription_item_details": { "invoice_item": null, "proration": false, "subscription": self.subscription, "subscription_item": format!("si_{}", &self.subscription[4..]) } },
                "period": { "start": self.period.0, "end": self.period.1 },
                "quantity": 1,
            }] },
            "livemode": false,
            "metadata": {},
            "next_payment_attempt": null,
            "number": self.number,
            "parent": { "type": "subscription_details", "quote_details": null, "subscription_details": { "metadata": self.subscription_metadata, "subscription": self.subscription } },
            "period_end": self.period.1,
            "period_start": self.period.0,
            "status": self.status,
            "status_transitions": { "finalized_at": self.created, "marked_uncollectible_at": null, "paid_at": self.paid_at, "voided_at": null },
            "subtotal": self.amount,
            "total": self.amount,
        })
    }
}

impl State {
    /// A finalised invoice for a period of a subscription.
    pub(crate) fn bill(
        &mut self,
        subscription: &str,
        reason: &'static str,
        amount: i64,
    ) -> Result<String> {
        let subscription = self.subscriptions.get(subscription)?.clone();
        let (id, created) = (self.new_id("in"), self.now());
        let number = format!("FAKE0001-{:04}", self.invoices.iter().count() + 1);
        let currency = self.prices.get(&subscription.price)?.currency.clone();
        let invoice = Invoice {
            id: id.clone(),
            created,
            number,
            status: "open",
            reason,
            customer: subscription.customer,
            subscription: subscription.id.clone(),
            subscription_metadata: subscription.metadata,
            amount,
            currency,
            period: subscription.period,
            attempts: 0,
            intent: None,
            paid_at: None,
        };
        let json = invoice.json();
        self.invoices.put(invoice);
        self.subscriptions.get_mut(&subscription.id)?.latest_invoice = Some(id.clone());
        self.emit("invoice.created", json.clone());
        self.emit("invoice.finalized", json);
        Ok(id)
    }

    /// Charges the subscription's card for an open invoice. Answers whether it is paid.
    pub(crate) fn collect(
        &mut self,
        id: &str,
        method: Option<&str>,
        off_session: bool,
    ) -> Result<bool> {
        let invoice = self.invoices.get(id)?.clone();
        if invoice.amount == 0 {
            return self.paid(id);
        }
        let intent = match invoice.intent.clone() {
            Some(intent) => intent,
            None => self.new_intent(NewIntent {
                amount: invoice.amount,
                currency: invoice.currency.clone(),
                customer: Some(invoice.customer.clone()),
                setup_future_usage: Some("off_session".to_owned()),
                description: Some("Subscription update".to_owned()),
                ..NewIntent::default()
            }),
        };
        let changed = self.invoices.get_mut(id)?;
        changed.intent = Some(intent.clone());
        let Some(method) = method else { return Ok(false) };
        changed.attempts += 1;
        let method = self.usable_method(method, Some(&invoice.customer))?;
        self.intents.get_mut(&intent)?.payment_method = Some(method);
        let confirmed = self.confirm(&intent, Confirmation { return_url: None, off_session });
        match confirmed {
            Ok(()) if self.intents.get(&intent)?.stage == Stage::Succeeded => self.paid(id),
            Ok(()) => {
                let json = self.invoices.get(id)?.json();
                self.emit("invoice.payment_action_required", json);
                Ok(false)
            }
            Err(refusal) if refusal.status == 402 => {
                let json = self.invoices.get(id)?.json();
                self.emit("invoice.payment_failed", json);
                Ok(false)
            }
            Err(refusal) => Err(refusal),
        }
    }

    pub(crate) fn paid(&mut self, id: &str) -> Result<bool> {
        let now = self.now();
        let invoice = self.invoices.get_mut(id)?;
        invoice.status = "paid";
        invoice.paid_at = Some(now);
        let json = invoice.json();
        self.emit("invoice.paid", json.clone());
        self.emit("invoice.payment_succeeded", json);
        Ok(true)
    }

    pub(crate) fn pay_invoice(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let (method, off_session) = (params.text("payment_method"), params.flag("off_session")?);
        params.finish()?;
        let invoice = self.invoices.get(id)?.clone();
        if invoice.status != "open" {
            let message = if invoice.status == "paid" {
                "Invoice is already paid"
            } else {
                "This invoice can no longer be paid"
            };
            return Err(Refusal::request(message));
        }
        let subscription = self.subscriptions.get(&invoice.subscription)?.clone();
        let method = method.or(self.method_of(&subscription));
        let paid = self.collect(id, method.as_deref(), off_session.unwrap_or(true))?;
        self.after_payment(&invoice.subscription, paid)?;
        if paid {
            return Ok(self.invoices.get(id)?.json());
        }
        Err(Refusal::card("card_declined", Some("generic_decline"), "Your card was declined."))
    }

    pub(crate) fn void_invoice(&mut self, id: &str, params: Params) -> Result<Value> {
        params.finish()?;
        let invoice = self.invoices.get_mut(id)?;
        if invoice.status != "open" {
            return Err(Refusal::request("You can only void an open invoice."));
        }
        invoice.status = "void";
        let json = invoice.json();
        self.emit("invoice.voided", json.clone());
        Ok(json)
    }

    /// How an invoice was paid; the invoice itself does not say.
    pub(crate) fn invoice_payments(&self, mut params: Params) -> Result<Value> {
        let id = params.required("invoice")?;
        params.finish()?;
        let invoice = self.invoices.get(&id)?;
        let payment = |intent: &String| {
            json!({
                "id": format!("inpay_{}", &invoice.id[3..]),
                "object": "invoice_payment",
                "amount_paid": if invoice.status == "paid" { Some(invoice.amount) } else { None },
                "amount_requested": invoice.amount,
                "created": invoice.created,
                "currency": invoice.currency,
                "invoice": invoice.id,
                "is_default": true,
                "livemode": false,
                "payment": { "type": "payment_intent", "payment_intent": intent },
                "status": if invoice.status == "paid" { "paid" } else { "open" },
                "status_transitions": { "canceled_at": null, "paid_at": invoice.paid_at },
            })
        };
        let data: Vec<_> = invoice.intent.iter().map(payment).collect();
        Ok(
            json!({ "object": "list", "url": "/v1/invoice_payments", "has_more": false, "data": data }),
        )
    }
}

use chrono::{DateTime, Days, Months, Utc};
use serde_json::{Value, json};

use super::error::{Refusal, Result};
use super::form::Params;
use super::shelf::{Metadata, Stored};
use super::state::State;

/// The first payment has to arrive within 23 hours.
const FIRST_PAYMENT: i64 = 23 * 3600;

#[derive(Debug, Clone)]
pub(crate) struct Price {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) product: String,
    /// Unit and count; none for a price that is paid once.
    pub(crate) interval: Option<(String, u32)>,
    metadata: Metadata,
}

#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) status: &'static str,
    pub(crate) customer: String,
    pub(crate) price: String,
    price_json: Value,
    pub(crate) method: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) period: (i64, i64),
    pub(crate) trial: Option<(i64, i64)>,
    pub(crate) cancel_at_period_end: bool,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) ended_at: Option<i64>,
    pub(crate) latest_invoice: Option<String>,
    missing_method: String,
}

impl Stored for Price {
    const KIND: &'static str = "price";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let recurring = self.interval.as_ref().map(|(unit, count)| {
            json!({ "interval": unit, "interval_count": count, "meter": null, "trial_period_days": null, "usage_type": "licensed" })
        });
        json!({
            "id": self.id,
            "object": "price",
            "active": true,
            "billing_scheme": "per_unit",
            "created": self.created,
            "currency": self.currency,
            "livemode": false,
            "lookup_key": null,
            "metadata": self.metadata,
            "nickname": null,
            "product": self.product,
            "recurring": recurring,
            "tax_behavior": "unspecified",
            "type": if self.interval.is_some() { "recurring" } else { "one_time" },
            "unit_amount": self.amount,
            "unit_amount_decimal": self.amount.to_string(),
        })
    }
}

impl Stored for Subscription {
    const KIND: &'static str = "subscription";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn metadata(&self) -> Option<&Metadata> {
        Some(&self.metadata)
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "subscription",
            "application": null,
            "application_fee_percent": null,
            "automatic_tax": { "enabled": false, "liability": null },
            "billing_cycle_anchor": self.created,
            "cancel_at": self.cancel_at_period_end.then_some(self.period.1),
            "cancel_at_period_end": self.cancel_at_period_end,
            "canceled_at": self.canceled_at,
            "cancellation_details": { "comment": null, "feedback": null, "reason": self.canceled_at.map(|_| "cancellation_requested") },
            "collection_method": "charge_automatically",
            "created": self.created,
            "currency": self.price_json["currency"],
            "customer": self.customer,
            "default_payment_method": self.method,
            "description": null,
            "ended_at": self.ended_at,
            // Since 2025 the period is the item's.
            "items": { "object": "list", "has_more": false, "url": format!("/v1/subscription_items?subscription={}", self.id), "data": [{
                "id": format!("si_{}", &self.id[4..]),
                "object": "subscription_item",
                "created": self.created,
                "current_period_end": self.period.1,
                "current_period_start": self.period.0,
                "metadata": {},
                "price": self.price_json,
                "quantity": 1,
                "subscription": self.id,
            }] },
            "latest_invoice": self.latest_invoice,
            "livemode": false,
            "metadata": self.metadata,
            "next_pending_invoice_item_invoice": null,
            "pause_collection": null,
            "pending_setup_intent": null,
            "pending_update": null,
            "schedule": null,
            "start_date": self.created,
            "status": self.status,
            "test_clock": null,
            "transfer_data": null,
            "trial_end": self.trial.map(|trial| trial.1),
            "trial_settings": { "end_behavior": { "missing_payment_method": self.missing_method } },
            "trial_start": self.trial.map(|trial| trial.0),
        })
    }
}

impl State {
    pub(crate) fn create_price(&mut self, mut params: Params) -> Result<Value> {
        let currency = params.currency("currency")?;
        let amount =
            params.amount("unit_amount")?.ok_or_else(|| Refusal::missing("unit_amount"))?;
        let product = params.text("product");
        let name = params.text("product_data[name]");
        let unit = params.one_of("recurring[interval]", &["day", "week", "month", "year"])?;
        let count = params.integer("recurring[interval_count]")?.unwrap_or(1);
        let metadata = params.map("metadata");
        params.finish()?;
        if product.is_none() && name.is_none() {
            return Err(Refusal::missing("product"));
        }
        let product = product.unwrap_or_else(|| self.new_id("prod"));
        let count = u32::try_from(count).ok().filter(|count| (1..=1095).contains(count));
        let count = count.ok_or_else(|| {
            Refusal::invalid("recurring[interval_count]", "Invalid interval count")
        })?;
        let (id, created) = (self.new_id("price"), self.now());
        let interval = unit.map(|unit| (unit, count));
        let price = Price { id, created, amount, currency, product, interval, metadata };
        let json = price.json();
        self.prices.put(price);
        Ok(json)
    }

    pub(crate) fn create_subscription(&mut self, mut params: Params) -> Result<Value> {
        let customer = params.required("customer")?;
        let price = params.required("items[0][price]")?;
        let _ = params.integer("items[0][quantity]")?;
        let method = params.text("default_payment_method");
        let metadata = params.map("metadata");
        let days = params.integer("trial_period_days")?;
        let behaviors = ["allow_incomplete", "default_incomplete", "error_if_incomplete"];
        let behavior = params.one_of("payment_behavior", &behaviors)?;
        let missing = params.one_of(
            "trial_settings[end_behavior][missing_payment_method]",
            &["cancel", "create_invoice", "pause"],
        )?;
        let off_session = params.flag("off_session")?.unwrap_or(false);
        let _ = params.text("payment_settings[save_default_payment_method]");
        let cancels = params.flag("cancel_at_period_end")?.unwrap_or(false);
        params.finish()?;
        self.customers.get(&customer)?;
        if self.prices.get(&price)?.interval.is_none() {
            let message = "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.";
            return Err(Refusal::invalid("items[0][price]", message));
        }
        let method =
            method.map(|method| self.usable_method(&method, Some(&customer))).transpose()?;
        let has_method =
            method.is_some() || self.customers.get(&customer)?.default_method.is_some();
        let behavior = behavior.unwrap_or_else(|| "allow_incomplete".to_owned());
        if days.is_none() && !has_method && behavior != "default_incomplete" {
            let message = "This customer has no attached payment source or default payment method. Please consider adding a default payment method.";
            return Err(Refusal::request(message).coded("resource_missing"));
        }
        let id = self.start_subscription(&customer, &price, method, metadata, days.unwrap_or(0))?;
        let subscription = self.subscriptions.get_mut(&id)?;
        subscription.cancel_at_period_end = cancels;
        subscription.missing_method = missing.unwrap_or_else(|| "create_invoice".to_owned());
        if days.is_none_or(|days| days == 0) && behavior != "default_incomplete" {
            let charged = self.first_payment(&id, off_session)?;
            if !charged && behavior == "error_if_incomplete" {
                self.end_subscription(&id, "incomplete_expired")?;
                return Err(Refusal::card(
                    "card_declined",
                    Some("generic_decline"),
                    "Your card was declined.",
                ));
            }
        }
        Ok(self.subscriptions.get(&id)?.json())
    }

    /// A subscription bought on a page.
    pub(crate) fn subscribe(
        &mut self,
        customer: &str,
        price: &str,
        method: &str,
        metadata: Metadata,
    ) -> Result<String> {
        let id = self.start_subscription(customer, price, Some(method.to_owned()), metadata, 0)?;
        self.first_payment(&id, false)?;
        Ok(id)
    }

    fn start_subscription(
        &mut self,
        customer: &str,
        price: &str,
        method: Option<String>,
        metadata: Metadata,
        trial_days: i64,
    ) -> Result<String> {
        let (id, now) = (self.new_id("sub"), self.now());
        let price = self.prices.get(price)?.clone();
        let trial = (trial_days > 0).then(|| (now, now + trial_days * 86_400));
        let period = trial.unwrap_or((now, period_end(now, &price)));
        let subscription = Subscription {
            id: id.clone(),
            created: now,
            status: if trial.is_some() { "trialing" } else { "incomplete" },
            customer: customer.to_owned(),
            price: price.id.clone(),
            price_json: price.json(),
            method,
            metadata,
            period,
            trial,
            cancel_at_period_end: false,
            canceled_at: None,
            ended_at: None,
            latest_invoice: None,
            missing_method: "create_invoice".to_owned(),
        };
        let json = subscription.json();
        self.subscriptions.put(subscription);
        let amount = if trial.is_some() { 0 } else { price.amount };
        let invoice = self.bill(&id, "subscription_create", amount)?;
        if trial.is_some() {
            self.paid(&invoice)?;
        } else {
            self.collect(&invoice, None, false)?; // makes its intent
        }
        self.emit("customer.subscription.created", json);
        Ok(id)
    }

    fn first_payment(&mut self, id: &str, off_session: bool) -> Result<bool> {
        let subscription = self.subscriptions.get(id)?.clone();
        let invoice = subscription.latest_invoice.clone().unwrap_or_default();
        let method = self.method_of(&subscription);
        let paid = self.collect(&invoice, method.as_deref(), off_session)?;
        if paid {
            self.after_payment(id, true)?;
        }
        Ok(paid)
    }

    pub(crate) fn method_of(&self, subscription: &Subscription) -> Option<String> {
        let customer = self.customers.find(&subscription.customer);
        subscription
            .method
            .clone()
            .or_else(|| customer.and_then(|customer| customer.default_method.clone()))
    }

    /// A payment moves its subscription.
    pub(crate) fn after_payment(&mut self, id: &str, paid: bool) -> Result<()> {
        let subscription = self.subscriptions.get_mut(id)?;
        subscription.status = match (subscription.status, paid) {
            ("canceled" | "incomplete_expired", _) => return Ok(()),
            (_, true) => "active",
            ("incomplete", false) => "incomplete",
            (_, false) => "past_due",
        };
        let json = subscription.json();
        self.emit("customer.subscription.updated", json);
        Ok(())
    }

    /// The period is over: the next one is billed, or the subscription ends. Also the end of a trial.
    pub(crate) fn renew(&mut self, id: &str) -> Result<()> {
        let subscription = self.subscriptions.get(id)?.clone();
        if subscription.cancel_at_period_end {
            return self.end_subscription(id, "canceled");
        }
        let price = self.prices.get(&subscription.price)?.clone();
        let method = self.method_of(&subscription);
        if subscription.status == "trialing" && method.is_none() {
            match subscription.missing_method.as_str() {
                "cancel" => return self.end_subscription(id, "canceled"),
                "pause" => {
                    let changed = self.subscriptions.get_mut(id)?;
                    changed.status = "paused";
                    let json = changed.json();
                    self.emit("customer.subscription.paused", json);
                    return Ok(());
                }
                _ => {}
            }
        }
        let start = subscription.period.1;
        self.subscriptions.get_mut(id)?.period = (start, period_end(start, &price));
        let invoice = self.bill(id, "subscription_cycle", price.amount)?;
        let paid = self.collect(&invoice, method.as_deref(), true)?;
        self.after_payment(id, paid)
    }

    /// The open invoice is charged again.
    pub(crate) fn retry_renewal(&mut self, id: &str) -> Result<()> {
        let subscription = self.subscriptions.get(id)?.clone();
        let invoice = subscription.latest_invoice.clone().unwrap_or_default();
        if self.invoices.get(&invoice)?.status != "open" {
            return Err(Refusal::request("Invoice is already paid"));
        }
        let method = self.method_of(&subscription);
        let paid = self.collect(&invoice, method.as_deref(), true)?;
        self.after_payment(id, paid)
    }

    pub(crate) fn end_subscription(&mut self, id: &str, status: &'static str) -> Result<()> {
        let now = self.now();
        let subscription = self.subscriptions.get_mut(id)?;
        subscription.status = status;
        subscription.canceled_at = subscription.canceled_at.or(Some(now));
        subscription.ended_at = Some(now);
        let json = subscription.json();
        let kind = if status == "unpaid" {
            "customer.subscription.updated"
        } else {
            "customer.subscription.deleted"
        };
        self.emit(kind, json);
        Ok(())
    }

    pub(crate) fn trial_will_end(&mut self, id: &str) -> Result<()> {
        let json = self.subscriptions.get(id)?.json();
        self.emit("customer.subscription.trial_will_end", json);
        Ok(())
    }

    /// First payments that did not arrive in time are no longer awaited.
    pub(crate) fn expire_incomplete(&mut self) -> Result<()> {
        let now = self.now();
        let late = |subscription: &&Subscription| {
            subscription.status == "incomplete" && subscription.created + FIRST_PAYMENT <= now
        };
        let late: Vec<_> =
            self.subscriptions.iter().filter(late).map(|late| late.id.clone()).collect();
        for id in late {
            let subscription = self.subscriptions.get_mut(&id)?;
            subscription.status = "incomplete_expired";
            let json = subscription.json();
            self.emit("customer.subscription.updated", json);
        }
        Ok(())
    }

    pub(crate) fn update_subscription(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let cancels = params.flag("cancel_at_period_end")?;
        let method = params.text("default_payment_method");
        let metadata = params.map("metadata");
        let price = params.text("items[0][price]");
        let _ = params.text("items[0][id]");
        let _ = params
            .one_of("proration_behavior", &["always_invoice", "create_prorations", "none"])?;
        params.finish()?;
        let subscription = self.subscriptions.get(id)?.clone();
        if subscription.ended_at.is_some() {
            let message =
                "A canceled subscription can only update its cancellation_details and metadata.";
            return Err(Refusal::request(message));
        }
        let method = method
            .map(|method| self.usable_method(&method, Some(&subscription.customer)))
            .transpose()?;
        let price = price.map(|price| self.prices.get(&price).cloned()).transpose()?;
        let now = self.now();
        let changed = self.subscriptions.get_mut(id)?;
        if let Some(cancels) = cancels {
            changed.cancel_at_period_end = cancels;
            changed.canceled_at = cancels.then_some(now);
        }
        if let Some(price) = price {
            changed.price_json = price.json();
            changed.price = price.id;
        }
        changed.method = method.or(changed.method.take());
        changed.metadata.extend(metadata);
        let json = changed.json();
        self.emit("customer.subscription.updated", json.clone());
        Ok(json)
    }

    pub(crate) fn cancel_subscription(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let _ = (params.flag("invoice_now")?, params.flag("prorate")?);
        params.finish()?;
        if self.subscriptions.get(id)?.ended_at.is_some() {
            return Err(Refusal::not_found("subscription", "id", id));
        }
        self.end_subscription(id, "canceled")?;
        Ok(self.subscriptions.get(id)?.json())
    }
}

fn period_end(start: i64, price: &Price) -> i64 {
    let Some((unit, count)) = &price.interval else { return start };
    let from = DateTime::<Utc>::from_timestamp(start, 0).unwrap_or_default();
    let end = match unit.as_str() {
        "day" => from.checked_add_days(Days::new(u64::from(*count))),
        "week" => from.checked_add_days(Days::new(7 * u64::from(*count))),
        "month" => from.checked_add_months(Months::new(*count)),
        _ => from.checked_add_months(Months::new(12 * count)),
    };
    end.unwrap_or(from).timestamp()
}

use chrono::Datelike;
use serde_json::{Value, json};

use super::card::{Conduct, TestCard, declined};
use super::error::{Refusal, Result};
use super::form::Params;
use super::shelf::{Metadata, Stored};
use super::state::State;

#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) email: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) default_method: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct PaymentMethod {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) card: &'static TestCard,
    pub(crate) expires: (u32, i32),
    pub(crate) customer: Option<String>,
    /// The payer agreed to later charges, and authenticated for them.
    pub(crate) set_up: bool,
    /// It paid once; without a customer it pays no more.
    pub(crate) used: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct SetupIntent {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) status: &'static str,
    pub(crate) customer: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) usage: String,
    pub(crate) last_error: Option<Value>,
    pub(crate) return_url: Option<String>,
    page: String,
}

impl Stored for Customer {
    const KIND: &'static str = "customer";
    const PARAM: &'static str = "customer";

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
            "object": "customer",
            "address": null,
            "balance": 0,
            "created": self.created,
            "currency": null,
            "default_source": null,
            "delinquent": false,
            "description": null,
            "discount": null,
            "email": self.email,
            "invoice_prefix": "FAKE0001",
            "invoice_settings": { "custom_fields": null, "default_payment_method": self.default_method, "footer": null, "rendering_options": null },
            "livemode": false,
            "metadata": self.metadata,
            "name": self.name,
            "next_invoice_sequence": 1,
            "phone": null,
            "preferred_locales": [],
            "shipping": null,
            "tax_exempt": "none",
            "test_clock": null,
        })
    }
}

impl PaymentMethod {
    pub(crate) fn card_json(&self) -> Value {
        json!({
            "brand": self.card.brand,
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": "US",
            "display_brand": self.card.brand,
            "exp_month": self.expires.0,
            "exp_year": self.expires.1,
            "fingerprint": format!("Fake{}", self.card.last_four()),
            "funding": "credit",
            "generated_from": null,
            "last4": self.card.last_four(),
            "networks": { "available": [self.card.brand], "preferred": null },
            "three_d_secure_usage": { "supported": true },
            "wallet": null,
        })
    }
}

impl Stored for PaymentMethod {
    const KIND: &'static str = "PaymentMethod";
    const PARAM: &'static str = "payment_method";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": { "address": { "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null }, "email": null, "name": null, "phone": null, "tax_id": null },
            "card": self.card_json(),
            "created": self.created,
            "customer": self.customer,
            "livemode": false,
            "metadata": {},
            "type": "card",
        })
    }
}

impl Stored for SetupIntent {
    const KIND: &'static str = "setupintent";
    const PARAM: &'static str = "intent";

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
        let next_action = (self.status == "requires_action").then(|| match &self.return_url {
            Some(url) => json!({
                "type": "redirect_to_url",
                "redirect_to_url": { "url": self.page, "return_url": url },
            }),
            None => json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": self.page } }),
        });
        json!({
            "id": self.id,
            "object": "setup_intent",
            "application": null,
            "automatic_payment_methods": null,
            "cancellation_reason": null,
            "client_secret": format!("{}_secret_{}", self.id, &self.id[self.id.len() - 8..]),
            "created": self.created,
            "customer": self.customer,
            "description": null,
            "flow_directions": null,
            "last_setup_error": self.last_error,
            "latest_attempt": null,
            "livemode": false,
            "mandate": null,
            "metadata": self.metadata,
            "next_action": next_action,
            "on_behalf_of": null,
            "payment_method": self.payment_method,
            "payment_method_options": { "card": { "mandate_options": null, "network": null, "request_three_d_secure": "automatic" } },
            "payment_method_types": ["card"],
            "single_use_mandate": null,
            "status": self.status,
            "usage": self.usage,
        })
    }
}

impl State {
    pub(crate) fn create_customer(&mut self, mut params: Params) -> Result<Value> {
        let (email, name) = (params.text("email"), params.text("name"));
        let (metadata, method) = (params.map("metadata"), params.text("payment_method"));
        let default = params.text("invoice_settings[default_payment_method]");
        let _description = params.text("description");
        params.finish()?;
        let method = method.map(|method| self.usable_method(&method, None)).transpose()?;
        let (id, created) = (self.new_id("cus"), self.now());
        let default_method = default.and(method.clone());
        let customer = Customer { id: id.clone(), created, email, name, metadata, default_method };
        let json = customer.json();
        self.customers.put(customer);
        if let Some(method) = method {
            self.attach(&method, &id)?;
        }
        self.emit("customer.created", json.clone());
        Ok(json)
    }

    pub(crate) fn update_customer(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let (email, name) = (params.text("email"), params.text("name"));
        let metadata = params.map("metadata");
        let default = params.text("invoice_settings[default_payment_method]");
        params.finish()?;
        if let Some(default) = &default {
            self.methods.get(default)?;
        }
        let customer = self.customers.get_mut(id)?;
        customer.email = email.or(customer.email.take());
        customer.name = name.or(customer.name.take());
        customer.metadata.extend(metadata);
        customer.default_method = default.or(customer.default_method.take());
        let json = customer.json();
        self.emit("customer.updated", json.clone());
        Ok(json)
    }

    pub(crate) fn create_method(&mut self, mut params: Params) -> Result<Value> {
        params.one_of("type", &["card"])?.ok_or_else(|| Refusal::missing("type"))?;
        let (token, number) = (params.text("card[token]"), params.text("card[number]"));
        let expires = (params.integer("card[exp_month]")?, params.integer("card[exp_year]")?);
        let _ = params.text("card[cvc]");
        params.finish()?;
        let name = token.or(number).ok_or_else(|| Refusal::missing("card[number]"))?;
        let card = TestCard::named(&name).ok_or_else(|| {
            Refusal {
                status: 402,
                kind: "card_error",
                ..Refusal::invalid("card[number]", "Your card number is incorrect.")
            }
            .coded("incorrect_number")
        })?;
        let id = self.new_method(card);
        if let (Some(month), Some(year)) = expires {
            let bounded = u32::try_from(month).ok().filter(|month| (1..=12).contains(month));
            let month = bounded.ok_or_else(|| {
                Refusal::invalid("card[exp_month]", "Your card's expiration month is invalid.")
            })?;
            self.methods.get_mut(&id)?.expires = (month, i32::try_from(year).unwrap_or(2034));
        }
        Ok(self.methods.get(&id)?.json())
    }

    fn new_method(&mut self, card: &'static TestCard) -> String {
        let (id, created) = (self.new_id("pm"), self.now());
        let expires = (12, self.clock.now().year() + 3);
        let method = PaymentMethod {
            id: id.clone(),
            created,
            card,
            expires,
            customer: None,
            set_up: false,
            used: false,
        };
        self.methods.put(method);
        id
    }

    /// The id of a method that may be used here; the names of test cards stand for new methods.
    pub(crate) fn usable_method(&mut self, id: &str, customer: Option<&str>) -> Result<String> {
        if let Some(card) = id.starts_with("pm_card_").then(|| TestCard::named(id)).flatten() {
            return Ok(self.new_method(card));
        }
        let method = self.methods.get(id)?;
        match (&method.customer, customer) {
            (Some(owner), Some(customer)) if owner == customer => Ok(id.to_owned()),
            (Some(_), Some(_)) => {
                let message = format!(
                    "The payment method {id} does not belong to the Customer you supplied."
                );
                Err(Refusal::invalid("payment_method", &message))
            }
            (Some(_), None) => {
                let message = format!(
                    "The payment method supplied ({id}) belongs to a Customer. Please include the Customer in the `customer` parameter on the PaymentIntent."
                );
                Err(Refusal::invalid("payment_method", &message))
            }
            (None, _) if method.used => {
                let message = "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.";
                Err(Refusal::request(message).coded("payment_method_unexpected_state"))
            }
            (None, _) => Ok(id.to_owned()),
        }
    }

    pub(crate) fn attach_method(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let customer = params.required("customer")?;
        params.finish()?;
        self.customers.get(&customer)?;
        let id = self.usable_method(id, Some(&customer))?;
        let conduct = self.methods.get(&id)?.card.conduct;
        if let Conduct::Declines { code, decline_code } = conduct {
            return Err(declined(code, decline_code));
        }
        self.attach(&id, &customer)?;
        let json = self.methods.get(&id)?.json();
        self.emit("payment_method.attached", json.clone());
        Ok(json)
    }

    pub(crate) fn attach(&mut self, id: &str, customer: &str) -> Result<()> {
        self.methods.get_mut(id)?.customer = Some(customer.to_owned());
        Ok(())
    }

    pub(crate) fn detach_method(&mut self, id: &str, params: Params) -> Result<Value> {
        params.finish()?;
        let method = self.methods.get_mut(id)?;
        if method.customer.take().is_none() {
            let message = "The payment method you provided is not attached to a customer so detachment is impossible.";
            return Err(Refusal::request(message));
        }
        method.used = true;
        let json = method.json();
        self.emit("payment_method.detached", json.clone());
        Ok(json)
    }

    pub(crate) fn create_setup(&mut self, mut params: Params) -> Result<Value> {
        let (customer, method) = (params.text("customer"), params.text("payment_method"));
        let confirm = params.flag("confirm")?.unwrap_or(false);
        let usage = params.one_of("usage", &["off_session", "on_session"])?;
        let (metadata, return_url) = (params.map("metadata"), params.text("return_url"));
        let types = params.list("payment_method_types");
        let _ = params.flag("automatic_payment_methods[enabled]")?;
        let redirects =
            params.one_of("automatic_payment_methods[allow_redirects]", &["always", "never"])?;
        params.finish()?;
        if let Some(customer) = &customer {
            self.customers.get(customer)?;
        }
        let only_cards = !types.is_empty() || redirects.as_deref() == Some("never");
        if confirm && !only_cards && return_url.is_none() {
            let message = "This SetupIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`.";
            return Err(Refusal::invalid("return_url", message));
        }
        let method =
            method.map(|method| self.usable_method(&method, customer.as_deref())).transpose()?;
        let (id, created) = (self.new_id("seti"), self.now());
        let setup = SetupIntent {
            id: id.clone(),
            created,
            status: if method.is_some() {
                "requires_confirmation"
            } else {
                "requires_payment_method"
            },
            customer,
            payment_method: method,
            metadata,
            usage: usage.unwrap_or_else(|| "off_session".to_owned()),
            last_error: None,
            return_url,
            page: format!("{}/pages/authenticate/{id}", self.base),
        };
        self.setups.put(setup);
        if confirm {
            self.confirm_setup(&id, false)?;
        }
        Ok(self.setups.get(&id)?.json())
    }

    pub(crate) fn confirm_setup_intent(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let (method, return_url) = (params.text("payment_method"), params.text("return_url"));
        params.finish()?;
        let customer = self.setups.get(id)?.customer.clone();
        let method =
            method.map(|method| self.usable_method(&method, customer.as_deref())).transpose()?;
        let setup = self.setups.get_mut(id)?;
        setup.payment_method = method.or(setup.payment_method.take());
        setup.return_url = return_url.or(setup.return_url.take());
        self.confirm_setup(id, false)?;
        Ok(self.setups.get(id)?.json())
    }

    pub(crate) fn confirm_setup(&mut self, id: &str, authenticated: bool) -> Result<()> {
        let setup = self.setups.get(id)?.clone();
        let message = "You cannot confirm this SetupIntent because it's missing a payment method.";
        let method = setup
            .payment_method
            .ok_or_else(|| Refusal::request(message).coded("setup_intent_unexpected_state"))?;
        let conduct = self.methods.get(&method)?.card.conduct;
        if let Conduct::Declines { code, decline_code } = conduct {
            let refusal = declined(code, decline_code);
            let setup = self.setups.get_mut(id)?;
            setup.status = "requires_payment_method";
            setup.payment_method = None;
            setup.last_error = Some(refusal.body()["error"].take());
            let json = setup.json();
            self.emit("setup_intent.setup_failed", json.clone());
            return Err(refusal.about("setup_intent", json));
        }
        let asks = matches!(
            conduct,
            Conduct::AlwaysAuthenticates
                | Conduct::AuthenticatesUnlessSetUp
                | Conduct::AuthenticatesThenDeclines
        );
        if asks && !authenticated {
            let setup = self.setups.get_mut(id)?;
            setup.status = "requires_action";
            let json = setup.json();
            self.emit("setup_intent.requires_action", json);
            return Ok(());
        }
        self.setups.get_mut(id)?.status = "succeeded";
        let kept = self.methods.get_mut(&method)?;
        kept.set_up = true;
        kept.customer = setup.customer.or(kept.customer.take());
        let json = self.setups.get(id)?.json();
        self.emit("setup_intent.succeeded", json);
        Ok(())
    }

    pub(crate) fn fail_setup(&mut self, id: &str) -> Result<()> {
        let message = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
        let error = Refusal::request(message).coded("setup_intent_authentication_failure");
        let setup = self.setups.get_mut(id)?;
        setup.status = "requires_payment_method";
        setup.payment_method = None;
        setup.last_error = Some(error.body()["error"].take());
        let json = setup.json();
        self.emit("setup_intent.setup_failed", json);
        Ok(())
    }
}

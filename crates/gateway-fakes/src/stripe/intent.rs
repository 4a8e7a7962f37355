use serde_json::{Value, json};

use super::card::{Conduct, declined};
use super::error::{Refusal, Result};
use super::form::Params;
use super::shelf::{Metadata, Stored};
use super::state::State;

/// Where a payment intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    RequiresCapture,
    Succeeded,
    Canceled,
}

impl Stage {
    const fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresConfirmation => "requires_confirmation",
            Self::RequiresAction => "requires_action",
            Self::RequiresCapture => "requires_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) stage: Stage,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) manual_capture: bool,
    pub(crate) capturable: i64,
    pub(crate) received: i64,
    pub(crate) customer: Option<String>,
    pub(crate) payment_method: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) latest_charge: Option<String>,
    pub(crate) last_error: Option<Value>,
    pub(crate) return_url: Option<String>,
    pub(crate) setup_future_usage: Option<String>,
    pub(crate) off_session: bool,
    pub(crate) redirects: bool,
    pub(crate) destination: Option<(String, Option<i64>)>,
    pub(crate) application_fee: Option<i64>,
    pub(crate) transfer_group: Option<String>,
    pub(crate) canceled_at: Option<i64>,
    pub(crate) cancellation_reason: Option<String>,
    /// The page on which the payer authenticates.
    page: String,
}

impl Stored for Intent {
    const KIND: &'static str = "payment_intent";
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
        let next_action = (self.stage == Stage::RequiresAction).then(|| match &self.return_url {
            Some(url) => json!({
                "type": "redirect_to_url",
                "redirect_to_url": { "url": self.page, "return_url": url },
            }),
            None => json!({ "type": "use_stripe_sdk", "use_stripe_sdk": { "type": "three_d_secure_redirect", "stripe_js": self.page } }),
        });
        let transfer_data = self.destination.as_ref().map(|(account, amount)| match amount {
            Some(amount) => json!({ "destination": account, "amount": amount }),
            None => json!({ "destination": account }),
        });
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": self.capturable,
            "amount_details": { "tip": {} },
            "amount_received": self.received,
            "application": null,
            "application_fee_amount": self.application_fee,
            "automatic_payment_methods": if self.redirects { json!({ "allow_redirects": "always", "enabled": true }) } else { Value::Null },
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.cancellation_reason,
            "capture_method": if self.manual_capture { "manual" } else { "automatic" },
            "client_secret": self.client_secret(),
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "last_payment_error": self.last_error,
            "latest_charge": self.latest_charge,
            "livemode": false,
            "metadata": self.metadata,
            "next_action": next_action,
            "on_behalf_of": null,
            "payment_method": self.payment_method,
            "payment_method_configuration_details": null,
            "payment_method_options": { "card": { "installments": null, "mandate_options": null, "network": null, "request_three_d_secure": "automatic" } },
            "payment_method_types": ["card"],
            "processing": null,
            "receipt_email": null,
            "review": null,
            "setup_future_usage": self.setup_future_usage,
            "shipping": null,
            "source": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": self.stage.name(),
            "transfer_data": transfer_data,
            "transfer_group": self.transfer_group,
        })
    }
}

impl Intent {
    pub(crate) fn client_secret(&self) -> String {
        format!("{}_secret_{}", self.id, &self.id[self.id.len() - 8..])
    }

    /// The refusal of a command that this stage does not take.
    fn unexpected(&self, message: &str) -> Refusal {
        Refusal::request(message)
            .coded("payment_intent_unexpected_state")
            .about("payment_intent", self.json())
    }
}

/// What an intent is made of when no request says it: an invoice, a checkout page.
#[derive(Debug, Default)]
pub(crate) struct NewIntent {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) customer: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) manual_capture: bool,
    pub(crate) off_session: bool,
    pub(crate) setup_future_usage: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) destination: Option<(String, Option<i64>)>,
    pub(crate) application_fee: Option<i64>,
    pub(crate) transfer_group: Option<String>,
}

impl State {
    pub(crate) fn new_intent(&mut self, new: NewIntent) -> String {
        let (id, created) = (self.new_id("pi"), self.now());
        let page = format!("{}/pages/authenticate/{id}", self.base);
        let intent = Intent {
            id: id.clone(),
            created,
            stage: Stage::RequiresPaymentMethod,
            amount: new.amount,
            currency: new.currency,
            manual_capture: new.manual_capture,
            capturable: 0,
            received: 0,
            customer: new.customer,
            payment_method: None,
            description: new.description,
            metadata: new.metadata,
            latest_charge: None,
            last_error: None,
            return_url: None,
            setup_future_usage: new.setup_future_usage,
            off_session: new.off_session,
            redirects: false,
            destination: new.destination,
            application_fee: new.application_fee,
            transfer_group: new.transfer_group,
            canceled_at: None,
            cancellation_reason: None,
            page,
        };
        let json = intent.json();
        self.intents.put(intent);
        self.emit("payment_intent.created", json);
        id
    }

    pub(crate) fn create_intent(&mut self, mut params: Params) -> Result<Value> {
        let amount = params.amount("amount")?.ok_or_else(|| Refusal::missing("amount"))?;
        let currency = params.currency("currency")?;
        let capture =
            params.one_of("capture_method", &["automatic", "automatic_async", "manual"])?;
        let usage = params.one_of("setup_future_usage", &["off_session", "on_session"])?;
        let destination = params.text("transfer_data[destination]");
        let new = NewIntent {
            amount,
            currency,
            customer: params.text("customer"),
            metadata: params.map("metadata"),
            manual_capture: capture.as_deref() == Some("manual"),
            off_session: false,
            setup_future_usage: usage,
            description: params.text("description"),
            destination: match destination {
                Some(account) => Some((account, params.amount("transfer_data[amount]")?)),
                None => None,
            },
            application_fee: params.integer("application_fee_amount")?,
            transfer_group: params.text("transfer_group"),
        };
        let types = params.list("payment_method_types");
        let automatic = params.flag("automatic_payment_methods[enabled]")?;
        let redirects =
            params.one_of("automatic_payment_methods[allow_redirects]", &["always", "never"])?;
        let confirm = params.flag("confirm")?.unwrap_or(false);
        let method = params.text("payment_method");
        let confirmation = Confirmation::of(&mut params)?;
        params.finish()?;
        if amount < 50 {
            return Err(Refusal::invalid("amount", "Amount must be at least 50 cents")
                .coded("amount_too_small"));
        }
        if !types.is_empty() && automatic.is_some() {
            let message = "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.";
            return Err(Refusal::request(message));
        }
        if let Some(customer) = &new.customer {
            self.customers.get(customer)?;
        }
        if let Some((account, _)) = &new.destination {
            self.accounts.get(account)?;
            if new.application_fee.is_some_and(|fee| fee > amount) {
                return Err(Refusal::invalid(
                    "application_fee_amount",
                    "Your application fee must be no more than the amount",
                ));
            }
        } else if new.application_fee.is_some() {
            let message = "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment (using an OAuth key or Stripe-Account header) or destination payment (using `transfer_data[destination]`).";
            return Err(Refusal::invalid("application_fee_amount", message));
        }
        if !confirm && (confirmation.return_url.is_some() || confirmation.off_session) {
            let param = if confirmation.off_session { "off_session" } else { "return_url" };
            let message = format!("`{param}` can only be used when `confirm` is set to `true`.");
            return Err(Refusal::invalid(param, &message));
        }
        let method = method
            .map(|method| self.usable_method(&method, new.customer.as_deref()))
            .transpose()?;
        let id = self.new_intent(new);
        let intent = self.intents.get_mut(&id)?;
        intent.redirects = types.is_empty() && redirects.as_deref() != Some("never");
        if let Some(method) = method {
            intent.payment_method = Some(method);
            intent.stage = Stage::RequiresConfirmation;
        }
        if confirm {
            self.confirm(&id, confirmation)?;
        }
        Ok(self.intents.get(&id)?.json())
    }

    pub(crate) fn confirm_intent(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let intent = self.intents.get(id)?.clone();
        let method = params.text("payment_method");
        let confirmation = Confirmation::of(&mut params)?;
        params.finish()?;
        if !matches!(
            intent.stage,
            Stage::RequiresPaymentMethod | Stage::RequiresConfirmation | Stage::RequiresAction
        ) {
            let status = intent.stage.name();
            return Err(intent.unexpected(&format!(
                "You cannot confirm this PaymentIntent because it has a status of {status}."
            )));
        }
        if let Some(method) = method {
            let method = self.usable_method(&method, intent.customer.as_deref())?;
            self.intents.get_mut(id)?.payment_method = Some(method);
        }
        self.confirm(id, confirmation)?;
        Ok(self.intents.get(id)?.json())
    }

    pub(crate) fn confirm(&mut self, id: &str, confirmation: Confirmation) -> Result<()> {
        let intent = self.intents.get_mut(id)?;
        if intent.payment_method.is_none() {
            let message = "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.";
            return Err(intent.unexpected(message));
        }
        if intent.redirects && confirmation.return_url.is_none() && !confirmation.off_session {
            let message = "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.";
            return Err(Refusal::invalid("return_url", message));
        }
        intent.return_url = confirmation.return_url.or(intent.return_url.take());
        intent.off_session = confirmation.off_session;
        self.attempt(id, false)
    }

    /// The payer has been at the bank.
    pub(crate) fn authenticated(&mut self, id: &str, passed: bool) -> Result<()> {
        let intent = self.intents.get(id)?;
        if intent.stage != Stage::RequiresAction {
            return Err(intent.unexpected("This PaymentIntent does not wait for an action."));
        }
        if passed {
            let declined = self.attempt(id, true); // a decline is told by the intent, not to the browser
            return declined
                .or_else(|refusal| if refusal.status == 402 { Ok(()) } else { Err(refusal) });
        }
        let message = "We are unable to authenticate your payment method. Please choose a different payment method and try again.";
        let refusal = Refusal::request(message).coded("payment_intent_authentication_failure");
        self.fail(id, refusal)?;
        Ok(())
    }

    fn attempt(&mut self, id: &str, authenticated: bool) -> Result<()> {
        let intent = self.intents.get(id)?.clone();
        let method_id = intent.payment_method.clone().unwrap_or_default();
        let method = self.methods.get(&method_id)?;
        let needs_bank = match method.card.conduct {
            Conduct::AlwaysAuthenticates | Conduct::AuthenticatesThenDeclines => true,
            Conduct::AuthenticatesUnlessSetUp => !method.set_up,
            Conduct::Pays | Conduct::Declines { .. } | Conduct::FailsWhenCharged => false,
        };
        if needs_bank && !authenticated {
            if intent.off_session {
                let message = "Your card was declined. This transaction requires authentication.";
                let refusal = Refusal::card(
                    "authentication_required",
                    Some("authentication_required"),
                    message,
                );
                return Err(self.fail(id, refusal)?);
            }
            let intent = self.intents.get_mut(id)?;
            intent.stage = Stage::RequiresAction;
            let json = intent.json();
            self.emit("payment_intent.requires_action", json);
            return Ok(());
        }
        match method.card.conduct {
            Conduct::Declines { code, decline_code } => {
                Err(self.fail(id, declined(code, decline_code))?)
            }
            Conduct::AuthenticatesThenDeclines => {
                Err(self.fail(id, declined("card_declined", "insufficient_funds"))?)
            }
            Conduct::FailsWhenCharged => {
                Err(self.fail(id, declined("card_declined", "generic_decline"))?)
            }
            Conduct::Pays | Conduct::AlwaysAuthenticates | Conduct::AuthenticatesUnlessSetUp => {
                self.succeed(id, &method_id)
            }
        }
    }

    fn succeed(&mut self, id: &str, method_id: &str) -> Result<()> {
        let charge = self.new_charge(id, None)?;
        let intent = self.intents.get_mut(id)?;
        intent.latest_charge = Some(charge.clone());
        intent.last_error = None;
        if intent.manual_capture {
            intent.stage = Stage::RequiresCapture;
            intent.capturable = intent.amount;
        } else {
            intent.stage = Stage::Succeeded;
            intent.received = intent.amount;
        }
        let intent = intent.clone();
        let method = self.methods.get_mut(method_id)?;
        method.used = true;
        if intent.setup_future_usage.is_some() {
            method.set_up = true;
            if intent.customer.is_some() {
                method.customer.clone_from(&intent.customer);
            }
        }
        let charge_json = self.charges.get(&charge)?.json();
        self.emit("charge.succeeded", charge_json);
        if intent.stage == Stage::Succeeded {
            self.settle(&charge, intent.amount)?;
            self.emit("payment_intent.succeeded", intent.json());
        } else {
            self.emit("payment_intent.amount_capturable_updated", intent.json());
        }
        Ok(())
    }

    /// Notes a failed attempt and answers with its refusal.
    fn fail(&mut self, id: &str, refusal: Refusal) -> Result<Refusal> {
        let charge =
            if refusal.status == 402 { Some(self.new_charge(id, Some(&refusal))?) } else { None };
        let refusal = Refusal { charge: charge.clone(), ..refusal };
        let method = self.intents.get(id)?.payment_method.clone().unwrap_or_default();
        let method = self.methods.find(&method).map(Stored::json).unwrap_or_default();
        let mut error = refusal.body()["error"].take();
        error["payment_method"] = method;
        let intent = self.intents.get_mut(id)?;
        intent.stage = Stage::RequiresPaymentMethod;
        intent.last_error = Some(error);
        intent.payment_method = None;
        if charge.is_some() {
            intent.latest_charge.clone_from(&charge);
        }
        let json = intent.json();
        if let Some(charge) = charge {
            let charge = self.charges.get(&charge)?.json();
            self.emit("charge.failed", charge);
        }
        self.emit("payment_intent.payment_failed", json.clone());
        Ok(refusal.about("payment_intent", json))
    }

    pub(crate) fn capture_intent(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let intent = self.intents.get(id)?.clone();
        let amount = params.amount("amount_to_capture")?;
        let fee = params.integer("application_fee_amount")?;
        let metadata = params.map("metadata");
        params.finish()?;
        if intent.stage != Stage::RequiresCapture {
            let status = intent.stage.name();
            return Err(intent.unexpected(&format!("This PaymentIntent could not be captured because it has a status of {status}. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.")));
        }
        let amount = amount.unwrap_or(intent.capturable);
        if amount > intent.capturable {
            let message = format!(
                "This PaymentIntent could not be captured because the provided amount_to_capture ({amount}) is greater than the amount_capturable ({}).",
                intent.capturable
            );
            return Err(Refusal::invalid("amount_to_capture", &message).coded("amount_too_large"));
        }
        let changed = self.intents.get_mut(id)?;
        changed.stage = Stage::Succeeded;
        changed.received = amount;
        changed.capturable = 0;
        changed.application_fee = fee.or(changed.application_fee);
        changed.metadata.extend(metadata);
        let changed = changed.clone();
        let charge = changed.latest_charge.clone().unwrap_or_default();
        self.settle(&charge, amount)?;
        let charge = self.charges.get(&charge)?.json();
        self.emit("charge.captured", charge);
        self.emit("payment_intent.succeeded", changed.json());
        Ok(changed.json())
    }

    pub(crate) fn cancel_intent(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let reasons = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
        let reason = params.one_of("cancellation_reason", &reasons)?;
        params.finish()?;
        let now = self.now();
        let intent = self.intents.get_mut(id)?;
        if matches!(intent.stage, Stage::Succeeded | Stage::Canceled) {
            let status = intent.stage.name();
            return Err(intent.unexpected(&format!("You cannot cancel this PaymentIntent because it has a status of {status}. Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.")));
        }
        let reserved = intent.stage == Stage::RequiresCapture;
        intent.stage = Stage::Canceled;
        intent.capturable = 0;
        intent.canceled_at = Some(now);
        intent.cancellation_reason = reason;
        let intent = intent.clone();
        if let (true, Some(charge)) = (reserved, &intent.latest_charge) {
            self.let_go(charge)?;
        }
        self.emit("payment_intent.canceled", intent.json());
        Ok(intent.json())
    }

    pub(crate) fn update_intent(&mut self, id: &str, mut params: Params) -> Result<Value> {
        let (metadata, description) = (params.map("metadata"), params.text("description"));
        params.finish()?;
        let intent = self.intents.get_mut(id)?;
        intent.metadata.extend(metadata);
        intent.metadata.retain(|_, value| !value.is_empty());
        intent.description = description.or(intent.description.take());
        Ok(intent.json())
    }
}

/// What a confirmation says.
#[derive(Debug, Default)]
pub(crate) struct Confirmation {
    pub(crate) return_url: Option<String>,
    pub(crate) off_session: bool,
}

impl Confirmation {
    fn of(params: &mut Params) -> Result<Self> {
        let off_session = match params.text("off_session").as_deref() {
            None | Some("false") => false,
            Some("true" | "one_off" | "recurring") => true,
            Some(other) => {
                return Err(Refusal::invalid("off_session", &format!("Invalid boolean: {other}")));
            }
        };
        let return_url = params.text("return_url");
        if return_url
            .as_deref()
            .is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://"))
        {
            return Err(Refusal::invalid("return_url", "Not a valid URL").coded("url_invalid"));
        }
        Ok(Self { return_url, off_session })
    }
}

use serde_json::{Value, json};

use super::charge::Charge;
use super::error::{Refusal, Result};
use super::form::Params;
use super::shelf::{Metadata, Stored};
use super::state::State;

/// A connected account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) created: i64,
    kind: String,
    country: String,
    email: Option<String>,
    pub(crate) enabled: bool,
    metadata: Metadata,
}

#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) reversed: i64,
    pub(crate) currency: String,
    pub(crate) destination: String,
    pub(crate) source: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) metadata: Metadata,
    transaction: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Reversal {
    id: String,
    created: i64,
    amount: i64,
    currency: String,
    transfer: String,
    transaction: String,
}

#[derive(Debug, Clone)]
pub(crate) struct ApplicationFee {
    id: String,
    created: i64,
    amount: i64,
    refunded: i64,
    currency: String,
    account: String,
    charge: String,
}

impl Stored for Account {
    const KIND: &'static str = "account";
    const PARAM: &'static str = "account";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let capability = if self.enabled { "active" } else { "inactive" };
        let due: &[&str] =
            if self.enabled { &[] } else { &["external_account", "tos_acceptance.date"] };
        json!({
            "id": self.id,
            "object": "account",
            "business_profile": { "mcc": null, "name": null, "url": null },
            "business_type": null,
            "capabilities": { "card_payments": capability, "transfers": capability },
            "charges_enabled": self.enabled,
            "country": self.country,
            "created": self.created,
            "default_currency": "eur",
            "details_submitted": self.enabled,
            "email": self.email,
            "metadata": self.metadata,
            "payouts_enabled": self.enabled,
            "requirements": { "currently_due": due, "disabled_reason": if self.enabled { None } else { Some("requirements.past_due") }, "eventually_due": due, "past_due": [], "pending_verification": [] },
            "type": self.kind,
        })
    }
}

impl Stored for Transfer {
    const KIND: &'static str = "transfer";

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
            "object": "transfer",
            "amount": self.amount,
            "amount_reversed": self.reversed,
            "balance_transaction": self.transaction,
            "created": self.created,
            "currency": self.currency,
            "description": null,
            "destination": self.destination,
            "destination_payment": format!("py_{}", &self.id[3..]),
            "livemode": false,
            "metadata": self.metadata,
            "reversals": { "object": "list", "data": [], "has_more": false, "url": format!("/v1/transfers/{}/reversals", self.id) },
            "reversed": self.reversed == self.amount,
            "source_transaction": self.source,
            "source_type": "card",
            "transfer_group": self.group,
        })
    }
}

impl Stored for Reversal {
    const KIND: &'static str = "transfer_reversal";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "transfer_reversal",
            "amount": self.amount,
            "balance_transaction": self.transaction,
            "created": self.created,
            "currency": self.currency,
            "destination_payment_refund": null,
            "metadata": {},
            "source_refund": null,
            "transfer": self.transfer,
        })
    }
}

impl Stored for ApplicationFee {
    const KIND: &'static str = "application_fee";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "application_fee",
            "account": self.account,
            "amount": self.amount,
            "amount_refunded": self.refunded,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "livemode": false,
            "refunded": self.refunded == self.amount,
        })
    }
}

impl State {
    pub(crate) fn create_account(&mut self, mut params: Params) -> Result<Value> {
        let kind = params.one_of("type", &["custom", "express", "standard"])?;
        let (country, email) = (params.text("country"), params.text("email"));
        let metadata = params.map("metadata");
        for capability in ["card_payments", "transfers"] {
            params.flag(&format!("capabilities[{capability}][requested]"))?;
        }
        params.finish()?;
        let (id, created) = (self.new_id("acct"), self.now());
        let account = Account {
            id,
            created,
            kind: kind.unwrap_or_else(|| "standard".to_owned()),
            country: country.unwrap_or_else(|| "DE".to_owned()),
            email,
            enabled: false,
            metadata,
        };
        let json = account.json();
        self.accounts.put(account);
        Ok(json)
    }

    pub(crate) fn create_account_link(&mut self, mut params: Params) -> Result<Value> {
        let account = params.required("account")?;
        let kind = params.one_of("type", &["account_onboarding", "account_update"])?;
        kind.ok_or_else(|| Refusal::missing("type"))?;
        params.required("refresh_url")?;
        let return_url = params.required("return_url")?;
        params.finish()?;
        self.accounts.get(&account)?;
        let url = format!("{}/pages/onboard/{account}?return_url={return_url}", self.base);
        let now = self.now();
        Ok(json!({ "object": "account_link", "created": now, "expires_at": now + 300, "url": url }))
    }

    pub(crate) fn enable_account(&mut self, id: &str, enabled: bool) -> Result<()> {
        let account = self.accounts.get_mut(id)?;
        account.enabled = enabled;
        let json = account.json();
        self.emit_for(Some(id), "account.updated", json);
        Ok(())
    }

    /// What the platform has in a currency.
    pub(crate) fn available(&self, currency: &str) -> i64 {
        let booked = self.balance.iter().filter(|entry| entry.json()["currency"] == currency);
        booked.map(|entry| entry.amount).sum()
    }

    pub(crate) fn create_transfer(&mut self, mut params: Params) -> Result<Value> {
        let amount = params.amount("amount")?.ok_or_else(|| Refusal::missing("amount"))?;
        let currency = params.currency("currency")?;
        let destination = params.required("destination")?;
        let (source, group) = (params.text("source_transaction"), params.text("transfer_group"));
        let (metadata, _) = (params.map("metadata"), params.text("description"));
        params.finish()?;
        let account = self.accounts.find(&destination).ok_or_else(|| {
            Refusal::invalid("destination", &format!("No such destination: '{destination}'"))
                .coded("resource_missing")
        })?;
        if !account.enabled {
            let message = "Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments";
            return Err(Refusal::request(message).coded("insufficient_capabilities_for_transfer"));
        }
        if let Some(source) = &source {
            let charge = self.charges.get(source)?;
            let sent = self.transfers.iter().filter(|sent| sent.source.as_ref() == Some(source));
            let left = charge.captured.unwrap_or(0)
                - sent.map(|sent| sent.amount - sent.reversed).sum::<i64>();
            if amount > left {
                let message = format!(
                    "Transfers using this transaction as a source must not exceed the source amount of {left}."
                );
                return Err(Refusal::invalid("amount", &message));
            }
        } else if amount > self.available(&currency) {
            let message = "You have insufficient available funds in your Stripe account. Try adding funds directly to your available balance by creating Charges using the 4000000000000077 test card.";
            return Err(Refusal::request(message).coded("balance_insufficient"));
        }
        let id = self.transfer(amount, &currency, &destination, source, group, metadata);
        Ok(self.transfers.get(&id)?.json())
    }

    fn transfer(
        &mut self,
        amount: i64,
        currency: &str,
        destination: &str,
        source: Option<String>,
        group: Option<String>,
        metadata: Metadata,
    ) -> String {
        let (id, created) = (self.new_id("tr"), self.now());
        let transaction = self.book("transfer", -amount, currency, &id);
        let (currency, destination) = (currency.to_owned(), destination.to_owned());
        let transfer = Transfer {
            id: id.clone(),
            created,
            amount,
            reversed: 0,
            currency,
            destination,
            source,
            group,
            metadata,
            transaction,
        };
        let json = transfer.json();
        self.transfers.put(transfer);
        self.emit("transfer.created", json);
        id
    }

    /// A destination charge passes its money on at once, less the platform's fee.
    pub(crate) fn pass_on(&mut self, charge: &str, captured: i64) -> Result<()> {
        let charge = self.charges.get(charge)?.clone();
        let intent = self.intents.get(&charge.intent)?.clone();
        let Some((destination, amount)) = intent.destination else { return Ok(()) };
        let amount = amount.unwrap_or(captured).min(captured);
        let group = intent.transfer_group.or_else(|| Some(format!("group_{}", intent.id)));
        let source = Some(charge.id.clone());
        let transfer =
            self.transfer(amount, &charge.currency, &destination, source, group, Metadata::new());
        self.charges.get_mut(&charge.id)?.transfer = Some(transfer);
        if let Some(fee) = intent.application_fee {
            let fee = fee.min(captured);
            let (id, created) = (self.new_id("fee"), self.now());
            self.book("application_fee", fee, &charge.currency, &id);
            let (currency, account) = (charge.currency.clone(), destination);
            let fee = ApplicationFee {
                id: id.clone(),
                created,
                amount: fee,
                refunded: 0,
                currency,
                account,
                charge: charge.id.clone(),
            };
            let json = fee.json();
            self.fees.put(fee);
            self.charges.get_mut(&charge.id)?.fee = Some(id);
            self.emit("application_fee.created", json);
        }
        Ok(())
    }

    /// Takes back from the destination what is refunded, in proportion.
    pub(crate) fn reverse_part(
        &mut self,
        charge: &Charge,
        refund: i64,
        captured: i64,
    ) -> Result<String> {
        let message = "Cannot reverse transfer: the charge has no transfer.";
        let transfer =
            charge.transfer.clone().ok_or_else(|| Refusal::invalid("reverse_transfer", message))?;
        let sent = self.transfers.get(&transfer)?;
        let part = (sent.amount * refund / captured).min(sent.amount - sent.reversed);
        self.reverse(&transfer, part)
    }

    pub(crate) fn refund_fee(&mut self, charge: &Charge, refund: i64, captured: i64) -> Result<()> {
        let message = "Cannot refund the application fee: the charge has none.";
        let fee = charge
            .fee
            .clone()
            .ok_or_else(|| Refusal::invalid("refund_application_fee", message))?;
        let fee = self.fees.get_mut(&fee)?;
        let part = (fee.amount * refund / captured).min(fee.amount - fee.refunded);
        fee.refunded += part;
        let (json, id, currency) = (fee.json(), fee.id.clone(), fee.currency.clone());
        self.book("application_fee_refund", -part, &currency, &id);
        self.emit("application_fee.refunded", json);
        Ok(())
    }

    pub(crate) fn create_reversal(&mut self, transfer: &str, mut params: Params) -> Result<Value> {
        let amount = params.amount("amount")?;
        let _ = params.map("metadata");
        params.finish()?;
        let sent = self.transfers.get(transfer)?;
        let left = sent.amount - sent.reversed;
        let amount = amount.unwrap_or(left);
        if amount > left || left == 0 {
            let message = format!(
                "Transfer {transfer} cannot be reversed by {amount}: only {left} are left."
            );
            return Err(Refusal::invalid("amount", &message));
        }
        let id = self.reverse(transfer, amount)?;
        Ok(self.reversals.get(&id)?.json())
    }

    fn reverse(&mut self, transfer: &str, amount: i64) -> Result<String> {
        let changed = self.transfers.get_mut(transfer)?;
        changed.reversed += amount;
        let (json, currency) = (changed.json(), changed.currency.clone());
        let (id, created) = (self.new_id("trr"), self.now());
        let transaction = self.book("transfer_refund", amount, &currency, &id);
        let transfer = transfer.to_owned();
        self.reversals.put(Reversal {
            id: id.clone(),
            created,
            amount,
            currency,
            transfer,
            transaction,
        });
        self.emit("transfer.reversed", json);
        Ok(id)
    }
}

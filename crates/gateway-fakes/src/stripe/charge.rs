use serde_json::{Value, json};

use super::error::{Refusal, Result};
use super::form::Params;
use super::shelf::{Metadata, Stored};
use super::state::State;

/// Money stays reserved for so long: 7 days, in seconds.
const HOLD: i64 = 7 * 86_400;

#[derive(Debug, Clone)]
pub(crate) struct Charge {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) captured: Option<i64>,
    /// What was given back or let go: the rest of a partial capture counts here, as in the real one.
    pub(crate) amount_refunded: i64,
    /// What was given back of what was taken.
    pub(crate) given_back: i64,
    pub(crate) paid: bool,
    pub(crate) disputed: bool,
    pub(crate) customer: Option<String>,
    pub(crate) payment_method: Option<String>,
    method_details: Value,
    failure: Option<(Option<&'static str>, String, Option<&'static str>)>,
    pub(crate) metadata: Metadata,
    pub(crate) transfer: Option<String>,
    pub(crate) transfer_group: Option<String>,
    pub(crate) fee: Option<String>,
    pub(crate) transaction: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) status: &'static str,
    pub(crate) reason: Option<String>,
    pub(crate) metadata: Metadata,
    pub(crate) transaction: Option<String>,
    pub(crate) transfer_reversal: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) charge: String,
    pub(crate) intent: String,
    pub(crate) status: &'static str,
    pub(crate) transactions: Vec<Value>,
}

/// A movement on the account's balance: what reconciliation reads.
#[derive(Debug, Clone)]
pub(crate) struct BalanceTransaction {
    id: String,
    created: i64,
    pub(crate) amount: i64,
    currency: String,
    pub(crate) kind: &'static str,
    pub(crate) source: String,
}

impl Stored for Charge {
    const KIND: &'static str = "charge";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        let (code, message, decline) = match &self.failure {
            Some((code, message, decline)) => (*code, Some(message), *decline),
            None => (None, None, None),
        };
        let outcome = if self.paid {
            json!({ "network_status": "approved_by_network", "reason": null, "risk_level": "normal", "seller_message": "Payment complete.", "type": "authorized" })
        } else {
            json!({ "network_status": "declined_by_network", "reason": decline.or(code), "risk_level": "normal", "seller_message": "The bank did not return any further details with this decline.", "type": "issuer_declined" })
        };
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": self.captured.unwrap_or(0),
            "amount_refunded": self.amount_refunded,
            "application": null,
            "application_fee": self.fee,
            "balance_transaction": self.transaction,
            "billing_details": { "address": null, "email": null, "name": null, "phone": null },
            "captured": self.captured.is_some(),
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "disputed": self.disputed,
            "failure_code": code,
            "failure_message": message,
            "livemode": false,
            "metadata": self.metadata,
            "outcome": outcome,
            "paid": self.paid,
            "payment_intent": self.intent,
            "payment_method": self.payment_method,
            "payment_method_details": self.method_details,
            "receipt_url": null,
            "refunded": self.amount_refunded == self.amount,
            "status": if self.paid { "succeeded" } else { "failed" },
            "transfer": self.transfer,
            "transfer_group": self.transfer_group,
        })
    }
}

impl Stored for Refund {
    const KIND: &'static str = "refund";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.transaction,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "destination_details": { "card": { "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund" }, "type": "card" },
            "metadata": self.metadata,
            "payment_intent": self.intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status,
            "transfer_reversal": self.transfer_reversal,
        })
    }
}

impl Stored for Dispute {
    const KIND: &'static str = "dispute";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": self.transactions,
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": { "due_by": self.created + 14 * 86_400, "has_evidence": false, "past_due": false, "submission_count": 0 },
            "is_charge_refundable": false,
            "livemode": false,
            "metadata": {},
            "payment_intent": self.intent,
            "reason": "fraudulent",
            "status": self.status,
        })
    }
}

impl Stored for BalanceTransaction {
    const KIND: &'static str = "balance_transaction";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "balance_transaction",
            "amount": self.amount,
            "available_on": self.created + 2 * 86_400,
            "created": self.created,
            "currency": self.currency,
            "description": null,
            "exchange_rate": null,
            "fee": 0,
            "fee_details": [],
            "net": self.amount,
            "reporting_category": self.kind,
            "source": self.source,
            "status": "available",
            "type": self.kind,
        })
    }
}

impl State {
    /// A charge of an intent, refused if a reason is given.
    pub(crate) fn new_charge(&mut self, intent: &str, refusal: Option<&Refusal>) -> Result<String> {
        let (id, created) = (self.new_id("ch"), self.now());
        let intent = self.intents.get(intent)?.clone();
        let method = intent.payment_method.as_deref().and_then(|method| self.methods.find(method));
        let method_details = method.map(|method| {
            let mut card = method.card_json();
            card["capture_before"] =
                if intent.manual_capture { (created + HOLD).into() } else { Value::Null };
            json!({ "card": card, "type": "card" })
        });
        let method_details = method_details.unwrap_or_default();
        self.charges.put(Charge {
            id: id.clone(),
            created,
            intent: intent.id,
            amount: intent.amount,
            currency: intent.currency,
            captured: None,
            amount_refunded: 0,
            given_back: 0,
            paid: refusal.is_none(),
            disputed: false,
            customer: intent.customer,
            payment_method: intent.payment_method.clone(),
            method_details,
            failure: refusal
                .map(|refusal| (refusal.code, refusal.message.clone(), refusal.decline_code)),
            metadata: intent.metadata,
            transfer: None,
            transfer_group: intent.transfer_group,
            fee: None,
            transaction: None,
        });
        Ok(id)
    }

    pub(crate) fn book(
        &mut self,
        kind: &'static str,
        amount: i64,
        currency: &str,
        source: &str,
    ) -> String {
        let (id, created) = (self.new_id("txn"), self.now());
        let (currency, source) = (currency.to_owned(), source.to_owned());
        self.balance.put(BalanceTransaction {
            id: id.clone(),
            created,
            amount,
            currency,
            kind,
            source,
        });
        id
    }

    /// Takes the money of a charge; what it reserved beyond that is let go.
    pub(crate) fn settle(&mut self, id: &str, amount: i64) -> Result<()> {
        let charge = self.charges.get(id)?.clone();
        let transaction = self.book("charge", amount, &charge.currency, id);
        let changed = self.charges.get_mut(id)?;
        changed.captured = Some(amount);
        changed.transaction = Some(transaction);
        changed.amount_refunded = charge.amount - amount;
        if charge.amount > amount {
            self.note_release(&charge, charge.amount - amount);
        }
        self.pass_on(id, amount)
    }

    /// Lets go of everything a charge reserved.
    pub(crate) fn let_go(&mut self, id: &str) -> Result<()> {
        let charge = self.charges.get(id)?.clone();
        self.charges.get_mut(id)?.amount_refunded = charge.amount;
        self.note_release(&charge, charge.amount);
        let json = self.charges.get(id)?.json();
        self.emit("charge.refunded", json);
        Ok(())
    }

    /// What is let go without having been taken shows as a refund that moves no balance.
    fn note_release(&mut self, charge: &Charge, amount: i64) {
        let (id, created) = (self.new_id("re"), self.now());
        self.refunds.put(Refund {
            id,
            created,
            amount,
            currency: charge.currency.clone(),
            charge: charge.id.clone(),
            intent: charge.intent.clone(),
            status: "succeeded",
            reason: None,
            metadata: Metadata::new(),
            transaction: None,
            transfer_reversal: None,
        });
    }

    pub(crate) fn create_refund(&mut self, mut params: Params) -> Result<Value> {
        let (charge, intent) = (params.text("charge"), params.text("payment_intent"));
        let amount = params.amount("amount")?;
        let reason =
            params.one_of("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
        let metadata = params.map("metadata");
        let reverse_transfer = params.flag("reverse_transfer")?.unwrap_or(false);
        let refund_fee = params.flag("refund_application_fee")?.unwrap_or(false);
        params.finish()?;
        let charge = match (charge, intent) {
            (Some(charge), _) => charge,
            (None, Some(intent)) => {
                let charge = self.intents.get(&intent)?.latest_charge.clone();
                let message = format!(
                    "This PaymentIntent ({intent}) does not have a successful charge to refund."
                );
                charge.ok_or_else(|| Refusal::request(&message))?
            }
            (None, None) => {
                let message = "One of the following params should be provided for this request: payment_intent or charge.";
                return Err(Refusal::request(message));
            }
        };
        let charge = self.charges.get(&charge)?.clone();
        let Some(captured) = charge.captured.filter(|_| charge.paid) else {
            let message = format!("Charge {} has not been captured or did not succeed.", charge.id);
            return Err(Refusal::request(&message).coded("charge_not_refundable"));
        };
        let left = captured - charge.given_back;
        let amount = amount.unwrap_or(left);
        if charge.disputed {
            let message =
                format!("Charge {} has been charged back; cannot issue a refund.", charge.id);
            return Err(Refusal::request(&message).coded("charge_disputed"));
        }
        if left == 0 {
            let message = format!("Charge {} has already been refunded.", charge.id);
            return Err(Refusal::request(&message).coded("charge_already_refunded"));
        }
        if amount > left {
            let message = format!(
                "Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
            );
            return Err(Refusal::invalid("amount", &message));
        }
        let transfer_reversal = if reverse_transfer {
            Some(self.reverse_part(&charge, amount, captured)?)
        } else {
            None
        };
        if refund_fee {
            self.refund_fee(&charge, amount, captured)?;
        }
        let (id, created) = (self.new_id("re"), self.now());
        let transaction = Some(self.book("refund", -amount, &charge.currency, &id));
        let refund = Refund {
            id: id.clone(),
            created,
            amount,
            currency: charge.currency.clone(),
            charge: charge.id.clone(),
            intent: charge.intent.clone(),
            status: "succeeded",
            reason,
            metadata,
            transaction,
            transfer_reversal,
        };
        let json = refund.json();
        self.refunds.put(refund);
        let changed = self.charges.get_mut(&charge.id)?;
        changed.given_back += amount;
        changed.amount_refunded += amount;
        let changed = changed.json();
        self.emit("charge.refunded", changed);
        self.emit("refund.created", json.clone());
        Ok(json)
    }

    /// The payer's bank takes money back.
    pub(crate) fn dispute(&mut self, intent: &str, amount: i64) -> Result<String> {
        let charge = self.intents.get(intent)?.latest_charge.clone().unwrap_or_default();
        let charge = self.charges.get_mut(&charge)?;
        charge.disputed = true;
        let charge = charge.clone();
        let (id, created) = (self.new_id("dp"), self.now());
        let transaction = self.book("adjustment", -amount, &charge.currency, &id);
        let transactions = self.balance.get(&transaction)?.json();
        let dispute = Dispute {
            id: id.clone(),
            created,
            amount,
            currency: charge.currency,
            charge: charge.id,
            intent: intent.to_owned(),
            status: "needs_response",
            transactions: vec![transactions],
        };
        let json = dispute.json();
        self.disputes.put(dispute);
        self.emit("charge.dispute.created", json.clone());
        self.emit("charge.dispute.funds_withdrawn", json);
        Ok(id)
    }

    pub(crate) fn close_dispute(&mut self, id: &str, won: bool) -> Result<()> {
        let dispute = self.disputes.get(id)?.clone();
        if won {
            let transaction = self.book("adjustment", dispute.amount, &dispute.currency, id);
            let transaction = self.balance.get(&transaction)?.json();
            self.disputes.get_mut(id)?.transactions.push(transaction);
        }
        let dispute = self.disputes.get_mut(id)?;
        dispute.status = if won { "won" } else { "lost" };
        let json = dispute.json();
        if won {
            self.emit("charge.dispute.funds_reinstated", json.clone());
        }
        self.emit("charge.dispute.closed", json);
        Ok(())
    }
}

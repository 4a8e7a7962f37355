use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::Clock;
use serde_json::{Value, json};

use super::body::{Refused, Result, decimal, refused};
use super::card::Card;
use super::notification::{Notification, Outgoing};
use super::order::Order;
use super::recurrent::Recurrent;
use super::transaction::{Operation, Status, Transaction, date_time};

/// Money stays reserved for so long.
const HOLD: TimeDelta = TimeDelta::days(7);

/// Everything that the terminal knows.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) base: String,
    serial: u64,
    pub(crate) transactions: Vec<Transaction>,
    index: HashMap<u64, usize>,
    by_invoice: HashMap<String, u64>,
    pub(crate) tokens: HashMap<String, Token>,
    used_packets: HashSet<String>,
    pub(crate) recurrents: Vec<Recurrent>,
    pub(crate) orders: Vec<Order>,
    pub(crate) outgoing: Vec<Outgoing>,
    /// What the bank will say to the next authorisations, whatever the card.
    pub(crate) verdicts: VecDeque<u16>,
    /// Payouts are on their way at first.
    pub(crate) slow_payouts: bool,
}

/// A card that the terminal keeps.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) account: String,
    pub(crate) card: Card,
}

/// What a payment is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewPayment {
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) invoice: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) ip: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) json_data: Option<String>,
    pub(crate) two_step: bool,
    pub(crate) saves_card: bool,
    pub(crate) subscription: Option<String>,
}

impl State {
    pub(crate) fn new(clock: Arc<dyn Clock>, base: String) -> Self {
        Self {
            clock,
            base,
            serial: 891_000_000,
            transactions: Vec::new(),
            index: HashMap::new(),
            by_invoice: HashMap::new(),
            tokens: HashMap::new(),
            used_packets: HashSet::new(),
            recurrents: Vec::new(),
            orders: Vec::new(),
            outgoing: Vec::new(),
            verdicts: VecDeque::new(),
            slow_payouts: false,
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub(crate) fn find(&self, id: u64) -> Result<&Transaction> {
        let index = self.index.get(&id);
        index
            .map(|index| &self.transactions[*index])
            .ok_or_else(|| Refused("Transaction not found".into()))
    }

    pub(crate) fn find_mut(&mut self, id: u64) -> Result<&mut Transaction> {
        let index = self.index.get(&id).copied();
        index
            .map(|index| &mut self.transactions[index])
            .ok_or_else(|| Refused("Transaction not found".into()))
    }

    /// The last payment or payout under a reference.
    pub(crate) fn find_by_invoice(&self, invoice: &str) -> Option<&Transaction> {
        self.by_invoice.get(invoice).and_then(|id| self.find(*id).ok())
    }

    /// Opens a packet, which nobody can use again.
    pub(crate) fn unseal(&mut self, packet: &str) -> Result<Card> {
        let card = Card::unseal(packet)
            .ok_or_else(|| Refused("CardCryptogramPacket is invalid".into()))?;
        if self.used_packets.insert(packet.to_owned()) {
            return Ok(card);
        }
        refused("CardCryptogramPacket was already used")
    }

    pub(crate) fn open(&mut self, operation: Operation, new: NewPayment, card: Card) -> u64 {
        let (id, created) = (self.next_serial(), self.now());
        if let (Operation::Payment | Operation::CardPayout, Some(invoice)) =
            (operation, &new.invoice)
        {
            self.by_invoice.insert(invoice.clone(), id);
        }
        self.index.insert(id, self.transactions.len());
        self.transactions.push(Transaction {
            id,
            operation,
            status: Status::AwaitingAuthentication,
            asked: new.amount,
            amount: new.amount,
            currency: new.currency,
            invoice: new.invoice,
            account: new.account,
            email: new.email,
            description: new.description,
            ip: new.ip,
            name: new.name,
            json_data: new.json_data,
            created,
            authorized: None,
            confirmed: None,
            reason: 0,
            card,
            two_step: new.two_step,
            saves_card: new.saves_card,
            token: None,
            original: None,
            refunded: 0,
            charged_back: 0,
            subscription: new.subscription,
        });
        id
    }

    /// The bank is asked; `code` is what the card says by itself.
    pub(crate) fn authorize(&mut self, id: u64, code: u16) -> Result<()> {
        let code = self.verdicts.pop_front().unwrap_or(code);
        self.decide(id, code)
    }

    /// It is decided: approved, or declined for a reason.
    pub(crate) fn decide(&mut self, id: u64, code: u16) -> Result<()> {
        let now = self.now();
        let serial = self.next_serial();
        let transaction = self.find_mut(id)?;
        transaction.reason = code;
        if code != 0 {
            transaction.status = Status::Declined;
            let transaction = transaction.clone();
            self.notify_fail(&transaction);
            return Ok(());
        }
        transaction.authorized = Some(now);
        transaction.status =
            if transaction.two_step { Status::Authorized } else { Status::Completed };
        transaction.confirmed = (!transaction.two_step).then_some(now);
        if let (true, Some(account)) = (transaction.saves_card, transaction.account.clone()) {
            let token = format!("tk_{serial:024x}");
            transaction.token = Some(token.clone());
            let card = transaction.card.clone();
            self.tokens.insert(token, Token { account, card });
        }
        let transaction = self.find(id)?.clone();
        self.notify_pay(&transaction);
        Ok(())
    }

    pub(crate) fn confirm(&mut self, id: u64, amount: i64) -> Result<()> {
        let now = self.now();
        let transaction = self.find_mut(id)?;
        if transaction.status != Status::Authorized {
            return refused("Transaction is not in the Authorized status");
        }
        if amount > transaction.amount {
            return refused("Amount is greater than the authorized amount");
        }
        transaction.amount = amount;
        transaction.status = Status::Completed;
        transaction.confirmed = Some(now);
        let transaction = transaction.clone();
        let mut fields = transaction.fields();
        fields.push(("Status", transaction.status.name().to_owned()));
        fields.push(("AuthCode", "A1B2C3".to_owned()));
        fields.push(("Token", transaction.token.clone().unwrap_or_default()));
        fields.push(("Rrn", String::new()));
        self.notify(Notification::Confirm, &fields);
        Ok(())
    }

    pub(crate) fn void(&mut self, id: u64) -> Result<()> {
        let transaction = self.find_mut(id)?;
        if transaction.status != Status::Authorized {
            return refused("Transaction is not in the Authorized status");
        }
        transaction.status = Status::Cancelled;
        let transaction = transaction.clone();
        self.notify_cancel(&transaction);
        Ok(())
    }

    /// Gives back; the answer is the refund's own transaction.
    pub(crate) fn refund(&mut self, id: u64, amount: i64, data: Option<String>) -> Result<u64> {
        let now = self.now();
        let payment = self.find(id)?.clone();
        if payment.status != Status::Completed || payment.operation != Operation::Payment {
            return refused("Transaction is not in the Completed status");
        }
        if payment.refunded + amount > payment.amount {
            return refused("Amount is greater than what is left to refund");
        }
        if payment.confirmed.is_some_and(|at| now - at > TimeDelta::days(365)) {
            return refused("The payment is older than one year");
        }
        let new = NewPayment {
            amount,
            currency: payment.currency.clone(),
            invoice: payment.invoice.clone(),
            account: payment.account.clone(),
            email: payment.email.clone(),
            json_data: data,
            ..NewPayment::default()
        };
        let refund = self.open(Operation::Refund, new, payment.card.clone());
        let transaction = self.find_mut(refund)?;
        transaction.status = Status::Completed;
        transaction.original = Some(id);
        transaction.confirmed = Some(now);
        let transaction = transaction.clone();
        self.find_mut(id)?.refunded += amount;
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let fields = [
            ("TransactionId", refund.to_string()),
            ("PaymentTransactionId", id.to_string()),
            ("Amount", decimal(amount)),
            ("DateTime", date_time(now)),
            ("OperationType", Operation::Refund.name().to_owned()),
            ("InvoiceId", text(&transaction.invoice)),
            ("AccountId", text(&transaction.account)),
            ("Email", text(&transaction.email)),
            ("Data", text(&transaction.json_data)),
            ("Rrn", String::new()),
        ];
        self.notify(Notification::Refund, &fields);
        Ok(refund)
    }

    /// Reservations that nobody confirmed in time are let go.
    pub(crate) fn expire_holds(&mut self) {
        let now = self.now();
        let mut late = Vec::new();
        for transaction in &mut self.transactions {
            let since = transaction.authorized.filter(|_| transaction.status == Status::Authorized);
            if since.is_some_and(|since| since + HOLD <= now) {
                transaction.status = Status::Cancelled;
                late.push(transaction.clone());
            }
        }
        for transaction in &late {
            self.notify_cancel(transaction);
        }
    }

    pub(crate) fn payout(&mut self, new: NewPayment, card: Card) -> Result<Value> {
        let id = self.open(Operation::CardPayout, new, card);
        if self.slow_payouts {
            let mut model = self.find(id)?.model();
            model["Status"] = "Created".into();
            model["StatusCode"] = 0.into();
            model["TransactionIsInProcess"] = true.into();
            return Ok(json!({ "Success": true, "Message": null, "Model": model }));
        }
        self.authorize(id, 0)?;
        Ok(outcome(self.find(id)?))
    }
}

/// The envelope around a transaction: `Success` says whether money is reserved or taken.
pub(crate) fn outcome(transaction: &Transaction) -> Value {
    let good = matches!(transaction.status, Status::Authorized | Status::Completed);
    json!({ "Success": good, "Message": null, "Model": transaction.model() })
}

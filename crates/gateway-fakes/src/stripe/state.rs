use std::sync::Arc;

use kernel::Clock;
use serde_json::{Value, json};

use super::charge::{BalanceTransaction, Charge, Dispute, Refund};
use super::checkout::Session;
use super::connect::{Account, ApplicationFee, Reversal, Transfer};
use super::customer::{Customer, PaymentMethod, SetupIntent};
use super::intent::Intent;
use super::invoice::Invoice;
use super::shelf::{Shelf, Stored};
use super::subscription::{Price, Subscription};

/// The version of the API that everything is shaped after.
pub(crate) const API_VERSION: &str = "2026-09-30.endive";

/// Everything that the account has.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Arc<dyn Clock>,
    /// The address of this server.
    pub(crate) base: String,
    serial: u64,
    /// The idempotency key of the request at hand, for its events.
    pub(crate) request_key: Option<String>,
    /// Events that wait to be sent.
    pub(crate) outgoing: Vec<Value>,
    /// How long the search does not see what is new, in seconds.
    pub(crate) search_lag: i64,
    pub(crate) events: Shelf<Event>,
    pub(crate) customers: Shelf<Customer>,
    pub(crate) methods: Shelf<PaymentMethod>,
    pub(crate) setups: Shelf<SetupIntent>,
    pub(crate) intents: Shelf<Intent>,
    pub(crate) charges: Shelf<Charge>,
    pub(crate) refunds: Shelf<Refund>,
    pub(crate) disputes: Shelf<Dispute>,
    pub(crate) balance: Shelf<BalanceTransaction>,
    pub(crate) sessions: Shelf<Session>,
    pub(crate) prices: Shelf<Price>,
    pub(crate) subscriptions: Shelf<Subscription>,
    pub(crate) invoices: Shelf<Invoice>,
    pub(crate) accounts: Shelf<Account>,
    pub(crate) transfers: Shelf<Transfer>,
    pub(crate) reversals: Shelf<Reversal>,
    pub(crate) fees: Shelf<ApplicationFee>,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) struct Event {
    id: String,
    created: i64,
    kind: String,
    json: Value,
}

impl Stored for Event {
    const KIND: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn json(&self) -> Value {
        self.json.clone()
    }
}

impl Event {
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }
}

impl State {
    pub(crate) fn new(clock: Arc<dyn Clock>, base: String) -> Self {
        Self {
            clock,
            base,
            serial: 0,
            request_key: None,
            outgoing: Vec::new(),
            search_lag: 0,
            events: Shelf::default(),
            customers: Shelf::default(),
            methods: Shelf::default(),
            setups: Shelf::default(),
            intents: Shelf::default(),
            charges: Shelf::default(),
            refunds: Shelf::default(),
            disputes: Shelf::default(),
            balance: Shelf::default(),
            sessions: Shelf::default(),
            prices: Shelf::default(),
            subscriptions: Shelf::default(),
            invoices: Shelf::default(),
            accounts: Shelf::default(),
            transfers: Shelf::default(),
            reversals: Shelf::default(),
            fees: Shelf::default(),
        }
    }

    /// A new id; they sort as they were made.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        self.serial += 1;
        format!("{prefix}_3Fake{:019}", self.serial)
    }

    /// The present moment in seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// Something happened; whoever listens is told.
    pub(crate) fn emit(&mut self, kind: &str, object: Value) {
        self.emit_for(None, kind, object);
    }

    /// Something happened to a connected account.
    pub(crate) fn emit_for(&mut self, account: Option<&str>, kind: &str, object: Value) {
        let (id, created) = (self.new_id("evt"), self.now());
        let mut json = json!({
            "id": id,
            "object": "event",
            "api_version": API_VERSION,
            "created": created,
            "data": {},
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": self.request_key },
            "type": kind,
        });
        json["data"]["object"] = object;
        if let Some(account) = account {
            json["account"] = account.into();
        }
        self.outgoing.push(json.clone());
        self.events.put(Event { id, created, kind: kind.to_owned(), json });
    }

    /// Replaces the ids that `expand` names by their objects: `latest_charge`, `data.latest_charge`.
    pub(crate) fn expand(&self, object: &mut Value, path: &str) -> bool {
        let (name, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        if let Some(list) = object.as_array_mut() {
            return list.iter_mut().all(|item| self.expand(item, path));
        }
        let Some(member) = object.get_mut(name) else { return false };
        if let Some(id) = member.as_str() {
            match self.by_id(id) {
                Some(found) => *member = found,
                None => return false,
            }
        }
        match rest {
            Some(rest) if !member.is_null() => self.expand(member, rest),
            _ => true,
        }
    }

    fn by_id(&self, id: &str) -> Option<Value> {
        fn one<T: Stored>(shelf: &Shelf<T>, id: &str) -> Option<Value> {
            shelf.find(id).map(T::json)
        }
        match id.split('_').next()? {
            "ch" => one(&self.charges, id),
            "pi" => one(&self.intents, id),
            "pm" => one(&self.methods, id),
            "cus" => one(&self.customers, id),
            "in" => one(&self.invoices, id),
            "sub" => one(&self.subscriptions, id),
            "seti" => one(&self.setups, id),
            "txn" => one(&self.balance, id),
            "tr" => one(&self.transfers, id),
            _ => None,
        }
    }
}

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use hostile_http::Postbox;
use serde_json::Value;

use super::body::decimal;
use super::state::State;
use super::transaction::{Transaction, date_time};
use crate::signature::hmac;

/// A kind of notification; each has an address of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notification {
    /// Before an authorisation: may it be?
    Check,
    /// Reserved, or taken.
    Pay,
    /// Declined.
    Fail,
    /// Taken, after it was reserved.
    Confirm,
    /// Given back.
    Refund,
    /// Let go.
    Cancel,
    /// A subscription has changed.
    Recurrent,
}

impl Notification {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Check,
        Self::Pay,
        Self::Fail,
        Self::Confirm,
        Self::Refund,
        Self::Cancel,
        Self::Recurrent,
    ];

    /// The last part of its address here: `check`, `pay`, …
    pub const fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Pay => "pay",
            Self::Fail => "fail",
            Self::Confirm => "confirm",
            Self::Refund => "refund",
            Self::Cancel => "cancel",
            Self::Recurrent => "recurrent",
        }
    }
}

/// A notification that waits to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) kind: Notification,
    pub(crate) id: String,
    pub(crate) body: Bytes,
}

/// How notifications are signed and repeated.
#[derive(Debug)]
pub(crate) struct Notifications;

impl Notifications {
    fn headers(key: &str, body: &[u8]) -> Vec<(String, String)> {
        let code = |message: &[u8]| STANDARD.encode(hmac(key.as_bytes(), message));
        vec![
            ("content-hmac".to_owned(), code(body)),
            ("x-content-hmac".to_owned(), code(decoded(body).as_bytes())),
        ]
    }
}

impl Postbox for Notifications {
    fn sign(&self, body: &[u8], _now: DateTime<Utc>) -> Vec<(String, String)> {
        Self::headers(super::CloudPaymentsFake::API_SECRET, body)
    }

    fn forge(&self, body: &[u8], _now: DateTime<Utc>) -> Vec<(String, String)> {
        Self::headers("the secret of somebody else", body)
    }

    /// Only `{"code":0}` with status 200.
    fn taken(&self, status: u16, body: &[u8]) -> bool {
        status == 200 && code_of(body) == Some(0)
    }

    /// A hundred tries, 1, 2, 5, 10 and then 30 minutes apart.
    fn pause(&self, tries: u32) -> Option<TimeDelta> {
        let minutes = match tries {
            1 => 1,
            2 => 2,
            3 => 5,
            4 => 10,
            5..100 => 30,
            _ => return None,
        };
        Some(TimeDelta::minutes(minutes))
    }
}

/// The `code` of an answer to a notification.
pub(crate) fn code_of(body: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Value>(body).ok()?.get("code")?.as_u64()
}

/// A form with its escapes undone, as one text.
fn decoded(body: &[u8]) -> String {
    let pairs = form_urlencoded::parse(body).map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

impl State {
    pub(crate) fn notify(&mut self, kind: Notification, fields: &[(&'static str, String)]) {
        let outgoing = self.form(kind, fields);
        self.outgoing.push(outgoing);
    }

    pub(crate) fn form(
        &mut self,
        kind: Notification,
        fields: &[(&'static str, String)],
    ) -> Outgoing {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let id = format!("{}-{}", kind.name(), self.next_serial());
        Outgoing { kind, id, body: body.into() }
    }

    pub(crate) fn check_form(&mut self, transaction: &Transaction) -> Outgoing {
        let mut fields = transaction.fields();
        let status = if transaction.two_step { "Authorized" } else { "Completed" };
        fields.push(("Status", status.to_owned()));
        fields.push(("OperationType", transaction.operation.name().to_owned()));
        fields.push(("TokenRecipient", String::new()));
        self.form(Notification::Check, &fields)
    }

    pub(crate) fn notify_pay(&mut self, transaction: &Transaction) {
        let mut fields = transaction.fields();
        fields.push(("Status", transaction.status.name().to_owned()));
        fields.push(("OperationType", transaction.operation.name().to_owned()));
        fields.push(("GatewayName", "Test".to_owned()));
        fields.push(("AuthCode", "A1B2C3".to_owned()));
        fields.push(("Token", transaction.token.clone().unwrap_or_default()));
        fields.push(("TotalFee", String::new()));
        fields.push(("Rrn", String::new()));
        self.notify(Notification::Pay, &fields);
    }

    pub(crate) fn notify_fail(&mut self, transaction: &Transaction) {
        let mut fields = transaction.fields();
        fields.push(("Reason", super::card::reason(transaction.reason).0.to_owned()));
        fields.push(("ReasonCode", transaction.reason.to_string()));
        fields.push(("OperationType", transaction.operation.name().to_owned()));
        fields.push(("Token", transaction.token.clone().unwrap_or_default()));
        fields.push(("RetryAfter", String::new()));
        self.notify(Notification::Fail, &fields);
    }

    pub(crate) fn notify_cancel(&mut self, transaction: &Transaction) {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let fields = [
            ("TransactionId", transaction.id.to_string()),
            ("Amount", decimal(transaction.amount)),
            ("DateTime", date_time(self.now())),
            ("InvoiceId", text(&transaction.invoice)),
            ("AccountId", text(&transaction.account)),
            ("Email", text(&transaction.email)),
            ("Data", text(&transaction.json_data)),
            ("Rrn", String::new()),
        ];
        self.notify(Notification::Cancel, &fields);
    }
}

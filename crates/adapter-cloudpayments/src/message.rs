use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use billing::{
    Delivery, MAX_WEBHOOK_BYTES, Question, Secret, SignedMessage, Subject, WebhookRefusal,
    parse_reference,
};
use chrono::{DateTime, NaiveDateTime, Utc};
use gateway_client::hmac_holds;
use kernel::{Currency, Money, Text};

use crate::amount::minor;

/// Verifies a notification and reads it.
pub(crate) fn verify(
    delivery: &Delivery<'_>,
    secrets: &[Secret],
) -> Result<SignedMessage, WebhookRefusal> {
    if delivery.body.len() > MAX_WEBHOOK_BYTES {
        return Err(WebhookRefusal::TooLarge);
    }
    // One header is over the body as it came, the other over the body with its escapes undone.
    let (code, decoded);
    let (header, signed): (&str, &[u8]) = if let Some(header) = delivery.header("content-hmac") {
        (header, delivery.body)
    } else {
        code = delivery.header("x-content-hmac").ok_or(WebhookRefusal::Unsigned)?;
        decoded = unescaped(delivery.body);
        (code, &decoded)
    };
    let code = STANDARD.decode(header).map_err(|_| WebhookRefusal::WrongSignature)?;
    if !secrets.iter().any(|secret| hmac_holds(secret.reveal().as_bytes(), &[signed], &code)) {
        return Err(WebhookRefusal::WrongSignature);
    }
    let fields = form_urlencoded::parse(delivery.body).into_owned().collect();
    Notification { topic: delivery.topic, fields }.read().ok_or(WebhookRefusal::Unreadable)
}

/// The body with `+` and `%xx` undone, as bytes.
fn unescaped(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, tail)) = rest.split_first() {
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let escaped = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(*other),
        }
        rest = tail;
    }
    bytes
}

struct Notification<'a> {
    topic: &'a str,
    fields: Vec<(String, String)>,
}

impl Notification<'_> {
    /// A field; what is empty is not there.
    fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// There is no event id: what makes it one message is its kind, what it is about and how that
    /// stands.
    fn read(&self) -> Option<SignedMessage> {
        let id = |names: &[&str]| {
            let parts: Vec<_> =
                names.iter().map(|name| self.field(name).unwrap_or_default()).collect();
            Text::new(&format!("{}:{}", self.topic, parts.join(":"))).ok()
        };
        let (event_id, subject) = match self.topic {
            "recurrent" => {
                let parts =
                    ["Id", "Status", "SuccessfulTransactionsNumber", "FailedTransactionsNumber"];
                (
                    id(&parts)?,
                    Subject::Subscription { reference: Text::new(self.field("Id")?).ok()? },
                )
            }
            "refund" => (id(&["TransactionId"])?, self.payment("PaymentTransactionId")?),
            "check" | "pay" | "fail" | "confirm" | "cancel" => {
                let subject = match self.field("OperationType") {
                    Some("CardPayout") => {
                        Subject::Payout { reference: Text::new(self.field("TransactionId")?).ok()? }
                    }
                    _ => self.payment("TransactionId")?,
                };
                (id(&["TransactionId", "Status"])?, subject)
            }
            _ => return None,
        };
        let question = if self.topic == "check" { Some(self.question()?) } else { None };
        Some(SignedMessage {
            event_id,
            kind: Text::new(self.topic).ok()?,
            subject,
            at: self.at(),
            question,
        })
    }

    fn payment(&self, transaction: &str) -> Option<Subject> {
        let payment = self.field("InvoiceId").and_then(parse_reference).map(|(payment, _)| payment);
        Some(Subject::Payment { payment, transaction: Text::new(self.field(transaction)?).ok()? })
    }

    fn question(&self) -> Option<Question> {
        let currency: Currency = self.field("Currency")?.parse().ok()?;
        let amount = minor(self.field("Amount")?).filter(|_| currency.exponent() == 2)?;
        let payment = self.field("InvoiceId").and_then(parse_reference).map(|(payment, _)| payment);
        let account = self.field("AccountId").map(str::to_owned);
        Some(Question { payment, amount: Money::new(amount, currency), account })
    }

    fn at(&self) -> Option<DateTime<Utc>> {
        let text = self.field("DateTime")?;
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok().map(|at| at.and_utc())
    }
}

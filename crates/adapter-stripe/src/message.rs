use billing::{Delivery, MAX_WEBHOOK_BYTES, Secret, SignedMessage, Subject, WebhookRefusal};
use chrono::{DateTime, Utc};
use gateway_client::hmac_holds;
use kernel::{PaymentId, Text};
use serde_json::Value;

/// Verifies an event and reads what it is about.
pub(crate) fn verify(
    delivery: &Delivery<'_>,
    secrets: &[Secret],
) -> Result<SignedMessage, WebhookRefusal> {
    if delivery.body.len() > MAX_WEBHOOK_BYTES {
        return Err(WebhookRefusal::TooLarge);
    }
    let header = delivery.header("stripe-signature").ok_or(WebhookRefusal::Unsigned)?;
    let parts = |wanted: &'static str| {
        let parts = header.split(',').filter_map(|part| part.trim().split_once('='));
        parts.filter(move |(name, _)| *name == wanted).map(|(_, value)| value)
    };
    let time = parts("t").next().ok_or(WebhookRefusal::Unsigned)?;
    let signed = [time.as_bytes(), b".", delivery.body];
    // One signature for each secret of theirs, compared with each of ours: either may be in change.
    let holds = |code: Vec<u8>| {
        secrets.iter().any(|secret| hmac_holds(secret.reveal().as_bytes(), &signed, &code))
    };
    if !parts("v1").filter_map(|code| hex::decode(code).ok()).take(8).any(holds) {
        return Err(WebhookRefusal::WrongSignature);
    }
    let at = time.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    if !at.is_some_and(|at| delivery.in_time(at)) {
        return Err(WebhookRefusal::OutOfTime);
    }
    read(delivery.body).ok_or(WebhookRefusal::Unreadable)
}

fn read(body: &[u8]) -> Option<SignedMessage> {
    let event: Value = serde_json::from_slice(body).ok()?;
    let (id, kind) = (event["id"].as_str()?, event["type"].as_str()?);
    Some(SignedMessage {
        event_id: Text::new(id).ok()?,
        kind: Text::new(kind).ok()?,
        subject: subject(&event["data"]["object"]),
        at: event["created"].as_i64().and_then(|at| DateTime::<Utc>::from_timestamp(at, 0)),
        question: None,
    })
}

/// Where to look, by the object that the event shows.
fn subject(object: &Value) -> Subject {
    let text = |value: &Value| value.as_str().and_then(|text| Text::new(text).ok());
    let payment =
        object["metadata"]["payment"].as_str().and_then(|id| id.parse::<PaymentId>().ok());
    let of_payment = |transaction| Subject::Payment { payment, transaction };
    let subject = match object["object"].as_str().unwrap_or_default() {
        "payment_intent" => text(&object["id"]).map(of_payment),
        "charge" | "refund" | "dispute" | "checkout.session" => {
            text(&object["payment_intent"]).map(of_payment)
        }
        "subscription" => text(&object["id"]).map(|reference| Subject::Subscription { reference }),
        "invoice" => {
            let subscription = &object["parent"]["subscription_details"]["subscription"];
            text(subscription).map(|reference| Subject::Subscription { reference })
        }
        "transfer" => text(&object["id"]).map(|reference| Subject::Payout { reference }),
        _ => None,
    };
    subject.unwrap_or(Subject::Other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_says_where_to_look() {
        let name = |object: Value| subject(&object).name();

        assert_eq!(name(json!({ "object": "dispute", "payment_intent": "pi_1" })), "payment");
        assert_eq!(name(json!({ "object": "checkout.session", "payment_intent": null })), "other");
        let invoice = json!({ "object": "invoice", "parent": { "subscription_details": { "subscription": "sub_1" } } });
        assert_eq!(name(invoice), "subscription");
        assert_eq!(name(json!({ "object": "transfer", "id": "tr_1" })), "payout");
        assert_eq!(name(json!({ "object": "person" })), "other");
    }
}

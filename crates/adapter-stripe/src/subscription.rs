use billing::{
    GatewayError, Interval, IntervalUnit, ObservedCharge, ObservedState, OperationKey, Period,
    SubscriptionSnapshot,
};
use chrono::{DateTime, Utc};
use gateway_client::senseless;
use kernel::{Money, Text};
use serde_json::Value;

use crate::answer::{currency, moment, transaction};
use crate::call::Api;

/// So many of the newest paid invoices are looked at: those of the renewals that we may have missed.
const INVOICES: usize = 3;

/// What is true of a subscription.
pub(crate) async fn observe(
    api: &Api,
    reference: &str,
) -> Result<Option<SubscriptionSnapshot>, GatewayError> {
    let path = format!("subscriptions/{}", segment(reference)?);
    let Some((subscription, seen)) = api.get_dated(&path, &Vec::new()).await? else {
        return Ok(None);
    };
    let charges = charges(api, reference).await?;
    snapshot(&subscription, seen, charges).map(Some)
}

/// Ends it, with its period or at once.
pub(crate) async fn end(
    api: &Api,
    reference: &str,
    at_once: bool,
    key: &OperationKey,
) -> Result<SubscriptionSnapshot, GatewayError> {
    let path = format!("subscriptions/{}", segment(reference)?);
    let result = if at_once {
        api.delete(&path, key).await?
    } else {
        let fields = vec![("cancel_at_period_end", "true".to_owned())];
        api.post(&path, key.as_str(), &fields).await?
    };
    // It may have ended before; what is true decides.
    if let Err(error) = result {
        let snapshot = observe(api, reference).await?;
        let over = snapshot.filter(|snapshot| {
            matches!(snapshot.state, ObservedState::Canceled { .. } | ObservedState::Expired)
        });
        return over.ok_or_else(|| error.refused());
    }
    observe(api, reference).await?.ok_or_else(|| senseless("a subscription that is gone"))
}

/// A part of a path: nothing that leads elsewhere.
fn segment(reference: &str) -> Result<&str, GatewayError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if reference.bytes().all(plain) && !reference.is_empty() {
        return Ok(reference);
    }
    Err(GatewayError::Refused { message: "this is no id of Stripe's".to_owned() })
}

async fn charges(api: &Api, reference: &str) -> Result<Vec<ObservedCharge>, GatewayError> {
    let query = vec![
        ("subscription", reference.to_owned()),
        ("status", "paid".to_owned()),
        ("limit", INVOICES.to_string()),
    ];
    let invoices = api.get("invoices", &query).await?.unwrap_or_default();
    let mut charges = Vec::new();
    for invoice in invoices["data"].as_array().into_iter().flatten() {
        let (Some(id), Some(paid)) = (invoice["id"].as_str(), invoice["amount_paid"].as_i64())
        else {
            return Err(senseless("an invoice without an id or an amount"));
        };
        if paid == 0 {
            continue; // the first of a trial
        }
        let payments = api
            .get("invoice_payments", &vec![("invoice", id.to_owned())])
            .await?
            .unwrap_or_default();
        let mut of = payments["data"].as_array().into_iter().flatten();
        let intent = of.find_map(|payment| payment["payment"]["payment_intent"].as_str());
        let (Some(intent), Some(at)) =
            (intent, invoice["status_transitions"]["paid_at"].as_i64().and_then(moment))
        else {
            continue; // paid outside of Stripe
        };
        let currency = currency(invoice["currency"].as_str().unwrap_or_default())?;
        charges.push(ObservedCharge {
            transaction: transaction(intent)?,
            amount: Money::new(paid, currency),
            at,
        });
    }
    Ok(charges)
}

fn snapshot(
    subscription: &Value,
    seen: i64,
    charges: Vec<ObservedCharge>,
) -> Result<SubscriptionSnapshot, GatewayError> {
    let id = subscription["id"].as_str().unwrap_or_default();
    let reference = Text::new(id).map_err(|_| senseless("an id that is none"))?;
    let at = |name: &str| subscription[name].as_i64().and_then(moment);
    let missing = || senseless("a subscription without a time");
    let state = match subscription["status"].as_str().unwrap_or_default() {
        "incomplete" => ObservedState::Incomplete,
        "trialing" => ObservedState::Trialing { until: at("trial_end").ok_or_else(missing)? },
        "active" => {
            let ends = subscription["cancel_at_period_end"].as_bool().unwrap_or(false);
            ObservedState::Active { period: period(subscription)?, ends }
        }
        "past_due" => ObservedState::PastDue { period: period(subscription)? },
        "paused" => ObservedState::Paused,
        "canceled" => {
            let ended = at("ended_at").or(at("canceled_at")).ok_or_else(missing)?;
            ObservedState::Canceled { until: ended }
        }
        "incomplete_expired" | "unpaid" => ObservedState::Expired,
        _ => return Err(senseless("an unknown status")),
    };
    // Stripe gives no version: what was read later is newer.
    let version = u64::try_from(seen).unwrap_or_default().saturating_mul(1_000_000);
    Ok(SubscriptionSnapshot { reference, version, state, charges })
}

/// The period: since 2025 it is that of the item.
fn period(subscription: &Value) -> Result<Period, GatewayError> {
    let item = &subscription["items"]["data"][0];
    let at = |value: &Value| -> Result<DateTime<Utc>, GatewayError> {
        value.as_i64().and_then(moment).ok_or_else(|| senseless("a period without an end"))
    };
    let (start, end) = (at(&item["current_period_start"])?, at(&item["current_period_end"])?);
    let recurring = &item["price"]["recurring"];
    let unit: Option<IntervalUnit> =
        recurring["interval"].as_str().and_then(|unit| unit.parse().ok());
    let count = recurring["interval_count"].as_u64().and_then(|count| u16::try_from(count).ok());
    let interval = unit.zip(count).and_then(|(unit, count)| Interval::new(unit, count).ok());
    let interval = interval.ok_or_else(|| senseless("an unknown interval"))?;
    Ok(Period { anchor: start, index: 0, interval, start, end })
}

//! A subscription as a row.

use billing::{
    CardId, ChargeKind, Driver, Interrupted, PaidPart, PendingCharge, Period, PlanTerms,
    Subscription, SubscriptionRecord, SubscriptionState,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use kernel::{AccountId, PaymentId, StorageError, SubscriptionId, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::billing::document::{
    PeriodDocument, Source, TermsDocument, from_json, right_columns, sensible, to_json,
};
use crate::schema::billing::subscriptions as table;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
pub(super) struct SubscriptionRow {
    pub(super) id: Uuid,
    subscriber_id: Uuid,
    plan_id: Uuid,
    right_kind: String,
    right_id: Option<Uuid>,
    terms: Value,
    next_terms: Option<Value>,
    gateway: String,
    reference: Option<String>,
    seen_version: Option<i64>,
    card_id: Option<Uuid>,
    state: String,
    state_detail: Value,
    access_until: Option<DateTime<Utc>>,
    pending: Option<Value>,
    paid: Value,
    pub(super) created_at: DateTime<Utc>,
    version: i32,
}

/// What only one state knows.
#[derive(Default, Serialize, Deserialize)]
struct StateDocument {
    /// When it began, ends, or was last tried, as the state says.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trial_days: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<PeriodDocument>,
    /// Whether it ends with its period.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hard: Option<bool>,
}

impl From<&SubscriptionState> for StateDocument {
    fn from(state: &SubscriptionState) -> Self {
        let nothing = Self::default();
        match state {
            SubscriptionState::Incomplete { expires_at, trial_days } => {
                Self { at: Some(*expires_at), trial_days: Some(*trial_days), ..nothing }
            }
            SubscriptionState::Trialing { until, card } => {
                Self { at: Some(*until), card: Some(*card), ..nothing }
            }
            SubscriptionState::Paused { since } | SubscriptionState::Suspended { since } => {
                Self { at: Some(*since), ..nothing }
            }
            SubscriptionState::Active { period, cancel_at_period_end } => {
                let period = Some((*period).into());
                Self { period, ends: Some(*cancel_at_period_end), ..nothing }
            }
            SubscriptionState::PastDue { period, last_try, hard } => {
                let period = Some((*period).into());
                Self { period, at: Some(*last_try), hard: Some(*hard), ..nothing }
            }
            SubscriptionState::Canceled { until, before } => match before {
                Interrupted::Trial { card } => {
                    Self { at: Some(*until), card: Some(*card), ..nothing }
                }
                Interrupted::Paid(period) => {
                    Self { at: Some(*until), period: Some((*period).into()), ..nothing }
                }
            },
            SubscriptionState::Expired { at } => Self { at: Some(*at), ..nothing },
        }
    }
}

impl StateDocument {
    fn state(self, name: &str) -> Result<SubscriptionState, Source> {
        let Self { at, trial_days, card, period, ends, hard } = self;
        let period = period.map(Period::try_from).transpose()?;
        Ok(match (name, at, period) {
            ("incomplete", Some(expires_at), _) => {
                let trial_days = trial_days.unwrap_or(0);
                SubscriptionState::Incomplete { expires_at, trial_days }
            }
            ("trialing", Some(until), _) => {
                SubscriptionState::Trialing { until, card: card.unwrap_or(false) }
            }
            ("paused", Some(since), _) => SubscriptionState::Paused { since },
            ("active", _, Some(period)) => {
                let cancel_at_period_end = ends.unwrap_or(false);
                SubscriptionState::Active { period, cancel_at_period_end }
            }
            ("past_due", Some(last_try), Some(period)) => {
                let hard = hard.unwrap_or(false);
                SubscriptionState::PastDue { period, last_try, hard }
            }
            ("suspended", Some(since), _) => SubscriptionState::Suspended { since },
            ("canceled", Some(until), Some(period)) => {
                SubscriptionState::Canceled { until, before: Interrupted::Paid(period) }
            }
            ("canceled", Some(until), None) => {
                let before = Interrupted::Trial { card: card.unwrap_or(false) };
                SubscriptionState::Canceled { until, before }
            }
            ("expired", Some(at), _) => SubscriptionState::Expired { at },
            (other, _, _) => return Err(format!("state `{other}`").into()),
        })
    }
}

/// The charge whose outcome is awaited.
#[derive(Serialize, Deserialize)]
struct PendingDocument {
    payment: Uuid,
    kind: String,
    /// The plan that an upgrade is to.
    to: Option<TermsDocument>,
}

impl From<&PendingCharge> for PendingDocument {
    fn from(pending: &PendingCharge) -> Self {
        let to = match &pending.kind {
            ChargeKind::Upgrade(terms) => Some(TermsDocument::from(&**terms)),
            ChargeKind::First | ChargeKind::Renewal | ChargeKind::Retry => None,
        };
        let kind = pending.kind.name().to_owned();
        Self { payment: pending.payment.as_uuid(), kind, to }
    }
}

impl TryFrom<PendingDocument> for PendingCharge {
    type Error = Source;

    fn try_from(document: PendingDocument) -> Result<Self, Source> {
        let PendingDocument { payment, kind, to } = document;
        let kind = match (kind.as_str(), to) {
            ("first", _) => ChargeKind::First,
            ("renewal", _) => ChargeKind::Renewal,
            ("retry", _) => ChargeKind::Retry,
            ("upgrade", Some(terms)) => ChargeKind::Upgrade(Box::new(terms.try_into()?)),
            (other, _) => return Err(format!("charge `{other}`").into()),
        };
        Ok(Self { payment: PaymentId::from_uuid(payment), kind })
    }
}

/// A payment on which the running period rests.
#[derive(Serialize, Deserialize)]
struct PaidDocument {
    payment: Uuid,
    /// The plan that held before it.
    before: Option<TermsDocument>,
}

impl From<&PaidPart> for PaidDocument {
    fn from(part: &PaidPart) -> Self {
        let before = part.before.as_deref().map(TermsDocument::from);
        Self { payment: part.payment.as_uuid(), before }
    }
}

impl TryFrom<PaidDocument> for PaidPart {
    type Error = Source;

    fn try_from(document: PaidDocument) -> Result<Self, Source> {
        let PaidDocument { payment, before } = document;
        let before = before.map(PlanTerms::try_from).transpose()?.map(Box::new);
        Ok(Self { payment: PaymentId::from_uuid(payment), before })
    }
}

impl SubscriptionRow {
    pub(super) fn of(subscription: &Subscription) -> Result<Self, StorageError> {
        let record = subscription.record();
        let (right_kind, right_id) = right_columns(record.terms.right);
        let (gateway, reference, seen_version) = match &record.driver {
            Driver::Engine { gateway } => (gateway, None, None),
            Driver::Gateway { gateway, reference, version } => {
                let version = i64::try_from(*version)
                    .map_err(|error| StorageError::corrupt("store a subscription", error))?;
                (gateway, Some(reference.to_string()), Some(version))
            }
        };
        Ok(Self {
            id: record.id.as_uuid(),
            subscriber_id: record.subscriber.as_uuid(),
            plan_id: record.terms.plan.as_uuid(),
            right_kind: right_kind.to_owned(),
            right_id,
            terms: to_json(&TermsDocument::from(&record.terms)),
            next_terms: record.next_terms.as_ref().map(|it| to_json(&TermsDocument::from(it))),
            gateway: gateway.name().to_owned(),
            reference,
            seen_version,
            card_id: record.card.map(CardId::as_uuid),
            state: record.state.name().to_owned(),
            state_detail: to_json(&StateDocument::from(&record.state)),
            access_until: subscription.access_until(),
            pending: record.pending.as_ref().map(|it| to_json(&PendingDocument::from(it))),
            paid: to_json(&record.paid.iter().map(PaidDocument::from).collect::<Vec<_>>()),
            created_at: record.created_at,
            version: record.version,
        })
    }
}

impl TryFrom<SubscriptionRow> for Subscription {
    type Error = StorageError;

    fn try_from(row: SubscriptionRow) -> Result<Self, StorageError> {
        sensible("read a subscription", row.id, record(row)).map(Self::restore)
    }
}

fn terms(document: Value) -> Result<PlanTerms, Source> {
    from_json::<TermsDocument>(document)?.try_into()
}

fn record(row: SubscriptionRow) -> Result<SubscriptionRecord, Source> {
    let gateway = row.gateway.parse()?;
    let driver = match (row.reference, row.seen_version) {
        (Some(reference), Some(version)) => Driver::Gateway {
            gateway,
            reference: Text::from_stored(reference),
            version: u64::try_from(version)?,
        },
        (None, _) | (_, None) => Driver::Engine { gateway },
    };
    let state: StateDocument = from_json(row.state_detail)?;
    let pending = row.pending.map(from_json::<PendingDocument>).transpose()?;
    let paid: Vec<PaidDocument> = from_json(row.paid)?;
    Ok(SubscriptionRecord {
        id: SubscriptionId::from_uuid(row.id),
        subscriber: AccountId::from_uuid(row.subscriber_id),
        terms: terms(row.terms)?,
        next_terms: row.next_terms.map(terms).transpose()?,
        driver,
        card: row.card_id.map(CardId::from_uuid),
        state: state.state(&row.state)?,
        pending: pending.map(PendingCharge::try_from).transpose()?,
        paid: paid.into_iter().map(PaidPart::try_from).collect::<Result<_, _>>()?,
        created_at: row.created_at,
        version: row.version,
    })
}

//! What several aggregates have in common: sellers, rights, declines, terms of plans.

use billing::{
    Decline, Dunning, Hardness, Interval, IntervalUnit, Period, PlanName, PlanTerms, Purpose,
    PurposeKind, Right, Seller,
};
use chrono::{DateTime, Utc};
use kernel::{AccountId, Currency, ListingId, Money, PlanId, ProviderId, StorageError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub(super) type Source = Box<dyn std::error::Error + Send + Sync>;

pub(super) fn to_json(document: &impl Serialize) -> Value {
    serde_json::to_value(document).expect("a document of ours is plain data")
}

pub(super) fn from_json<T: DeserializeOwned>(value: Value) -> Result<T, Source> {
    Ok(serde_json::from_value(value)?)
}

/// What a row is, or which row makes no sense.
pub(super) fn sensible<T>(
    action: &'static str,
    id: Uuid,
    read: Result<T, Source>,
) -> Result<T, StorageError> {
    read.map_err(|source| {
        StorageError::corrupt(action, format!("row {id} makes no sense: {source}"))
    })
}

/// The one of these names.
pub(super) fn named<T: Copy>(
    all: &[T],
    name: impl Fn(T) -> &'static str,
    wanted: &str,
) -> Result<T, Source> {
    let found = all.iter().copied().find(|it| name(*it) == wanted);
    found.ok_or_else(|| format!("`{wanted}` is none of ours").into())
}

pub(super) fn money(minor: i64, currency: &str) -> Result<Money, Source> {
    Ok(Money::new(minor, Currency::from_stored(currency)?))
}

pub(super) fn purpose(kind: &str, id: Uuid) -> Result<Purpose, Source> {
    Ok(Purpose::from_uuid(kind.parse::<PurposeKind>()?, id))
}

/// The columns of a seller: its provider and account, both unset for the marketplace.
pub(super) fn seller_columns(seller: Seller) -> (Option<Uuid>, Option<Uuid>) {
    match seller {
        Seller::Platform => (None, None),
        Seller::Provider { provider, account } => {
            (Some(provider.as_uuid()), Some(account.as_uuid()))
        }
    }
}

pub(super) fn seller(provider: Option<Uuid>, account: Option<Uuid>) -> Seller {
    match (provider, account) {
        (Some(provider), Some(account)) => Seller::Provider {
            provider: ProviderId::from_uuid(provider),
            account: AccountId::from_uuid(account),
        },
        // A constraint has them set or unset together.
        (None, _) | (_, None) => Seller::Platform,
    }
}

/// The columns of a right: its kind, and of what.
pub(super) fn right_columns(right: Right) -> (&'static str, Option<Uuid>) {
    let id = match right {
        Right::Provider(id) => Some(id.as_uuid()),
        Right::Listing(id) => Some(id.as_uuid()),
        Right::Selling => None,
    };
    (right.name(), id)
}

pub(super) fn right(kind: &str, id: Option<Uuid>) -> Result<Right, Source> {
    Ok(match (kind, id) {
        ("provider", Some(id)) => Right::Provider(ProviderId::from_uuid(id)),
        ("listing", Some(id)) => Right::Listing(ListingId::from_uuid(id)),
        ("selling", None) => Right::Selling,
        (other, _) => return Err(format!("a right to `{other}`").into()),
    })
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RightDocument {
    kind: String,
    id: Option<Uuid>,
}

impl From<Right> for RightDocument {
    fn from(right: Right) -> Self {
        let (kind, id) = right_columns(right);
        Self { kind: kind.to_owned(), id }
    }
}

impl TryFrom<RightDocument> for Right {
    type Error = Source;

    fn try_from(document: RightDocument) -> Result<Self, Source> {
        right(&document.kind, document.id)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct DeclineDocument {
    hard: bool,
    reason: String,
    raw: Option<String>,
}

impl From<Decline> for DeclineDocument {
    fn from(decline: Decline) -> Self {
        let Decline { hardness, reason, raw } = decline;
        Self { hard: hardness == Hardness::Hard, reason, raw }
    }
}

impl From<DeclineDocument> for Decline {
    fn from(document: DeclineDocument) -> Self {
        let DeclineDocument { hard, reason, raw } = document;
        let hardness = if hard { Hardness::Hard } else { Hardness::Soft };
        Self { hardness, reason, raw }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub(super) struct DunningDocument {
    retry_days: Vec<u8>,
    grace_days: u8,
    suspension_days: u8,
}

impl From<&Dunning> for DunningDocument {
    fn from(dunning: &Dunning) -> Self {
        Self {
            retry_days: dunning.retry_days().to_vec(),
            grace_days: dunning.grace_days(),
            suspension_days: dunning.suspension_days(),
        }
    }
}

impl TryFrom<DunningDocument> for Dunning {
    type Error = Source;

    fn try_from(document: DunningDocument) -> Result<Self, Source> {
        let DunningDocument { retry_days, grace_days, suspension_days } = document;
        Ok(Self::new(retry_days, grace_days, suspension_days)?)
    }
}

pub(super) fn interval(unit: &str, count: u16) -> Result<Interval, Source> {
    Ok(Interval::new(unit.parse::<IntervalUnit>()?, count)?)
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PeriodDocument {
    anchor: DateTime<Utc>,
    index: u32,
    unit: String,
    count: u16,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl From<Period> for PeriodDocument {
    fn from(period: Period) -> Self {
        let Period { anchor, index, interval, start, end } = period;
        let (unit, count) = (interval.unit().name().to_owned(), interval.count());
        Self { anchor, index, unit, count, start, end }
    }
}

impl TryFrom<PeriodDocument> for Period {
    type Error = Source;

    fn try_from(document: PeriodDocument) -> Result<Self, Source> {
        let PeriodDocument { anchor, index, unit, count, start, end } = document;
        Ok(Self { anchor, index, interval: interval(&unit, count)?, start, end })
    }
}

/// A plan as it was agreed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TermsDocument {
    plan: Uuid,
    name: String,
    provider: Option<Uuid>,
    account: Option<Uuid>,
    right: RightDocument,
    tier: u8,
    minor: i64,
    currency: Currency,
    unit: String,
    count: u16,
    dunning: DunningDocument,
}

impl From<&PlanTerms> for TermsDocument {
    fn from(terms: &PlanTerms) -> Self {
        let PlanTerms { plan, name, seller, right, tier, price, interval, dunning } = terms;
        let (provider, account) = seller_columns(*seller);
        Self {
            plan: plan.as_uuid(),
            name: name.to_string(),
            provider,
            account,
            right: (*right).into(),
            tier: *tier,
            minor: price.minor(),
            currency: price.currency(),
            unit: interval.unit().name().to_owned(),
            count: interval.count(),
            dunning: dunning.into(),
        }
    }
}

impl TryFrom<TermsDocument> for PlanTerms {
    type Error = Source;

    fn try_from(document: TermsDocument) -> Result<Self, Source> {
        Ok(Self {
            plan: PlanId::from_uuid(document.plan),
            name: PlanName::from_stored(document.name),
            seller: seller(document.provider, document.account),
            right: document.right.try_into()?,
            tier: document.tier,
            price: Money::new(document.minor, document.currency),
            interval: interval(&document.unit, document.count)?,
            dunning: document.dunning.try_into()?,
        })
    }
}

//! Payouts, their terms, and where they go.

use async_trait::async_trait;
use billing::{
    BatchId, GatewayName, Inquiry, MinimumPayout, Payout, PayoutAccount, PayoutRepository,
    PayoutRoute, PayoutState, PayoutTerms, Position,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, Currency, Limit, Page, PayoutId, ProviderId, StorageError, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::document::{Source, from_json, money, sensible, to_json};
use super::secrets::Sealed;
use crate::failure::storage;
use crate::schema::billing::{payout_accounts, payout_terms, payouts as table};
use crate::{PgStore, PgTx};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
struct PayoutRow {
    id: Uuid,
    batch_id: Uuid,
    provider_id: Uuid,
    account_id: Uuid,
    amount_minor: i64,
    currency: String,
    gateway: Option<String>,
    state: String,
    state_at: Option<DateTime<Utc>>,
    reference: Option<String>,
    reason: Option<String>,
    attempt: i32,
    inquiry_since: DateTime<Utc>,
    inquiry_asked: i16,
    inquiry_again_at: Option<DateTime<Utc>>,
    approved_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    version: i32,
}

const fn route_name(route: PayoutRoute) -> Option<&'static str> {
    match route {
        PayoutRoute::Gateway(gateway) => Some(gateway.name()),
        PayoutRoute::Bank => None,
    }
}

fn route(gateway: Option<&str>) -> Result<PayoutRoute, Source> {
    Ok(match gateway {
        Some(name) => PayoutRoute::Gateway(name.parse()?),
        None => PayoutRoute::Bank,
    })
}

impl From<&Payout> for PayoutRow {
    fn from(payout: &Payout) -> Self {
        let (state_at, reference, reason) = match &payout.state {
            PayoutState::AwaitingApproval | PayoutState::Ready => (None, None, None),
            PayoutState::Processing { since, reference } => (Some(*since), reference.clone(), None),
            PayoutState::Paid { at, reference } => (Some(*at), Some(reference.clone()), None),
            PayoutState::Failed { at, reason } => (Some(*at), None, Some(reason.clone())),
            PayoutState::Cancelled { at } => (Some(*at), None, None),
        };
        Self {
            id: payout.id.as_uuid(),
            batch_id: payout.batch.as_uuid(),
            provider_id: payout.provider.as_uuid(),
            account_id: payout.account.as_uuid(),
            amount_minor: payout.amount.minor(),
            currency: payout.amount.currency().code().to_owned(),
            gateway: route_name(payout.route).map(ToOwned::to_owned),
            state: payout.state.name().to_owned(),
            state_at,
            reference: reference.map(Text::into_string),
            reason,
            attempt: i32::from(payout.attempt),
            inquiry_since: payout.inquiry.since,
            inquiry_asked: i16::from(payout.inquiry.asked),
            inquiry_again_at: payout.inquiry.again_at,
            approved_by: payout.approved_by.map(AccountId::as_uuid),
            created_at: payout.created_at,
            version: payout.version,
        }
    }
}

impl TryFrom<PayoutRow> for Payout {
    type Error = StorageError;

    fn try_from(row: PayoutRow) -> Result<Self, StorageError> {
        sensible("read a payout", row.id, payout(row))
    }
}

fn payout(row: PayoutRow) -> Result<Payout, Source> {
    let reference = row.reference.map(Text::from_stored);
    let state = match (row.state.as_str(), row.state_at, reference, row.reason) {
        ("awaiting_approval", _, _, _) => PayoutState::AwaitingApproval,
        ("ready", _, _, _) => PayoutState::Ready,
        ("processing", Some(since), reference, _) => PayoutState::Processing { since, reference },
        ("paid", Some(at), Some(reference), _) => PayoutState::Paid { at, reference },
        ("failed", Some(at), _, Some(reason)) => PayoutState::Failed { at, reason },
        ("cancelled", Some(at), _, _) => PayoutState::Cancelled { at },
        (other, ..) => return Err(format!("state `{other}`").into()),
    };
    let asked = u8::try_from(row.inquiry_asked)?;
    Ok(Payout {
        id: PayoutId::from_uuid(row.id),
        batch: BatchId::from_uuid(row.batch_id),
        provider: ProviderId::from_uuid(row.provider_id),
        account: AccountId::from_uuid(row.account_id),
        amount: money(row.amount_minor, &row.currency)?,
        route: route(row.gateway.as_deref())?,
        state,
        attempt: u16::try_from(row.attempt)?,
        inquiry: Inquiry { since: row.inquiry_since, asked, again_at: row.inquiry_again_at },
        approved_by: row.approved_by.map(AccountId::from_uuid),
        created_at: row.created_at,
        version: row.version,
    })
}

#[derive(Serialize, Deserialize)]
struct TermsDocument {
    hold_days: u16,
    reserve_basis_points: u32,
    reserve_days: u16,
    minimum: Vec<(Currency, u32)>,
    approval_from: Vec<(Currency, u32)>,
    stopped: bool,
}

impl From<&PayoutTerms> for TermsDocument {
    fn from(terms: &PayoutTerms) -> Self {
        let amounts =
            |all: &[MinimumPayout]| all.iter().map(|it| (it.currency, it.amount)).collect();
        Self {
            hold_days: terms.hold_days,
            reserve_basis_points: terms.reserve_basis_points,
            reserve_days: terms.reserve_days,
            minimum: amounts(&terms.minimum),
            approval_from: amounts(&terms.approval_from),
            stopped: terms.stopped,
        }
    }
}

impl From<TermsDocument> for PayoutTerms {
    fn from(document: TermsDocument) -> Self {
        let amounts = |all: Vec<(Currency, u32)>| {
            all.into_iter().map(|(currency, amount)| MinimumPayout { amount, currency }).collect()
        };
        Self {
            hold_days: document.hold_days,
            reserve_basis_points: document.reserve_basis_points,
            reserve_days: document.reserve_days,
            minimum: amounts(document.minimum),
            approval_from: amounts(document.approval_from),
            stopped: document.stopped,
        }
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = payout_accounts, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
struct AccountRow {
    provider_id: Uuid,
    account_id: Uuid,
    gateway: Option<String>,
    destination_key: Option<i16>,
    destination: Option<Vec<u8>>,
}

/// Where a destination opens: at its provider alone.
fn place(provider: Uuid) -> String {
    format!("payouts to {provider}")
}

#[async_trait]
impl PayoutRepository for PgTx {
    async fn payout_for_update(&mut self, id: PayoutId) -> Result<Option<Payout>, StorageError> {
        let row: Option<PayoutRow> = table::table
            .find(id.as_uuid())
            // Its journals refer to it.
            .for_no_key_update()
            .select(PayoutRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a payout"))?;
        row.map(Payout::try_from).transpose()
    }

    async fn insert_payout(&mut self, payout: &Payout) -> Result<(), StorageError> {
        diesel::insert_into(table::table)
            .values(PayoutRow::from(payout))
            .execute(self.conn())
            .await
            .map_err(storage("store a payout"))?;
        Ok(())
    }

    async fn update_payout(&mut self, payout: &Payout) -> Result<(), StorageError> {
        let row = PayoutRow::from(payout);
        // It was locked when it was loaded; what is newer than this copy is not from here.
        let older = table::table.find(row.id).filter(table::version.lt(row.version));
        let updated = diesel::update(older)
            .set(row)
            .execute(self.conn())
            .await
            .map_err(storage("change a payout"))?;
        if updated == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }

    async fn payout_of_reference(
        &mut self,
        gateway: GatewayName,
        reference: &str,
    ) -> Result<Option<PayoutId>, StorageError> {
        let id: Option<Uuid> = table::table
            .filter(table::gateway.eq(gateway.name()))
            .filter(table::reference.eq(reference))
            .select(table::id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("find a payout by its gateway's name"))?;
        Ok(id.map(PayoutId::from_uuid))
    }

    async fn payout_terms(
        &mut self,
        provider: ProviderId,
    ) -> Result<Option<PayoutTerms>, StorageError> {
        let id = provider.as_uuid();
        let terms: Option<Value> = payout_terms::table
            .find(id)
            .select(payout_terms::terms)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load the terms of payouts"))?;
        let terms = terms.map(from_json::<TermsDocument>).transpose();
        Ok(sensible("read the terms of payouts", id, terms)?.map(PayoutTerms::from))
    }

    async fn store_payout_terms(
        &mut self,
        provider: ProviderId,
        terms: Option<PayoutTerms>,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let id = provider.as_uuid();
        let Some(terms) = terms else {
            diesel::delete(payout_terms::table.find(id))
                .execute(self.conn())
                .await
                .map_err(storage("remove the terms of payouts"))?;
            return Ok(());
        };
        let terms = to_json(&TermsDocument::from(&terms));
        diesel::insert_into(payout_terms::table)
            .values((
                payout_terms::provider_id.eq(id),
                payout_terms::terms.eq(&terms),
                payout_terms::updated_at.eq(now),
            ))
            .on_conflict(payout_terms::provider_id)
            .do_update()
            .set((payout_terms::terms.eq(&terms), payout_terms::updated_at.eq(now)))
            .execute(self.conn())
            .await
            .map_err(storage("store the terms of payouts"))?;
        Ok(())
    }

    async fn payout_account(
        &mut self,
        provider: ProviderId,
    ) -> Result<Option<PayoutAccount>, StorageError> {
        let id = provider.as_uuid();
        let row: Option<AccountRow> = payout_accounts::table
            .find(id)
            .select(AccountRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load where payouts go"))?;
        let Some(row) = row else { return Ok(None) };
        let sealed = row.destination_key.zip(row.destination);
        let keys = &self.billing().keys;
        let destination =
            sealed.map(|(key, bytes)| keys.open(&Sealed { key, bytes }, &place(id))).transpose()?;
        let route = sensible("read where payouts go", id, route(row.gateway.as_deref()))?;
        let account = AccountId::from_uuid(row.account_id);
        Ok(Some(PayoutAccount { account, route, destination }))
    }

    async fn store_payout_account(
        &mut self,
        provider: ProviderId,
        to: &PayoutAccount,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        let provider = provider.as_uuid();
        let PayoutAccount { account, route, destination } = to;
        let keys = &self.billing().keys;
        let sealed = destination.as_ref().map(|it| keys.seal(it, &place(provider))).transpose()?;
        let (key, bytes) = sealed.map(|Sealed { key, bytes }| (key, bytes)).unzip();
        let row = AccountRow {
            provider_id: provider,
            account_id: account.as_uuid(),
            gateway: route_name(*route).map(ToOwned::to_owned),
            destination_key: key,
            destination: bytes,
        };
        diesel::insert_into(payout_accounts::table)
            .values((row, payout_accounts::updated_at.eq(now)))
            .on_conflict(payout_accounts::provider_id)
            .do_update()
            .set((
                payout_accounts::account_id.eq(excluded(payout_accounts::account_id)),
                payout_accounts::gateway.eq(excluded(payout_accounts::gateway)),
                payout_accounts::destination_key.eq(excluded(payout_accounts::destination_key)),
                payout_accounts::destination.eq(excluded(payout_accounts::destination)),
                payout_accounts::updated_at.eq(now),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("store where payouts go"))?;
        Ok(())
    }
}

pub(super) async fn payouts(
    store: &PgStore,
    provider: Option<ProviderId>,
    limit: Limit,
    after: Option<Position>,
) -> Result<Page<Payout, Position>, StorageError> {
    let mut rows = table::table.select(PayoutRow::as_select()).into_boxed();
    if let Some(provider) = provider {
        rows = rows.filter(table::provider_id.eq(provider.as_uuid()));
    }
    if let Some(Position { at, id }) = after {
        rows = rows
            .filter(table::created_at.le(at).and(table::created_at.lt(at).or(table::id.lt(id))));
    }
    let rows: Vec<PayoutRow> = rows
        .order((table::created_at.desc(), table::id.desc()))
        .limit(limit.rows())
        .load(&mut *store.conn().await?)
        .await
        .map_err(storage("list payouts"))?;
    let payouts: Vec<Payout> = rows.into_iter().map(Payout::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(payouts, limit, |payout| Position {
        at: payout.created_at,
        id: payout.id.as_uuid(),
    }))
}

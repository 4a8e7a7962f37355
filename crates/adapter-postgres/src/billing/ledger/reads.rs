//! Balances, statements and journals are read.

use billing::{
    Account, AccountBalance, AccountStatement, GatewayName, Journal, JournalId, JournalQuery,
    LedgerFact, PayoutCandidate, Position, SettlementKind, SettlementLine, StatementLine,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{Currency, Limit, Page, PaymentId, ProviderId, StorageError};
use uuid::Uuid;

use super::row::{JournalRow, PostingRow, by_journal, fact, posting};
use crate::PgStore;
use crate::billing::document::{Source, money, named, sensible};
use crate::failure::storage;
use crate::schema::billing::{ledger_balances, ledger_journals, ledger_postings};

/// How many providers a run of payouts looks at with one question.
const CANDIDATES: i64 = 500;

pub(in crate::billing) async fn provider_balances(
    store: &PgStore,
    provider: ProviderId,
) -> Result<AccountStatement, StorageError> {
    let rows: Vec<(String, String, String, i64)> = ledger_balances::table
        .filter(ledger_balances::owner.eq(provider.to_string()))
        .order((ledger_balances::currency, ledger_balances::account_kind))
        .select((
            ledger_balances::account_kind,
            ledger_balances::owner,
            ledger_balances::currency,
            ledger_balances::balance_minor,
        ))
        .load(&mut *store.conn().await?)
        .await
        .map_err(storage("read a provider's balances"))?;
    let balance = |(kind, owner, currency, minor): (String, String, String, i64)| {
        let balance = money(minor, &currency)?;
        Ok(AccountBalance { account: Account::parse(&kind, &owner)?, balance })
    };
    let balances = rows.into_iter().map(balance).collect::<Result<_, Source>>();
    let balances = sensible("read a provider's balances", provider.as_uuid(), balances)?;
    Ok(AccountStatement { balances })
}

pub(in crate::billing) async fn statement(
    store: &PgStore,
    provider: ProviderId,
    limit: Limit,
    after: Option<Position>,
) -> Result<Page<StatementLine, Position>, StorageError> {
    let mut rows = ledger_postings::table
        .inner_join(ledger_journals::table)
        .filter(ledger_postings::provider_id.eq(provider.as_uuid()))
        .select((PostingRow::as_select(), ledger_journals::fact, ledger_journals::payment_id))
        .into_boxed();
    if let Some(Position { at, id }) = after {
        rows = rows.filter(
            ledger_postings::at
                .le(at)
                .and(ledger_postings::at.lt(at).or(ledger_postings::id.lt(id))),
        );
    }
    let rows: Vec<(PostingRow, String, Option<Uuid>)> = rows
        .order((ledger_postings::at.desc(), ledger_postings::id.desc()))
        .limit(limit.rows())
        .load(&mut *store.conn().await?)
        .await
        .map_err(storage("read a provider's statement"))?;
    // A journal may have two lines on a statement: a page ends at a line, not at a journal.
    let page = Page::from_rows(rows, limit, |(row, ..)| Position { at: row.at, id: row.id });
    let next = page.next;
    let lines = page.items.into_iter().map(|(row, name, payment)| {
        let (id, journal, at) = (row.id, row.journal_id, row.at);
        let line = fact(&name).and_then(|fact| {
            Ok(StatementLine {
                journal: JournalId::from_uuid(journal),
                fact,
                payment: payment.map(PaymentId::from_uuid),
                posting: posting(&row)?,
                at,
            })
        });
        sensible("read a line of a statement", id, line)
    });
    Ok(Page { items: lines.collect::<Result<_, _>>()?, next })
}

pub(in crate::billing) async fn payout_candidates(
    store: &PgStore,
    after: Option<PayoutCandidate>,
) -> Result<Vec<PayoutCandidate>, StorageError> {
    let mut rows = ledger_balances::table
        .filter(ledger_balances::account_kind.eq("provider_payable"))
        .filter(ledger_balances::balance_minor.ne(0))
        .select((ledger_balances::provider_id.assume_not_null(), ledger_balances::currency))
        .into_boxed();
    if let Some(PayoutCandidate { provider, currency }) = after {
        let provider = provider.as_uuid();
        let owner = || ledger_balances::provider_id.assume_not_null();
        rows = rows.filter(
            owner()
                .ge(provider)
                .and(owner().gt(provider).or(ledger_balances::currency.gt(currency.code()))),
        );
    }
    let rows: Vec<(Uuid, String)> = rows
        .order((ledger_balances::provider_id, ledger_balances::currency))
        .limit(CANDIDATES)
        .load(&mut *store.conn().await?)
        .await
        .map_err(storage("list whom something is owed to"))?;
    let candidate = |(provider, currency): (Uuid, String)| {
        let currency = Currency::from_stored(&currency).map_err(Source::from);
        let currency = sensible("read whom something is owed to", provider, currency)?;
        Ok(PayoutCandidate { provider: ProviderId::from_uuid(provider), currency })
    };
    rows.into_iter().map(candidate).collect()
}

/// The journals that touch a provider's accounts, newest first.
#[derive(QueryableByName)]
struct Touched {
    #[diesel(sql_type = SqlUuid)]
    journal_id: Uuid,
}

pub(in crate::billing) async fn journals(
    store: &PgStore,
    query: &JournalQuery,
) -> Result<Page<Journal, Position>, StorageError> {
    let mut conn = store.conn().await?;
    let mut rows = ledger_journals::table.select(JournalRow::as_select()).into_boxed();
    if let Some(payment) = query.payment {
        rows = rows.filter(ledger_journals::payment_id.eq(payment.as_uuid()));
    }
    if let Some(provider) = query.provider {
        // A payment's journals all touch the same provider, if any.
        let payment = query.payment.map(PaymentId::as_uuid);
        let touched: Vec<Touched> = diesel::sql_query(
            "SELECT DISTINCT p.at, p.journal_id FROM ledger_postings p \
             WHERE p.provider_id = $1 \
             AND ($2::timestamptz IS NULL OR (p.at, p.journal_id) < ($2, $3)) \
             AND ($4::uuid IS NULL OR p.journal_id IN (\
                 SELECT j.id FROM ledger_journals j WHERE j.payment_id = $4)) \
             ORDER BY p.at DESC, p.journal_id DESC LIMIT $5",
        )
        .bind::<SqlUuid, _>(provider.as_uuid())
        .bind::<Nullable<Timestamptz>, _>(query.after.map(|after| after.at))
        .bind::<Nullable<SqlUuid>, _>(query.after.map(|after| after.id))
        .bind::<Nullable<SqlUuid>, _>(payment)
        .bind::<BigInt, _>(query.limit.rows())
        .load(&mut *conn)
        .await
        .map_err(storage("list the journals of a provider"))?;
        let touched: Vec<Uuid> = touched.into_iter().map(|it| it.journal_id).collect();
        rows = rows.filter(ledger_journals::id.eq_any(touched));
    } else if let Some(Position { at, id }) = query.after {
        rows = rows.filter(
            ledger_journals::at
                .le(at)
                .and(ledger_journals::at.lt(at).or(ledger_journals::id.lt(id))),
        );
    }
    let rows: Vec<JournalRow> = rows
        .order((ledger_journals::at.desc(), ledger_journals::id.desc()))
        .limit(query.limit.rows())
        .load(&mut *conn)
        .await
        .map_err(storage("list journals"))?;
    let page = Page::from_rows(rows, query.limit, |row| Position { at: row.at, id: row.id });
    let ids: Vec<Uuid> = page.items.iter().map(|row| row.id).collect();
    let postings: Vec<PostingRow> = ledger_postings::table
        .filter(ledger_postings::journal_id.eq_any(ids))
        .order((ledger_postings::journal_id, ledger_postings::number))
        .select(PostingRow::as_select())
        .load(&mut *conn)
        .await
        .map_err(storage("load the lines of journals"))?;
    let mut postings = by_journal(postings);
    let next = page.next;
    let journals = page.items.into_iter().map(|row| {
        let lines = postings.remove(&row.id).unwrap_or_default();
        row.journal(&lines)
    });
    Ok(Page { items: journals.collect::<Result<_, _>>()?, next })
}

#[derive(QueryableByName)]
struct SettledRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    fact: String,
    #[diesel(sql_type = Nullable<Text>)]
    transaction_id: Option<String>,
    #[diesel(sql_type = BigInt)]
    amount_minor: i64,
    #[diesel(sql_type = Text)]
    currency: String,
}

fn settled(row: SettledRow) -> Result<Option<SettlementLine>, Source> {
    let kind = match named(&LedgerFact::ALL, LedgerFact::name, &row.fact)? {
        LedgerFact::Capture => SettlementKind::Capture,
        LedgerFact::Refund => SettlementKind::Refund,
        LedgerFact::Chargeback => SettlementKind::Chargeback,
        LedgerFact::Reinstatement => SettlementKind::Reinstatement,
        LedgerFact::Release
        | LedgerFact::ReserveHold
        | LedgerFact::ReserveRelease
        | LedgerFact::Clawback
        | LedgerFact::PayoutSent
        | LedgerFact::PayoutPaid
        | LedgerFact::PayoutReturned
        | LedgerFact::Settlement => return Ok(None),
    };
    let amount = money(row.amount_minor.saturating_abs(), &row.currency)?;
    let transaction = row.transaction_id.unwrap_or_default();
    Ok(Some(SettlementLine { kind, transaction, amount }))
}

pub(in crate::billing) async fn settlement_lines(
    store: &PgStore,
    gateway: GatewayName,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<SettlementLine>, StorageError> {
    let rows: Vec<SettledRow> = diesel::sql_query(
        "SELECT p.id, j.fact, y.transaction_id, p.amount_minor, p.currency \
         FROM ledger_postings p \
         JOIN ledger_journals j ON j.id = p.journal_id \
         JOIN payments y ON y.id = j.payment_id \
         WHERE p.owner = $1 AND p.account_kind IN ('gateway_clearing', 'refunds', 'chargebacks') \
         AND p.at >= $2 AND p.at < $3 \
         ORDER BY p.at, p.id",
    )
    .bind::<Text, _>(gateway.name())
    .bind::<Timestamptz, _>(from)
    .bind::<Timestamptz, _>(to)
    .load(&mut *store.conn().await?)
    .await
    .map_err(storage("list what a gateway took and gave"))?;
    let mut lines = Vec::new();
    for row in rows {
        lines.extend(sensible("read what a gateway took", row.id, settled(row))?);
    }
    Ok(lines)
}

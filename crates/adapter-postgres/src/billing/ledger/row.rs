use std::collections::HashMap;

use billing::{Account, Journal, JournalId, LedgerFact, Posting};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use kernel::{PaymentId, PayoutId, ProviderId, StorageError};
use uuid::Uuid;

use crate::billing::document::{Source, money, named, sensible};
use crate::schema::billing::{ledger_journals, ledger_postings};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = ledger_journals, check_for_backend(diesel::pg::Pg))]
pub(super) struct JournalRow {
    pub(super) id: Uuid,
    fact: String,
    reference: String,
    payment_id: Option<Uuid>,
    payout_id: Option<Uuid>,
    pub(super) at: DateTime<Utc>,
}

impl From<&Journal> for JournalRow {
    fn from(journal: &Journal) -> Self {
        let entry = journal.entry();
        Self {
            id: journal.id().as_uuid(),
            fact: entry.fact().name().to_owned(),
            reference: entry.reference().to_owned(),
            payment_id: entry.payment().map(PaymentId::as_uuid),
            payout_id: entry.payout().map(PayoutId::as_uuid),
            at: journal.at(),
        }
    }
}

impl JournalRow {
    pub(super) fn journal(self, postings: &[PostingRow]) -> Result<Journal, StorageError> {
        let id = self.id;
        sensible("read a journal", id, journal(self, postings))
    }
}

fn journal(row: JournalRow, postings: &[PostingRow]) -> Result<Journal, Source> {
    let postings = postings.iter().map(posting).collect::<Result<_, _>>()?;
    Ok(Journal::restore(
        JournalId::from_uuid(row.id),
        fact(&row.fact)?,
        row.reference,
        row.payment_id.map(PaymentId::from_uuid),
        row.payout_id.map(PayoutId::from_uuid),
        postings,
        row.at,
    )?)
}

pub(super) fn fact(name: &str) -> Result<LedgerFact, Source> {
    named(&LedgerFact::ALL, LedgerFact::name, name)
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = ledger_postings, check_for_backend(diesel::pg::Pg))]
pub(super) struct PostingRow {
    pub(super) id: Uuid,
    pub(super) journal_id: Uuid,
    number: i16,
    account_kind: String,
    owner: String,
    provider_id: Option<Uuid>,
    amount_minor: i64,
    currency: String,
    pub(super) at: DateTime<Utc>,
}

/// The rows of a journal's postings.
pub(super) fn posting_rows(journal: &Journal, mut id: impl FnMut() -> Uuid) -> Vec<PostingRow> {
    let numbered = (1..).zip(journal.entry().postings());
    numbered
        .map(|(number, posting)| PostingRow {
            id: id(),
            journal_id: journal.id().as_uuid(),
            number,
            account_kind: posting.account.kind().name().to_owned(),
            owner: posting.account.owner(),
            provider_id: posting.account.provider().map(ProviderId::as_uuid),
            amount_minor: posting.amount.minor(),
            currency: posting.amount.currency().code().to_owned(),
            at: journal.at(),
        })
        .collect()
}

pub(super) fn posting(row: &PostingRow) -> Result<Posting, Source> {
    Ok(Posting {
        account: Account::parse(&row.account_kind, &row.owner)?,
        amount: money(row.amount_minor, &row.currency)?,
    })
}

/// The postings of each journal; they come in order.
pub(super) fn by_journal(rows: Vec<PostingRow>) -> HashMap<Uuid, Vec<PostingRow>> {
    let mut journals: HashMap<Uuid, Vec<PostingRow>> = HashMap::new();
    for row in rows {
        journals.entry(row.journal_id).or_default().push(row);
    }
    journals
}

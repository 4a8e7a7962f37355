//! Invoices and their numbers.

use async_trait::async_trait;
use billing::{
    Invoice, InvoiceLine, InvoiceNumber, InvoiceParty, InvoiceQuery, InvoiceRepository, Position,
    Seller,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use diesel_async::RunQueryDsl;
use kernel::{AccountId, InvoiceId, Money, Page, PaymentId, ProviderId, StorageError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::document::{
    Source, from_json, money, purpose, seller, seller_columns, sensible, to_json,
};
use crate::failure::storage;
use crate::schema::billing::invoices as table;
use crate::schema::catalog::providers;
use crate::schema::identity::accounts;
use crate::{PgStore, PgTx};

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg))]
struct InvoiceRow {
    id: Uuid,
    seller: String,
    year: i32,
    sequence: i32,
    seller_provider_id: Option<Uuid>,
    seller_account_id: Option<Uuid>,
    seller_party: Value,
    payer_id: Uuid,
    payer_party: Value,
    payment_id: Uuid,
    purpose: String,
    purpose_id: Uuid,
    lines: Value,
    total_minor: i64,
    tax_minor: i64,
    currency: String,
    tax_basis_points: i32,
    issued_at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct PartyDocument {
    name: String,
    details: Vec<String>,
}

impl From<&InvoiceParty> for PartyDocument {
    fn from(party: &InvoiceParty) -> Self {
        Self { name: party.name.clone(), details: party.details.clone() }
    }
}

impl From<PartyDocument> for InvoiceParty {
    fn from(document: PartyDocument) -> Self {
        Self { name: document.name, details: document.details }
    }
}

#[derive(Serialize, Deserialize)]
struct LineDocument {
    description: String,
    period: Option<(DateTime<Utc>, DateTime<Utc>)>,
    minor: i64,
}

fn row(invoice: &Invoice) -> Result<InvoiceRow, StorageError> {
    let (seller_provider_id, seller_account_id) = seller_columns(invoice.seller);
    let line = |line: &InvoiceLine| LineDocument {
        description: line.description.clone(),
        period: line.period,
        minor: line.amount.minor(),
    };
    let lines: Vec<LineDocument> = invoice.lines.iter().map(line).collect();
    let number = |number: u32| {
        i32::try_from(number).map_err(|error| StorageError::corrupt("store an invoice", error))
    };
    Ok(InvoiceRow {
        id: invoice.id.as_uuid(),
        seller: invoice.number.seller.clone(),
        year: invoice.number.year,
        sequence: number(invoice.number.sequence)?,
        seller_provider_id,
        seller_account_id,
        seller_party: to_json(&PartyDocument::from(&invoice.seller_party)),
        payer_id: invoice.payer.as_uuid(),
        payer_party: to_json(&PartyDocument::from(&invoice.payer_party)),
        payment_id: invoice.payment.as_uuid(),
        purpose: invoice.purpose.kind().name().to_owned(),
        purpose_id: invoice.purpose.as_uuid(),
        lines: to_json(&lines),
        total_minor: invoice.total.minor(),
        tax_minor: invoice.tax.minor(),
        currency: invoice.total.currency().code().to_owned(),
        tax_basis_points: number(invoice.tax_basis_points)?,
        issued_at: invoice.issued_at,
    })
}

impl TryFrom<InvoiceRow> for Invoice {
    type Error = StorageError;

    fn try_from(row: InvoiceRow) -> Result<Self, StorageError> {
        sensible("read an invoice", row.id, invoice(row))
    }
}

fn invoice(row: InvoiceRow) -> Result<Invoice, Source> {
    let total = money(row.total_minor, &row.currency)?;
    let currency = total.currency();
    let line = |line: LineDocument| InvoiceLine {
        description: line.description,
        period: line.period,
        amount: Money::new(line.minor, currency),
    };
    let lines: Vec<LineDocument> = from_json(row.lines)?;
    let party = |document| from_json::<PartyDocument>(document).map(InvoiceParty::from);
    let number = InvoiceNumber {
        seller: row.seller,
        year: row.year,
        sequence: u32::try_from(row.sequence)?,
    };
    Ok(Invoice {
        id: InvoiceId::from_uuid(row.id),
        number,
        seller: seller(row.seller_provider_id, row.seller_account_id),
        seller_party: party(row.seller_party)?,
        payer: AccountId::from_uuid(row.payer_id),
        payer_party: party(row.payer_party)?,
        payment: PaymentId::from_uuid(row.payment_id),
        purpose: purpose(&row.purpose, row.purpose_id)?,
        lines: lines.into_iter().map(line).collect(),
        total,
        tax: Money::new(row.tax_minor, currency),
        tax_basis_points: u32::try_from(row.tax_basis_points)?,
        issued_at: row.issued_at,
    })
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = Integer)]
    last: i32,
}

#[async_trait]
impl InvoiceRepository for PgTx {
    async fn next_invoice_number(&mut self, seller: &str, year: i32) -> Result<u32, StorageError> {
        // The row stays locked until this transaction ends: the next one waits, and gets the same
        // number if this one is undone.
        let numbered: Numbered = diesel::sql_query(
            "INSERT INTO invoice_numbers AS n (seller, year, last) VALUES ($1, $2, 1) \
             ON CONFLICT (seller, year) DO UPDATE SET last = n.last + 1 RETURNING last",
        )
        .bind::<Text, _>(seller)
        .bind::<Integer, _>(year)
        .get_result(self.conn())
        .await
        .map_err(storage("take the next number of an invoice"))?;
        u32::try_from(numbered.last)
            .map_err(|error| StorageError::corrupt("take the next number of an invoice", error))
    }

    async fn invoice_parties(
        &mut self,
        seller: Seller,
        payer: AccountId,
    ) -> Result<(InvoiceParty, InvoiceParty), StorageError> {
        let named = |name| InvoiceParty { name, details: Vec::new() };
        let seller = match seller.provider().map(ProviderId::as_uuid) {
            None => self.billing().issuer.clone(),
            Some(provider) => {
                let name: String = providers::table
                    .find(provider)
                    .select(providers::name)
                    .first(self.conn())
                    .await
                    .map_err(storage("name the seller on an invoice"))?;
                named(name)
            }
        };
        let (name, email): (String, Option<String>) = accounts::table
            .find(payer.as_uuid())
            .select((accounts::display_name, accounts::email))
            .first(self.conn())
            .await
            .map_err(storage("name the payer on an invoice"))?;
        Ok((seller, InvoiceParty { name, details: email.into_iter().collect() }))
    }

    async fn insert_invoice(&mut self, invoice: &Invoice) -> Result<(), StorageError> {
        diesel::insert_into(table::table)
            .values(row(invoice)?)
            .execute(self.conn())
            .await
            .map_err(storage("store an invoice"))?;
        Ok(())
    }
}

pub(super) async fn invoice_by_id(
    store: &PgStore,
    id: InvoiceId,
) -> Result<Option<Invoice>, StorageError> {
    let row: Option<InvoiceRow> = table::table
        .find(id.as_uuid())
        .select(InvoiceRow::as_select())
        .first(&mut *store.conn().await?)
        .await
        .optional()
        .map_err(storage("load an invoice"))?;
    row.map(Invoice::try_from).transpose()
}

pub(super) async fn invoices(
    store: &PgStore,
    query: &InvoiceQuery,
) -> Result<Page<Invoice, Position>, StorageError> {
    let mut rows = table::table.select(InvoiceRow::as_select()).into_boxed();
    if let Some(payer) = query.payer {
        rows = rows.filter(table::payer_id.eq(payer.as_uuid()));
    }
    if let Some(seller) = query.seller {
        rows = rows.filter(table::seller_provider_id.eq(seller.as_uuid()));
    }
    if let Some(Position { at, id }) = query.after {
        rows =
            rows.filter(table::issued_at.le(at).and(table::issued_at.lt(at).or(table::id.lt(id))));
    }
    let rows: Vec<InvoiceRow> = rows
        .order((table::issued_at.desc(), table::id.desc()))
        .limit(query.limit.rows())
        .load(&mut *store.conn().await?)
        .await
        .map_err(storage("list invoices"))?;
    let invoices: Vec<Invoice> =
        rows.into_iter().map(Invoice::try_from).collect::<Result<_, _>>()?;
    Ok(Page::from_rows(invoices, query.limit, |invoice| Position {
        at: invoice.issued_at,
        id: invoice.id.as_uuid(),
    }))
}

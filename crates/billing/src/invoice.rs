//! Invoices: what was paid, on paper, one for each charge.

mod render;

use std::fmt;

use access::{Action, Actor, Relation, decide};
use chrono::{DateTime, Datelike, Utc};
use kernel::{AccountId, InvoiceId, Money, PaymentId};

pub use render::{InvoiceLabels, render_html};

use crate::{BillingError, Period, Purpose, Seller};

/// The number of an invoice: without gaps for a seller and a year.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InvoiceNumber {
    /// Of which seller: see [`Seller::key`].
    pub seller: String,
    /// Of which year, by UTC.
    pub year: i32,
    /// From 1.
    pub sequence: u32,
}

impl fmt::Display for InvoiceNumber {
    /// `2026-000042`, as it stands on the invoice beside the seller's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:06}", self.year, self.sequence)
    }
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceLine {
    /// For what.
    pub description: String,
    /// For which time, if it is for a time.
    pub period: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// How much, tax included.
    pub amount: Money,
}

/// Who is named on an invoice, as they were when it was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceParty {
    /// The name.
    pub name: String,
    /// Address and tax number, line by line.
    pub details: Vec<String>,
}

/// What was paid, on paper. It is issued with the capture, in its transaction, and never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// Its id.
    pub id: InvoiceId,
    /// Its number.
    pub number: InvoiceNumber,
    /// Who sells.
    pub seller: Seller,
    /// The seller as named.
    pub seller_party: InvoiceParty,
    /// Who paid.
    pub payer: AccountId,
    /// The payer as named.
    pub payer_party: InvoiceParty,
    /// By which payment; there is one invoice for each.
    pub payment: PaymentId,
    /// For what.
    pub purpose: Purpose,
    /// Its lines.
    pub lines: Vec<InvoiceLine>,
    /// What was paid, tax included: the lines added up.
    pub total: Money,
    /// The tax in the total.
    pub tax: Money,
    /// The rate of the tax, in ten-thousandths of the net price.
    pub tax_basis_points: u32,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
}

/// What goes onto a new invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvoice {
    /// Its id.
    pub id: InvoiceId,
    /// The next of its seller and year.
    pub sequence: u32,
    /// Who sells.
    pub seller: Seller,
    /// The seller as named.
    pub seller_party: InvoiceParty,
    /// Who paid.
    pub payer: AccountId,
    /// The payer as named.
    pub payer_party: InvoiceParty,
    /// By which payment.
    pub payment: PaymentId,
    /// For what.
    pub purpose: Purpose,
    /// What it is for, in words.
    pub description: String,
    /// For which time, if it is for a time.
    pub period: Option<Period>,
    /// What was paid.
    pub total: Money,
    /// The rate of the tax in it, in ten-thousandths of the net price.
    pub tax_basis_points: u32,
}

impl Invoice {
    /// Issues an invoice.
    pub fn issue(new: NewInvoice, now: DateTime<Utc>) -> Self {
        let NewInvoice {
            id,
            sequence,
            seller,
            seller_party,
            payer,
            payer_party,
            payment,
            purpose,
            description,
            period,
            total,
            tax_basis_points,
        } = new;
        let period = period.map(|period| (period.start, period.end));
        let net = crate::share::net_of(total.minor(), tax_basis_points);
        Self {
            id,
            number: InvoiceNumber { seller: seller.key(), year: now.year(), sequence },
            seller,
            seller_party,
            payer,
            payer_party,
            payment,
            purpose,
            lines: vec![InvoiceLine { description, period, amount: total }],
            total,
            tax: Money::new(total.minor() - net, total.currency()),
            tax_basis_points,
            issued_at: now,
        }
    }

    /// Passes for who paid and who sold. A stranger learns nothing, not even that it exists.
    pub fn authorize(&self, actor: &Actor) -> Result<(), BillingError> {
        let paid = actor.account() == Some(self.payer);
        let sold = self.seller.provider().is_some() && actor.provider() == self.seller.provider();
        let relation = if paid || sold { Relation::Owner } else { Relation::Stranger };
        decide(actor, Action::InvoiceRead, relation, paid || sold)
            .map_err(|denial| BillingError::denied(denial, &self.id))
    }
}

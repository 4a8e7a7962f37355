//! What was paid, on paper.

use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use billing::{Invoice, InvoiceLabels, InvoiceLine, InvoiceParty};
use chrono::{DateTime, Utc};
use kernel::InvoiceId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{language, page, position};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::etag::{Caching, tagged};
use crate::http::money::MoneyView;
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(show);
}

/// An invoice prints by a style of its own, and loads nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// Who is named on an invoice.
#[derive(Debug, Serialize, ToSchema)]
struct PartyView {
    /// The name.
    #[schema(example = "Studio North")]
    name: String,
    /// Address and tax number, line by line.
    #[schema(example = json!(["Torstr. 1", "10119 Berlin"]))]
    details: Vec<String>,
}

impl From<&InvoiceParty> for PartyView {
    fn from(party: &InvoiceParty) -> Self {
        Self { name: party.name.clone(), details: party.details.clone() }
    }
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
struct LineView {
    /// For what.
    #[schema(example = "Gold")]
    description: String,
    /// From when, if it is for a time.
    period_start: Option<DateTime<Utc>>,
    /// Up to when, but not including.
    period_end: Option<DateTime<Utc>>,
    /// How much, tax included.
    amount: MoneyView,
}

impl From<&InvoiceLine> for LineView {
    fn from(line: &InvoiceLine) -> Self {
        let (period_start, period_end) = line.period.unzip();
        let (description, amount) = (line.description.clone(), line.amount.into());
        Self { description, period_start, period_end, amount }
    }
}

/// An invoice.
#[derive(Debug, Serialize, ToSchema)]
struct InvoiceView {
    /// Its id.
    #[schema(example = "inv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Its number: without gaps for a seller and a year.
    #[schema(example = "2026-000042")]
    number: String,
    /// Who sold; null for the marketplace itself.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: Option<String>,
    /// The seller as named.
    seller: PartyView,
    /// The payer as named.
    payer: PartyView,
    /// By which payment.
    #[schema(example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payment_id: String,
    /// What kind of thing was paid for. New values may come.
    #[schema(example = "subscription")]
    purpose: &'static str,
    /// What exactly, by its id.
    #[schema(example = "sub_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    reference: String,
    /// Its lines.
    lines: Vec<LineView>,
    /// What was paid, tax included.
    total: MoneyView,
    /// The tax in it.
    tax: MoneyView,
    /// The rate of the tax, in ten-thousandths of the net price.
    #[schema(example = 1900)]
    tax_basis_points: u32,
    /// When it was issued.
    issued_at: DateTime<Utc>,
}

impl From<&Invoice> for InvoiceView {
    fn from(invoice: &Invoice) -> Self {
        Self {
            id: invoice.id.to_string(),
            number: invoice.number.to_string(),
            provider_id: invoice.seller.provider().map(|provider| provider.to_string()),
            seller: (&invoice.seller_party).into(),
            payer: (&invoice.payer_party).into(),
            payment_id: invoice.payment.to_string(),
            purpose: invoice.purpose.kind().name(),
            reference: invoice.purpose.to_string(),
            lines: invoice.lines.iter().map(LineView::from).collect(),
            total: invoice.total.into(),
            tax: invoice.tax.into(),
            tax_basis_points: invoice.tax_basis_points,
            issued_at: invoice.issued_at,
        }
    }
}

/// As which side one looks at invoices.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum InvoiceSide {
    /// Those one paid.
    #[default]
    Payer,
    /// Those that one's provider profile issued.
    Seller,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Sided {
    /// As payer (the default) or as seller.
    #[serde(rename = "as", default)]
    #[param(inline)]
    side: InvoiceSide,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List invoices
///
/// Those one paid, or with `as=seller` those that one's provider profile issued; newest first.
#[utoipa::path(
    operation_id = "listInvoices",
    tag = "invoices",
    params(Sided),
    responses((status = OK, description = "A page of invoices", body = PageView<InvoiceView>)),
)]
#[get("/invoices")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Sided>,
    state: Data<State>,
) -> Result<Json<PageView<InvoiceView>>, Problem> {
    let limit = limit(query.limit)?;
    let issued = matches!(query.side, InvoiceSide::Seller);
    let list = format!("invoices {issued}");
    let after = position(&state, &list, query.cursor.as_deref())?;
    let found = state.services.billing.invoices(&actor, issued, limit, after).await?;
    Ok(Json(page(found, limit, &state, &list, |invoice| InvoiceView::from(&invoice))))
}

/// Look at an invoice
///
/// For who paid and who sold. With `Accept: text/html` a page that prints well.
#[utoipa::path(
    operation_id = "getInvoice",
    tag = "invoices",
    params(("id" = String, Path, description = "The invoice", example = "inv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses(
        (status = OK, description = "The invoice", content(
            (InvoiceView = "application/json"),
            (String = "text/html"),
        )),
    ),
)]
#[get("/invoices/{id}")]
async fn show(
    Caller(actor): Caller,
    id: Path<InvoiceId>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let billing = &state.services.billing;
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|types| types.contains("text/html")) {
        let (tag, labels) = labels(language(&request).language());
        let page = billing.invoice_page(&actor, *id, tag, &labels).await?;
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_SECURITY_POLICY, POLICY));
        response.insert_header((CACHE_CONTROL, "no-store"));
        return Ok(response.content_type("text/html; charset=utf-8").body(page));
    }
    let invoice = billing.invoice(&actor, *id).await?;
    // It is never changed.
    Ok(tagged(&request, 1, &InvoiceView::from(&invoice), Caching::Private))
}

/// The words of an invoice in a language that we speak, else in English.
fn labels(language: &str) -> (&'static str, InvoiceLabels) {
    if language != "de" {
        return ("en", InvoiceLabels::default());
    }
    let labels = InvoiceLabels {
        invoice: "Rechnung".to_owned(),
        date: "Datum".to_owned(),
        seller: "Verkäufer".to_owned(),
        payer: "Kunde".to_owned(),
        description: "Beschreibung".to_owned(),
        period: "Zeitraum".to_owned(),
        amount: "Betrag".to_owned(),
        tax_included: "Enthaltene Steuer".to_owned(),
        total: "Summe".to_owned(),
        paid_by: "Bezahlt mit".to_owned(),
    };
    ("de", labels)
}

//! Every movement of money, twice.

use actix_web::get;
use actix_web::web::{Data, Json};
use billing::{Journal, JournalQuery, Posting};
use chrono::{DateTime, Utc};
use kernel::{PaymentId, ProviderId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{id, page, position};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::money::MoneyView;
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// One line of a transaction.
#[derive(Debug, Serialize, ToSchema)]
struct PostingView {
    /// What the account is for: `provider_pending`, `platform_revenue`, `gateway_clearing`, … New
    /// values may come.
    #[schema(example = "gateway_clearing")]
    account: &'static str,
    /// Whose it is: a provider, a gateway, or `platform`.
    #[schema(example = "sandbox")]
    owner: String,
    /// How much: a debit is more than nothing, a credit less.
    amount: MoneyView,
}

impl From<&Posting> for PostingView {
    fn from(posting: &Posting) -> Self {
        let Posting { account, amount } = *posting;
        Self { account: account.kind().name(), owner: account.owner(), amount: amount.into() }
    }
}

/// A balanced transaction of the ledger.
#[derive(Debug, Serialize, ToSchema)]
struct JournalView {
    /// Its id.
    #[schema(example = "jrn_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// What it stands for: `capture`, `release`, `refund`, … New values may come.
    #[schema(example = "capture")]
    fact: &'static str,
    /// Names the fact: nothing is posted twice.
    #[schema(example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f:capture:1999")]
    reference: String,
    /// About which payment, if about one.
    #[schema(example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payment_id: Option<String>,
    /// About which payout, if about one.
    #[schema(example = "pot_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payout_id: Option<String>,
    /// Its lines: they add up to nothing.
    postings: Vec<PostingView>,
    /// When.
    at: DateTime<Utc>,
}

impl From<Journal> for JournalView {
    fn from(journal: Journal) -> Self {
        let entry = journal.entry();
        Self {
            id: journal.id().to_string(),
            fact: entry.fact().name(),
            reference: entry.reference().to_owned(),
            payment_id: entry.payment().map(|payment| payment.to_string()),
            payout_id: entry.payout().map(|payout| payout.to_string()),
            postings: entry.postings().iter().map(PostingView::from).collect(),
            at: journal.at(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filtered {
    /// About which payment.
    #[param(example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payment_id: Option<String>,
    /// That touch which provider's accounts.
    #[param(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: Option<String>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Read the ledger
///
/// Balanced transactions, newest first, of a payment or a provider if asked.
#[utoipa::path(
    operation_id = "listJournals",
    tag = "admin: ledger",
    params(Filtered),
    responses((status = OK, description = "A page of transactions", body = PageView<JournalView>)),
)]
#[get("/admin/ledger")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Filtered>,
    state: Data<State>,
) -> Result<Json<PageView<JournalView>>, Problem> {
    let limit = limit(query.limit)?;
    let payment = id::<PaymentId>("payment_id", query.payment_id.as_deref())?;
    let provider = id::<ProviderId>("provider_id", query.provider_id.as_deref())?;
    let list = format!("ledger {:?} {:?}", query.payment_id, query.provider_id);
    let after = position(&state, &list, query.cursor.as_deref())?;
    let query = JournalQuery { payment, provider, limit, after };
    let found = state.services.billing.journals(&actor, &query).await?;
    Ok(Json(page(found, limit, &state, &list, JournalView::from)))
}

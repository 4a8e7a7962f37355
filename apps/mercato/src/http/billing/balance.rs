//! What a provider is owed, and was paid.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, put};
use billing::{Account, AccountStatement, PayoutRoute, Secret, StatementLine};
use chrono::{DateTime, Utc};
use kernel::{Currency, FieldErrors, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::payouts::PayoutView;
use super::{GatewayView, Listed, page};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::money::MoneyView;
use crate::http::page::PageView;
use crate::http::query::Query;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(balance).service(read_statement).service(payouts).service(set_account);
}

/// What a provider is owed in a currency.
#[derive(Debug, Serialize, ToSchema)]
struct BalanceView {
    /// The code of ISO 4217.
    #[schema(example = "EUR")]
    currency: &'static str,
    /// Sold, and not delivered or in its holding time.
    pending: MoneyView,
    /// Owed now; below nothing if the provider owes the marketplace.
    payable: MoneyView,
    /// Kept back for a while against refunds.
    reserved: MoneyView,
}

/// What a provider is owed.
#[derive(Debug, Serialize, ToSchema)]
struct BalanceList {
    /// One for each currency in which something was ever sold.
    data: Vec<BalanceView>,
}

impl From<AccountStatement> for BalanceList {
    fn from(statement: AccountStatement) -> Self {
        let mut currencies: Vec<Currency> = Vec::new();
        for held in &statement.balances {
            if !currencies.contains(&held.balance.currency()) {
                currencies.push(held.balance.currency());
            }
        }
        let view = |currency: Currency| {
            // What is owed stands as a credit, below nothing.
            let of = |wanted: fn(Account) -> bool| {
                let held = statement
                    .balances
                    .iter()
                    .find(|held| held.balance.currency() == currency && wanted(held.account));
                let minor = held.map_or(0, |held| held.balance.minor().saturating_neg());
                MoneyView::from(Money::new(minor, currency))
            };
            BalanceView {
                currency: currency.code(),
                pending: of(|account| matches!(account, Account::ProviderPending(_))),
                payable: of(|account| matches!(account, Account::ProviderPayable(_))),
                reserved: of(|account| matches!(account, Account::ProviderReserve(_))),
            }
        };
        Self { data: currencies.into_iter().map(view).collect() }
    }
}

/// Look at one's own balance
///
/// What the caller's provider profile is owed: from sales that wait for their delivery, now, and
/// kept back.
#[utoipa::path(
    operation_id = "getMyBalance",
    tag = "balance",
    responses((status = OK, description = "The balance", body = BalanceList)),
)]
#[get("/providers/me/balance")]
async fn balance(Caller(actor): Caller, state: Data<State>) -> Result<Json<BalanceList>, Problem> {
    Ok(Json(state.services.billing.balance(&actor).await?.into()))
}

/// One line of a statement.
#[derive(Debug, Serialize, ToSchema)]
struct StatementView {
    /// The transaction of the ledger.
    #[schema(example = "jrn_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    journal_id: String,
    /// What it stands for: `capture`, `release`, `refund`, `chargeback`, `payout_sent`, … New values
    /// may come.
    #[schema(example = "capture")]
    fact: &'static str,
    /// Which part of the balance it moves: `pending`, `payable` or `reserved`.
    #[schema(example = "pending")]
    part: &'static str,
    /// By how much: more than nothing is the provider's gain.
    amount: MoneyView,
    /// About which payment, if about one.
    #[schema(example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payment_id: Option<String>,
    /// When.
    at: DateTime<Utc>,
}

impl From<StatementLine> for StatementView {
    fn from(line: StatementLine) -> Self {
        let amount = line.posting.amount;
        let part = match line.posting.account {
            Account::ProviderPending(_) => "pending",
            Account::ProviderReserve(_) => "reserved",
            _ => "payable",
        };
        Self {
            journal_id: line.journal.to_string(),
            fact: line.fact.name(),
            part,
            amount: Money::new(amount.minor().saturating_neg(), amount.currency()).into(),
            payment_id: line.payment.map(|payment| payment.to_string()),
            at: line.at,
        }
    }
}

/// Read one's own statement
///
/// Every movement of the caller's balance, newest first.
#[utoipa::path(
    operation_id = "getMyStatement",
    tag = "balance",
    params(Listed),
    responses((status = OK, description = "A page of lines", body = PageView<StatementView>)),
)]
#[get("/providers/me/statement")]
async fn read_statement(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<StatementView>>, Problem> {
    const LIST: &str = "statement";
    let (limit, after) = query.read(&state, LIST)?;
    let found = state.services.billing.statement(&actor, limit, after).await?;
    Ok(Json(page(found, limit, &state, LIST, StatementView::from)))
}

/// List one's own payouts
///
/// What the caller's provider profile was paid, or is about to be; newest first.
#[utoipa::path(
    operation_id = "listMyPayouts",
    tag = "balance",
    params(Listed),
    responses((status = OK, description = "A page of payouts", body = PageView<PayoutView>)),
)]
#[get("/providers/me/payouts")]
async fn payouts(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<PayoutView>>, Problem> {
    const LIST: &str = "own payouts";
    let (limit, after) = query.read(&state, LIST)?;
    let found = state.services.billing.payouts(&actor, false, limit, after).await?;
    Ok(Json(page(found, limit, &state, LIST, |payout| PayoutView::from(&payout))))
}

/// Where payouts go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "gateway": "sandbox", "destination": "bank_good" }))]
struct PayoutAccountBody {
    /// By which gateway; by the marketplace's bank without it.
    gateway: Option<GatewayView>,
    /// The gateway's name for the provider's account or card; needed with a gateway.
    #[schema(max_length = 500, example = "acct_1Pq0")]
    destination: Option<String>,
}

/// Say where one's own payouts go
///
/// By a gateway that sends money, to the account that it knows by `destination`, or by the
/// marketplace's bank. It is never shown again, and stands encrypted in the database.
#[utoipa::path(
    operation_id = "setMyPayoutAccount",
    tag = "balance",
    request_body = PayoutAccountBody,
    responses(
        (status = NO_CONTENT, description = "They go there from now on"),
        (status = CONFLICT, description = "The gateway sends no money", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[put("/providers/me/payout-account")]
async fn set_account(
    Caller(actor): Caller,
    Cardless(body): Cardless<PayoutAccountBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let PayoutAccountBody { gateway, destination } = body.value;
    let mut errors = FieldErrors::new();
    let length = destination.as_ref().map(|destination| destination.chars().count());
    if length.is_some_and(|length| !(1..=500).contains(&length)) {
        errors.add("/destination", "out_of_range", "must have 1 to 500 characters");
    }
    if gateway.is_some() != destination.is_some() {
        let detail = "is needed with a gateway, and has no place without one";
        errors.add("/destination", "required", detail);
    }
    errors.into_result().map_err(|errors| Problem::invalid(&errors.0))?;
    let route = gateway.map_or(PayoutRoute::Bank, |gateway| PayoutRoute::Gateway(gateway.into()));
    let destination = destination.map(Secret::new);
    state.services.billing.set_payout_account(&actor, route, destination).await?;
    Ok(HttpResponse::NoContent().finish())
}

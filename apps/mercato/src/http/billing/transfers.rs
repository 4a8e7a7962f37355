//! Bank transfers: the page that says how to make one, and the desk where admins confirm them.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get, post};
use adapter_manual::{
    Progress, Return, ReturnCause, Standing, Transfer, TransferFilter, TransferPosition,
};
use chrono::{DateTime, Utc};
use kernel::{FieldErrors, Money, Page, PaymentId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::three_d_secure::saying;
use crate::config::ManualTransfers;
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::command::{Command, answers};
use crate::http::html::{escaped, page, shown};
use crate::http::money::MoneyView;
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(instructions).service(list).service(receive).service(send_back);
}

/// Read how to make a bank transfer
///
/// The page that `action.url` of a payment by bank transfer leads to: the account, the amount and the
/// code to write on it. Whoever has the code may read it.
#[utoipa::path(
    operation_id = "showTransfer",
    tag = "payments",
    params(("code" = String, Path, description = "The transfer's code", example = "7K3M-Q0ZT-9XWB-4C2D")),
    responses(
        (status = OK, description = "A page for people", body = String, content_type = "text/html"),
        (status = NOT_FOUND, description = "No such transfer", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[get("/transfers/{code}")]
async fn instructions(code: Path<String>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let code = code.parse().map_err(|_| adapter_manual::TransferError::NotFound)?;
    let transfer = state.services.transfers.by_code(&code).await?;
    Ok(how_to_pay(&transfer, &state.settings.transfers))
}

fn how_to_pay(transfer: &Transfer, account: &ManualTransfers) -> HttpResponse {
    let Progress::Expected = transfer.progress else {
        let text = "Nothing is to be transferred here any more. You can close this page.";
        return saying(StatusCode::OK, text);
    };
    let lines = [
        ("Amount", transfer.amount.to_string()),
        ("Account holder", account.account_holder.clone().unwrap_or_default()),
        ("Account", account.iban.clone().unwrap_or_default()),
        ("Bank", account.bank.clone().unwrap_or_default()),
        ("Write on it", transfer.code.to_string()),
        ("By", transfer.expected_until.format("%-d %B %Y").to_string()),
    ];
    let said = lines.iter().filter(|(_, value)| !value.is_empty());
    let rows = said.fold(String::new(), |rows, (name, value)| {
        format!("{rows}<dt>{name}</dt>\n<dd>{}</dd>\n", escaped(value))
    });
    let main = format!(
        "<h1>{}</h1>\n<dl>\n{rows}</dl>\n\
         <p>Send the whole amount in one transfer. You are told as soon as it has arrived.</p>",
        escaped(transfer.description.as_str())
    );
    shown(StatusCode::OK, page("en", "Bank transfer", &main))
}

/// Money that has to be sent back, or was.
#[derive(Debug, Serialize, ToSchema)]
struct TransferReturnView {
    /// Which of the transfer's returns, from 1.
    #[schema(example = 1)]
    id: u16,
    /// Why: `refund`, `let_go` or `rest`. New values may come.
    #[schema(example = "refund")]
    cause: &'static str,
    /// How much.
    amount: MoneyView,
    /// When it was sent; null while it is to be sent.
    sent_at: Option<DateTime<Utc>>,
}

impl TransferReturnView {
    fn of(given: &Return, transfer: &Transfer) -> Self {
        let cause = match given.cause {
            ReturnCause::Refund(_) => "refund",
            ReturnCause::LetGo => "let_go",
            ReturnCause::Rest => "rest",
        };
        let amount = Money::new(given.amount, transfer.amount.currency());
        Self { id: given.id, cause, amount: amount.into(), sent_at: given.sent_at }
    }
}

/// A bank transfer, as admins see it.
#[derive(Debug, Serialize, ToSchema)]
struct TransferView {
    /// Its payment.
    #[schema(example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payment_id: String,
    /// What the payer writes on it.
    #[schema(example = "7K3M-Q0ZT-9XWB-4C2D")]
    code: String,
    /// What is expected.
    amount: MoneyView,
    /// What it is for.
    #[schema(example = "Top for 7 days")]
    description: String,
    /// What it waits for: `expected`, `to_return` or `settled`. New values may come.
    #[schema(example = "expected")]
    status: &'static str,
    /// When the payer asked for it.
    ordered_at: DateTime<Utc>,
    /// Until when it is waited for.
    expected_until: DateTime<Utc>,
    /// When an admin said that it arrived.
    received_at: Option<DateTime<Utc>>,
    /// What has to go back, or went.
    returns: Vec<TransferReturnView>,
}

impl From<&Transfer> for TransferView {
    fn from(transfer: &Transfer) -> Self {
        let received_at = match transfer.progress {
            Progress::Received { at } | Progress::Taken { at, .. } => Some(at),
            Progress::Expected | Progress::CalledOff { .. } => None,
        };
        let returns = transfer.returns.iter();
        Self {
            payment_id: transfer.payment.to_string(),
            code: transfer.code.to_string(),
            amount: transfer.amount.into(),
            description: transfer.description.to_string(),
            status: transfer.standing().name(),
            ordered_at: transfer.ordered_at,
            expected_until: transfer.expected_until,
            received_at,
            returns: returns.map(|it| TransferReturnView::of(it, transfer)).collect(),
        }
    }
}

impl IntoResponses for TransferView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The transfer as it is now")
    }
}

/// What a transfer waits for.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StandingView {
    /// For the payer's money.
    #[default]
    Expected,
    /// For an admin to send money back.
    ToReturn,
    /// For nothing.
    Settled,
}

impl From<StandingView> for Standing {
    fn from(standing: StandingView) -> Self {
        match standing {
            StandingView::Expected => Self::Expected,
            StandingView::ToReturn => Self::ToReturn,
            StandingView::Settled => Self::Settled,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filtered {
    /// What they wait for; `expected` without it.
    #[serde(default)]
    #[param(inline)]
    status: StandingView,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List bank transfers
///
/// Oldest first: what to look for on the account, and with `status=to_return` what to send back.
#[utoipa::path(
    operation_id = "listTransfers",
    tag = "admin: payments",
    params(Filtered),
    responses((status = OK, description = "A page of transfers", body = PageView<TransferView>)),
)]
#[get("/admin/transfers")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Filtered>,
    state: Data<State>,
) -> Result<Json<PageView<TransferView>>, Problem> {
    let (limit, standing) = (limit(query.limit)?, Standing::from(query.status));
    let list = format!("transfers {}", standing.name());
    let after = match &query.cursor {
        Some(cursor) => {
            let (ordered_at, payment) = state.cursors.decode(&list, cursor)?;
            Some(TransferPosition { ordered_at, payment: PaymentId::from_uuid(payment) })
        }
        None => None,
    };
    let filter = TransferFilter { standing, limit, after };
    let found = state.services.transfers.list(&actor, &filter).await?;
    let next = found.next.map(|next| (next.ordered_at, next.payment.as_uuid()));
    let found = Page { items: found.items, next };
    let present = |transfer| TransferView::from(&transfer);
    Ok(Json(PageView::new(found, limit, &state.cursors, &list, present)))
}

/// What arrived.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Arrived {
    /// How much: all that was expected. Another amount goes back to where it came from.
    amount: MoneyView,
}

/// Confirm that a bank transfer arrived
///
/// The payment is authorised or captured by it, at once. What arrives after it was called off goes back
/// as a refund. It stands in the audit log.
#[utoipa::path(
    operation_id = "receiveTransfer",
    tag = "admin: payments",
    params(Command<PaymentId>),
    request_body = Arrived,
    responses(TransferView),
)]
#[post("/admin/transfers/{id}/receive")]
async fn receive(
    command: Command<PaymentId>,
    Cardless(body): Cardless<Arrived>,
) -> Result<Json<TransferView>, Problem> {
    let Command { actor, id, state, .. } = &command;
    let mut errors = FieldErrors::new();
    let Some(amount) = body.value.amount.read(&mut errors, "/amount") else {
        return Err(Problem::invalid(&errors.0));
    };
    let transfer = state.services.transfers.receive(actor, *id, amount).await?;
    state.services.billing.inquire_now(actor, *id).await?;
    Ok(Json(TransferView::from(&transfer)))
}

/// Confirm that money was sent back
///
/// Its refund succeeds by it, or its payment is voided. It stands in the audit log.
#[utoipa::path(
    operation_id = "sendTransferBack",
    tag = "admin: payments",
    params(Command<PaymentId>),
    request_body = SentBack,
    responses(TransferView),
)]
#[post("/admin/transfers/{id}/send-back")]
async fn send_back(
    command: Command<PaymentId>,
    Cardless(body): Cardless<SentBack>,
) -> Result<Json<TransferView>, Problem> {
    let Command { actor, id, state, .. } = &command;
    let transfer = state.services.transfers.sent_back(actor, *id, body.value.return_id).await?;
    state.services.billing.inquire_now(actor, *id).await?;
    Ok(Json(TransferView::from(&transfer)))
}

/// What was sent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SentBack {
    /// Which of the transfer's returns.
    #[schema(example = 1, minimum = 1)]
    return_id: u16,
}

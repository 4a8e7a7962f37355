//! What admins see of payments, and what they do about them.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use billing::{
    Concern, Holding, Payment, PaymentQuery, Purpose, Reason, RefundState, Seller, Split, Status,
};
use chrono::{DateTime, Utc};
use kernel::{AccountId, FieldErrors, Money, PaymentId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::view::{DeclineView, PaymentView, RefundView};
use super::{id, names, page, position, text};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::command::{Command, IfMatch, answers};
use crate::http::money::MoneyView;
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(show).service(give_back).service(inquire).service(acknowledge);
}

/// How what was taken is divided, as far as it did not go back.
#[derive(Debug, Serialize, ToSchema)]
struct SplitView {
    /// The provider's.
    provider: MoneyView,
    /// The marketplace's.
    platform: MoneyView,
    /// The tax office's.
    tax: MoneyView,
}

/// Why money goes back, and who wanted it.
#[derive(Debug, Serialize, ToSchema)]
struct RefundReasonView {
    #[serde(flatten)]
    refund: RefundView,
    /// Why.
    #[schema(example = "Nobody came.")]
    reason: String,
    /// Who asked; null for the marketplace itself.
    #[schema(example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    by_account_id: Option<String>,
    /// Why the gateway refused, if it did.
    decline: Option<DeclineView>,
}

/// A payment as admins see it.
#[derive(Debug, Serialize, ToSchema)]
struct WholePaymentView {
    #[serde(flatten)]
    payment: PaymentView,
    /// Whose money.
    #[schema(example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payer_id: String,
    /// Who sells; null for the marketplace itself.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: Option<String>,
    /// The gateway's transaction.
    #[schema(example = "sbx_9f86d081884c7d65")]
    transaction: Option<String>,
    /// How what is left is divided.
    split: SplitView,
    /// Whose the provider's part is: `nothing`, `held`, `releasing`, `frozen` or `released`. New
    /// values may come.
    #[schema(example = "held")]
    holding: &'static str,
    /// When it is released, while the holding time runs.
    releases_at: Option<DateTime<Utc>>,
    /// What can still be given back.
    refundable: MoneyView,
    /// Its refunds, with their reasons.
    refund_reasons: Vec<RefundReasonView>,
    /// Why people have to look: `amount`, `currency`, `second_transaction`, `unresolved`, `stuck`,
    /// `ran_out`.
    /// New values may come.
    #[schema(example = json!(["unresolved"]))]
    concerns: Vec<&'static str>,
    /// Counts its changes, from 1.
    #[schema(example = 3)]
    version: i32,
}

impl IntoResponses for WholePaymentView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The payment as it is now")
    }
}

impl WholePaymentView {
    fn of(payment: &Payment, state: &State) -> Self {
        let record = payment.record();
        let currency = record.amount.currency();
        let money = |minor| MoneyView::from(Money::new(minor, currency));
        let taken = Money::new(record.sums.captured, currency);
        let Split { provider, platform, tax } =
            record.terms.split(taken).left(record.sums.returned());
        let releases_at = match record.holding {
            Holding::Releasing { due } => Some(due),
            Holding::Frozen { due } => due,
            Holding::Nothing | Holding::Held | Holding::Released { .. } => None,
        };
        let reasons = record.refunds.iter().map(|refund| RefundReasonView {
            refund: RefundView::of(refund, payment),
            reason: refund.reason.to_string(),
            by_account_id: refund.by.map(|account| account.to_string()),
            decline: match &refund.state {
                RefundState::Failed { decline, .. } => Some(decline.into()),
                RefundState::Requested | RefundState::Sent | RefundState::Succeeded { .. } => None,
            },
        });
        Self {
            payment: PaymentView::of(payment, state),
            payer_id: record.payer.to_string(),
            provider_id: Seller::provider(record.seller).map(|provider| provider.to_string()),
            transaction: record.transaction.as_ref().map(ToString::to_string),
            split: SplitView {
                provider: money(provider),
                platform: money(platform),
                tax: money(tax),
            },
            holding: record.holding.name(),
            releases_at,
            refundable: payment.refundable().into(),
            refund_reasons: reasons.collect(),
            concerns: record.concerns.iter().copied().map(Concern::name).collect(),
            version: record.version,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filtered {
    /// States, any of them, parted by commas; all of them without it.
    #[param(example = "processing,failed")]
    status: Option<String>,
    /// Only those that people have to look at.
    #[serde(default)]
    parked: bool,
    /// Whose money.
    #[param(example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payer_id: Option<String>,
    /// For what, by its id.
    #[param(example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    reference: Option<String>,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List payments
///
/// Everybody's, newest first. `parked=true` lists those that people have to look at: `concerns` says
/// why.
#[utoipa::path(
    operation_id = "listAllPayments",
    tag = "admin: payments",
    params(Filtered),
    responses(
        (status = OK, description = "A page of payments", body = PageView<WholePaymentView>),
    ),
)]
#[get("/admin/payments")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Filtered>,
    state: Data<State>,
) -> Result<Json<PageView<WholePaymentView>>, Problem> {
    let limit = limit(query.limit)?;
    let known = Status::ALL.map(Status::name);
    let statuses = names("status", query.status.as_deref(), &known)?;
    let payer = id::<AccountId>("payer_id", query.payer_id.as_deref())?;
    let purpose = id::<Purpose>("reference", query.reference.as_deref())?;
    let list = format!(
        "all payments {} {} {:?} {:?}",
        statuses.join(","),
        query.parked,
        query.payer_id,
        query.reference
    );
    let after = position(&state, &list, query.cursor.as_deref())?;
    let query = PaymentQuery { payer, purpose, statuses, parked: query.parked, limit, after };
    let found = state.services.billing.all_payments(&actor, &query).await?;
    Ok(Json(page(found, limit, &state, &list, |it| WholePaymentView::of(&it, &state))))
}

/// Look at anybody's payment
///
/// With what only admins see: how it is divided, why people have to look, who wanted refunds.
#[utoipa::path(
    operation_id = "getAnyPayment",
    tag = "admin: payments",
    params(Command<PaymentId>),
    responses((status = OK, description = "The payment", body = WholePaymentView)),
)]
#[get("/admin/payments/{id}")]
async fn show(command: Command<PaymentId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let payment = state.services.billing.any_payment(actor, *id).await?;
    Ok(command.answer(payment.version(), &WholePaymentView::of(&payment, state)))
}

/// Money that is to go back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "amount": { "amount": 500, "currency": "EUR" }, "reason": "Half of the work was done.",
}))]
struct RefundBody {
    /// How much; all that is left without it.
    amount: Option<MoneyView>,
    /// Why; it stands in the audit log.
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Give money back
///
/// All that is left, or a part. It is stored here and done by a job; never more goes back than was
/// taken, however many admins ask at once. Send `If-Match` to be sure that nobody else gave something
/// back since you looked. It stands in the audit log.
#[utoipa::path(
    operation_id = "refundPayment",
    tag = "admin: payments",
    params(Command<PaymentId>, IfMatch),
    request_body = RefundBody,
    responses(
        WholePaymentView,
        (status = CONFLICT, description = "There is less left, or nothing to give back now",
            body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "It has changed since you loaded it",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
#[post("/admin/payments/{id}/refund")]
async fn give_back(
    command: Command<PaymentId>,
    Cardless(body): Cardless<RefundBody>,
) -> Result<HttpResponse, Problem> {
    let expected = command.expected()?;
    let Command { actor, id, state, .. } = &command;
    let mut errors = FieldErrors::new();
    let amount = body.value.amount.as_ref().map(|amount| amount.read(&mut errors, "/amount"));
    let reason: Option<Reason> = text(&mut errors, "/reason", &body.value.reason);
    let (Some(reason), true) = (reason, errors.is_empty()) else {
        return Err(Problem::invalid(&errors.0));
    };
    let billing = &state.services.billing;
    let payment = billing.refund(actor, *id, amount.flatten(), reason, expected).await?;
    Ok(command.answer(payment.version(), &WholePaymentView::of(&payment, state)))
}

/// Ask the gateway about a payment
///
/// How it stands, out of turn, and takes what is news. It stands in the audit log.
#[utoipa::path(
    operation_id = "inquirePayment",
    tag = "admin: payments",
    params(Command<PaymentId>),
    responses(WholePaymentView),
)]
#[post("/admin/payments/{id}/inquire")]
async fn inquire(command: Command<PaymentId>) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let payment = state.services.billing.inquire_now(actor, *id).await?;
    Ok(command.answer(payment.version(), &WholePaymentView::of(&payment, state)))
}

/// What was seen to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The client paid in cash; the provider was told." }))]
struct AcknowledgeBody {
    /// What was done about it; it stands in the audit log.
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Say that a parked payment was seen to
///
/// Nobody has to look at it any more, until there is another reason. It moves no money. It stands in
/// the audit log, with its `concerns`.
#[utoipa::path(
    operation_id = "acknowledgePayment",
    tag = "admin: payments",
    params(Command<PaymentId>),
    request_body = AcknowledgeBody,
    responses(WholePaymentView),
)]
#[post("/admin/payments/{id}/acknowledge")]
async fn acknowledge(
    command: Command<PaymentId>,
    Cardless(body): Cardless<AcknowledgeBody>,
) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let mut errors = FieldErrors::new();
    let reason: Option<Reason> = text(&mut errors, "/reason", &body.value.reason);
    let Some(reason) = reason else { return Err(Problem::invalid(&errors.0)) };
    let payment = state.services.billing.acknowledge(actor, *id, reason).await?;
    Ok(command.answer(payment.version(), &WholePaymentView::of(&payment, state)))
}

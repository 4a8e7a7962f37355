//! What providers are paid, for admins.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post, put};
use billing::{
    MinimumPayout, Payout, PayoutCommand, PayoutRoute, PayoutState, PayoutTerms, Reason,
};
use chrono::{DateTime, Utc};
use kernel::{Currency, FieldErrors, PayoutId, ProviderId, Text};
use serde::Deserialize;
use serde::Serialize;
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Listed, one_text, page, text};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::{Cardless, OptionalCardless};
use crate::http::command::{Command, answers};
use crate::http::money::MoneyView;
use crate::http::page::PageView;
use crate::http::query::Query;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(approve).service(cancel).service(send).service(confirm);
    config.service(fail).service(set_terms);
}

/// A provider's money on its way to the provider.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PayoutView {
    /// Its id.
    #[schema(example = "pot_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// The run that made it.
    #[schema(example = "btc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    batch_id: String,
    /// Whose.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: String,
    /// How much.
    amount: MoneyView,
    /// How it travels: by a gateway's name, or `bank`.
    #[schema(example = "bank")]
    route: &'static str,
    /// Where it stands: `awaiting_approval`, `ready`, `processing`, `paid`, `failed` or `cancelled`.
    /// New values may come.
    #[schema(example = "ready")]
    status: &'static str,
    /// The gateway's or the bank's name for it.
    #[schema(example = "po_1Pq0")]
    reference: Option<String>,
    /// Why it was refused, if it was.
    #[schema(example = "The account is closed.")]
    failure: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it arrived, was refused or called off.
    ended_at: Option<DateTime<Utc>>,
}

impl IntoResponses for PayoutView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The payout as it is now")
    }
}

impl From<&Payout> for PayoutView {
    fn from(payout: &Payout) -> Self {
        let (reference, failure, ended_at) = match &payout.state {
            PayoutState::AwaitingApproval | PayoutState::Ready => (None, None, None),
            PayoutState::Processing { reference, .. } => {
                (reference.as_ref().map(ToString::to_string), None, None)
            }
            PayoutState::Paid { at, reference } => (Some(reference.to_string()), None, Some(*at)),
            PayoutState::Failed { at, reason } => (None, Some(reason.clone()), Some(*at)),
            PayoutState::Cancelled { at } => (None, None, Some(*at)),
        };
        Self {
            id: payout.id.to_string(),
            batch_id: payout.batch.to_string(),
            provider_id: payout.provider.to_string(),
            amount: payout.amount.into(),
            route: match payout.route {
                PayoutRoute::Gateway(gateway) => gateway.name(),
                PayoutRoute::Bank => "bank",
            },
            status: payout.state.name(),
            reference,
            failure,
            created_at: payout.created_at,
            ended_at,
        }
    }
}

/// List payouts
///
/// Everybody's, newest first.
#[utoipa::path(
    operation_id = "listPayouts",
    tag = "admin: payouts",
    params(Listed),
    responses((status = OK, description = "A page of payouts", body = PageView<PayoutView>)),
)]
#[get("/admin/payouts")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<PayoutView>>, Problem> {
    const LIST: &str = "payouts";
    let (limit, after) = query.read(&state, LIST)?;
    let found = state.services.billing.payouts(&actor, true, limit, after).await?;
    Ok(Json(page(found, limit, &state, LIST, |payout| PayoutView::from(&payout))))
}

async fn give(
    Command { actor, id, state, .. }: &Command<PayoutId>,
    command: PayoutCommand,
    reference: Option<Text<1, 255>>,
    reason: Option<Reason>,
) -> Result<Json<PayoutView>, Problem> {
    let billing = &state.services.billing;
    let payout = billing.command_payout(actor, *id, command, reference, reason).await?;
    Ok(Json(PayoutView::from(&payout)))
}

/// Why, for the audit log.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The provider asked for it." }))]
struct ReasonBody {
    /// In the admin's words.
    #[schema(min_length = 1, max_length = 2000)]
    reason: Option<String>,
}

impl ReasonBody {
    fn read(&self) -> Result<Option<Reason>, Problem> {
        self.reason.as_deref().map(|reason| one_text("/reason", reason)).transpose()
    }
}

/// Approve a payout
///
/// Lets a large one go. Nobody approves their own.
#[utoipa::path(
    operation_id = "approvePayout",
    tag = "admin: payouts",
    params(Command<PayoutId>),
    request_body = Option<ReasonBody>,
    responses(PayoutView),
)]
#[post("/admin/payouts/{id}/approve")]
async fn approve(
    command: Command<PayoutId>,
    OptionalCardless(body): OptionalCardless<ReasonBody>,
) -> Result<Json<PayoutView>, Problem> {
    give(&command, PayoutCommand::Approve, None, body.read()?).await
}

/// Call a payout off
///
/// The money is the provider's again.
#[utoipa::path(
    operation_id = "cancelPayout",
    tag = "admin: payouts",
    params(Command<PayoutId>),
    request_body = Option<ReasonBody>,
    responses(PayoutView),
)]
#[post("/admin/payouts/{id}/cancel")]
async fn cancel(
    command: Command<PayoutId>,
    OptionalCardless(body): OptionalCardless<ReasonBody>,
) -> Result<Json<PayoutView>, Problem> {
    give(&command, PayoutCommand::Cancel, None, body.read()?).await
}

/// Take a payout to the bank
///
/// One that is paid by hand: the transfer is about to be made.
#[utoipa::path(
    operation_id = "sendPayout",
    tag = "admin: payouts",
    params(Command<PayoutId>),
    request_body = Option<ReasonBody>,
    responses(PayoutView),
)]
#[post("/admin/payouts/{id}/send")]
async fn send(
    command: Command<PayoutId>,
    OptionalCardless(body): OptionalCardless<ReasonBody>,
) -> Result<Json<PayoutView>, Problem> {
    give(&command, PayoutCommand::Send, None, body.read()?).await
}

/// What the bank calls a transfer.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reference": "2026-01-12/4711" }))]
struct ConfirmBody {
    /// The bank's name for it.
    #[schema(min_length = 1, max_length = 255)]
    reference: Option<String>,
}

/// Say that a payout arrived
///
/// One that is paid by hand.
#[utoipa::path(
    operation_id = "confirmPayout",
    tag = "admin: payouts",
    params(Command<PayoutId>),
    request_body = Option<ConfirmBody>,
    responses(PayoutView),
)]
#[post("/admin/payouts/{id}/confirm")]
async fn confirm(
    command: Command<PayoutId>,
    OptionalCardless(body): OptionalCardless<ConfirmBody>,
) -> Result<Json<PayoutView>, Problem> {
    let reference = body.reference.as_deref();
    let reference = reference.map(|reference| one_text("/reference", reference)).transpose()?;
    give(&command, PayoutCommand::Confirm, reference, None).await
}

/// Say that a payout was refused
///
/// One that is paid by hand: the money is the provider's again.
#[utoipa::path(
    operation_id = "failPayout",
    tag = "admin: payouts",
    params(Command<PayoutId>),
    request_body = Option<ReasonBody>,
    responses(PayoutView),
)]
#[post("/admin/payouts/{id}/fail")]
async fn fail(
    command: Command<PayoutId>,
    OptionalCardless(body): OptionalCardless<ReasonBody>,
) -> Result<Json<PayoutView>, Problem> {
    give(&command, PayoutCommand::Fail, None, body.read()?).await
}

/// An amount in a currency.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ThresholdBody {
    /// In the minor unit of the currency.
    #[schema(example = 5000)]
    amount: u32,
    /// The code of ISO 4217.
    #[schema(example = "EUR", min_length = 3, max_length = 3)]
    currency: String,
}

/// When a provider gets its money.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TermsBody {
    /// Days from the delivery until the money is the provider's.
    #[schema(example = 14, maximum = 365)]
    hold_days: u16,
    /// What is kept back of it then, in ten-thousandths.
    #[serde(default)]
    #[schema(example = 1000, maximum = 10000)]
    reserve_basis_points: u32,
    /// For how many days.
    #[serde(default)]
    #[schema(example = 90, maximum = 365)]
    reserve_days: u16,
    /// The least that is paid out, by currency; 10.00 where nothing is said.
    #[serde(default)]
    #[schema(max_items = 20)]
    minimum: Vec<ThresholdBody>,
    /// From which amount an admin has to approve, by currency; never where nothing is said.
    #[serde(default)]
    #[schema(max_items = 20)]
    approval_from: Vec<ThresholdBody>,
    /// Whether nothing is paid out for now.
    #[serde(default)]
    stopped: bool,
}

fn thresholds(
    errors: &mut FieldErrors,
    pointer: &str,
    given: &[ThresholdBody],
) -> Vec<MinimumPayout> {
    if given.len() > 20 {
        errors.add(pointer, "too_long", "must have at most 20 items");
        return Vec::new();
    }
    let read = |(index, threshold): (usize, &ThresholdBody)| {
        let pointer = format!("{pointer}/{index}/currency");
        let currency = threshold.currency.parse::<Currency>();
        let currency = errors.check(&pointer, "unknown_currency", currency)?;
        Some(MinimumPayout { amount: threshold.amount, currency })
    };
    given.iter().enumerate().filter_map(read).collect()
}

impl TermsBody {
    fn read(&self, errors: &mut FieldErrors) -> PayoutTerms {
        for (pointer, value, most) in [
            ("/terms/hold_days", u32::from(self.hold_days), 365),
            ("/terms/reserve_basis_points", self.reserve_basis_points, 10_000),
            ("/terms/reserve_days", u32::from(self.reserve_days), 365),
        ] {
            if value > most {
                errors.add(pointer, "out_of_range", format!("must be at most {most}"));
            }
        }
        PayoutTerms {
            hold_days: self.hold_days,
            reserve_basis_points: self.reserve_basis_points,
            reserve_days: self.reserve_days,
            minimum: thresholds(errors, "/terms/minimum", &self.minimum),
            approval_from: thresholds(errors, "/terms/approval_from", &self.approval_from),
            stopped: self.stopped,
        }
    }
}

/// The terms of a provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "terms": { "hold_days": 14, "reserve_basis_points": 1000, "reserve_days": 90 },
    "reason": "Many refunds in December.",
}))]
struct SetTermsBody {
    /// Null for the marketplace's.
    terms: Option<TermsBody>,
    /// Why; it stands in the audit log.
    #[schema(min_length = 1, max_length = 2000)]
    reason: String,
}

/// Set when a provider gets its money
///
/// In place of the marketplace's terms, or null to go back to those. It stands in the audit log.
#[utoipa::path(
    operation_id = "setPayoutTerms",
    tag = "admin: payouts",
    params(Command<ProviderId>),
    request_body = SetTermsBody,
    responses((status = NO_CONTENT, description = "They hold from now on")),
)]
#[put("/admin/providers/{id}/payout-terms")]
async fn set_terms(
    command: Command<ProviderId>,
    Cardless(body): Cardless<SetTermsBody>,
) -> Result<HttpResponse, Problem> {
    let Command { actor, id, state, .. } = &command;
    let mut errors = FieldErrors::new();
    let terms = body.value.terms.as_ref().map(|terms| terms.read(&mut errors));
    let reason: Option<Reason> = text(&mut errors, "/reason", &body.value.reason);
    let (Some(reason), true) = (reason, errors.is_empty()) else {
        return Err(Problem::invalid(&errors.0));
    };
    // Whoever does not exist has no terms.
    state.services.catalog.providers.provider(actor, *id).await?;
    state.services.billing.set_payout_terms(actor, *id, terms, reason).await?;
    Ok(HttpResponse::NoContent().finish())
}

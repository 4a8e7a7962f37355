//! Running agreements to a plan.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, get, post};
use billing::{
    CardId, ChargeKind, Interrupted, Period, Right, SubscribeCommand, Subscription,
    SubscriptionState,
};
use chrono::{DateTime, Utc};
use kernel::{FieldErrors, PlanId, SubscriptionId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::plans::IntervalView;
use super::{GatewayView, Listed, page, position};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::{Cardless, OptionalCardless};
use crate::http::command::{Command, answers};
use crate::http::idempotency::{created, required};
use crate::http::money::MoneyView;
use crate::http::page::PageView;
use crate::http::query::{Query, limit};
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(subscribe).service(list).service(providers);
    config.service(cancel).service(resume).service(change).service(set_card);
}

/// A time that is paid for.
#[derive(Debug, Serialize, ToSchema)]
struct PeriodView {
    /// From.
    start: DateTime<Utc>,
    /// Up to, but not including.
    end: DateTime<Utc>,
}

impl From<Period> for PeriodView {
    fn from(period: Period) -> Self {
        Self { start: period.start, end: period.end }
    }
}

/// A charge whose outcome is awaited.
#[derive(Debug, Serialize, ToSchema)]
struct PendingView {
    /// The payment.
    #[schema(example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    payment_id: String,
    /// What it is for: `first`, `renewal`, `retry` or `upgrade`. New values may come.
    #[schema(example = "renewal")]
    kind: &'static str,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
struct SubscriptionView {
    /// Its id.
    #[schema(example = "sub_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// The plan as it was agreed.
    #[schema(example = "pln_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    plan_id: String,
    /// Its name.
    #[schema(example = "Gold")]
    plan_name: String,
    /// Who sells; null for the marketplace itself.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: Option<String>,
    /// What it gives the right to: `provider`, `listing` or `selling`. New values may come.
    #[schema(example = "provider")]
    right: &'static str,
    /// The listing, if it is for one.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    listing_id: Option<String>,
    /// How much of the right, from 1.
    #[schema(example = 1)]
    tier: u8,
    /// What a period costs.
    price: MoneyView,
    /// How long a period is.
    interval: IntervalView,
    /// Where it stands: `incomplete`, `trialing`, `paused`, `active`, `past_due`, `suspended`,
    /// `canceled` or `expired`. New values may come.
    #[schema(example = "active")]
    status: &'static str,
    /// Whether it gives access now.
    has_access: bool,
    /// Until when it gives access, by what is known now.
    access_until: Option<DateTime<Utc>>,
    /// The period that is paid, or is to be paid.
    period: Option<PeriodView>,
    /// When the trial ends, on trial.
    trial_until: Option<DateTime<Utc>>,
    /// Whether an active one ends with its period. One that was cancelled at once, or on trial, is
    /// `canceled` already.
    cancel_at_period_end: bool,
    /// The plan that holds from the next period on, if it is another.
    #[schema(example = "pln_0192d4c0a1b27c3d8e4f5a6b7c8d9e00")]
    next_plan_id: Option<String>,
    /// The card that renewals are charged to.
    #[schema(example = "crd_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    card_id: Option<String>,
    /// The charge whose outcome is awaited.
    pending: Option<PendingView>,
    /// Through which gateway.
    #[schema(example = "sandbox")]
    gateway: &'static str,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// What its subscriber may do now: `cancel`, `cancel_now`, `resume`, `change`.
    #[schema(example = json!(["cancel_at_period_end", "cancel_now", "change"]))]
    allowed: Vec<&'static str>,
}

impl IntoResponses for SubscriptionView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The subscription as it is now")
    }
}

fn listing_of(right: Right) -> Option<String> {
    match right {
        Right::Listing(listing) => Some(listing.to_string()),
        Right::Provider(_) | Right::Selling => None,
    }
}

impl SubscriptionView {
    fn of(subscription: &Subscription, now: DateTime<Utc>) -> Self {
        let record = subscription.record();
        let terms = subscription.terms();
        let (period, ends) = match record.state {
            SubscriptionState::Active { period, cancel_at_period_end } => {
                (Some(period), cancel_at_period_end)
            }
            SubscriptionState::PastDue { period, .. } => (Some(period), false),
            SubscriptionState::Canceled { before: Interrupted::Paid(period), .. } => {
                (Some(period), false)
            }
            SubscriptionState::Incomplete { .. }
            | SubscriptionState::Trialing { .. }
            | SubscriptionState::Paused { .. }
            | SubscriptionState::Suspended { .. }
            | SubscriptionState::Canceled { before: Interrupted::Trial { .. }, .. }
            | SubscriptionState::Expired { .. } => (None, false),
        };
        let trial_until = match record.state {
            SubscriptionState::Trialing { until, .. } => Some(until),
            _ => None,
        };
        let pending = record.pending.as_ref().map(|pending| PendingView {
            payment_id: pending.payment.to_string(),
            kind: ChargeKind::name(&pending.kind),
        });
        Self {
            id: record.id.to_string(),
            plan_id: terms.plan.to_string(),
            plan_name: terms.name.to_string(),
            provider_id: terms.seller.provider().map(|provider| provider.to_string()),
            right: terms.right.name(),
            listing_id: listing_of(terms.right),
            tier: terms.tier,
            price: terms.price.into(),
            interval: terms.interval.into(),
            status: record.state.name(),
            has_access: subscription.gives_access(now),
            access_until: subscription.access_until(),
            period: period.map(PeriodView::from),
            trial_until,
            cancel_at_period_end: ends,
            next_plan_id: record.next_terms.as_ref().map(|terms| terms.plan.to_string()),
            card_id: record.card.map(|card| card.to_string()),
            pending,
            gateway: subscription.gateway().name(),
            created_at: record.created_at,
            allowed: subscription.allowed(now),
        }
    }
}

/// What one subscribes to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "plan_id": "pln_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f" }))]
struct SubscribeBody {
    /// To which plan.
    #[schema(example = "pln_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    plan_id: String,
    /// By which saved card renewals are paid, if there is one already.
    #[schema(example = "crd_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    card_id: Option<String>,
    /// Through which gateway; the card's, or the marketplace's choice, without it.
    gateway: Option<GatewayView>,
}

/// Subscribe to a plan
///
/// A trial begins at once. Without one it is `incomplete` and waits for its first payment: pay for it
/// (`POST /payments`, `purpose` is `subscription`) and let the gateway keep the card (`save_card`), so
/// that it renews itself. The key makes a retry safe.
#[utoipa::path(
    operation_id = "createSubscription",
    tag = "subscriptions",
    params(("Idempotency-Key" = String, Header, description = "A value of your own per attempt")),
    request_body = SubscribeBody,
    responses(
        (status = CREATED, description = "The subscription", body = SubscriptionView),
        (status = NOT_FOUND, description = "No such plan or card", body = Problem,
            content_type = "application/problem+json"),
        (status = CONFLICT, description = "There is one to the same thing, the plan is one's own or \
            closed, or a request with this key is under way", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/subscriptions")]
async fn subscribe(
    Caller(actor): Caller,
    request: HttpRequest,
    Cardless(body): Cardless<SubscribeBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let scope = required(&request, &actor, body.hash)?;
    let SubscribeBody { plan_id, card_id, gateway } = body.value;
    let mut errors = FieldErrors::new();
    let plan = errors.check("/plan_id", "invalid_id", plan_id.parse::<PlanId>());
    let card = card_id.map(|id| errors.check("/card_id", "invalid_id", id.parse::<CardId>()));
    let (Some(plan), true) = (plan, errors.is_empty()) else {
        return Err(Problem::invalid(&errors.0));
    };
    let command = SubscribeCommand { plan, card: card.flatten(), gateway: gateway.map(Into::into) };
    let subscribed = state.services.billing.subscribe(&actor, command, scope).await?;
    let subscription = &subscribed.subscription;
    let location = format!("/api/v1/subscriptions/{}", subscription.id());
    let view = SubscriptionView::of(subscription, state.services.clock.now());
    let answer = created(&location, None, &view);
    let mut response = HttpResponse::Created();
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    if subscribed.replayed {
        response.insert_header(("Idempotency-Replayed", "true"));
    }
    Ok(response.content_type("application/json").body(answer.body))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filtered {
    /// Only those that give access now.
    #[serde(default)]
    with_access: bool,
    /// Items on the page, 1 to 50.
    #[param(example = 20)]
    limit: Option<i64>,
    /// Where to go on: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List one's own subscriptions
///
/// Newest first; with `with_access=true` those that give access now.
#[utoipa::path(
    operation_id = "listSubscriptions",
    tag = "subscriptions",
    params(Filtered),
    responses(
        (status = OK, description = "A page of subscriptions", body = PageView<SubscriptionView>),
    ),
)]
#[get("/subscriptions")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<Filtered>,
    state: Data<State>,
) -> Result<Json<PageView<SubscriptionView>>, Problem> {
    let limit = limit(query.limit)?;
    let list = format!("subscriptions {}", query.with_access);
    let after = position(&state, &list, query.cursor.as_deref())?;
    let billing = &state.services.billing;
    let found = billing.subscriptions(&actor, query.with_access, limit, after).await?;
    let now = state.services.clock.now();
    Ok(Json(page(found, limit, &state, &list, |it| SubscriptionView::of(&it, now))))
}

/// Somebody one subscribes to.
#[derive(Debug, Serialize, ToSchema)]
struct SubscribedProvider {
    /// Who; null for the marketplace itself.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: Option<String>,
    /// The listing, if the subscription is for one.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    listing_id: Option<String>,
    /// By which subscription.
    #[schema(example = "sub_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    subscription_id: String,
    /// The plan's name.
    #[schema(example = "Gold")]
    plan_name: String,
    /// How much of the right, from 1.
    #[schema(example = 1)]
    tier: u8,
    /// Until when, by what is known now.
    access_until: Option<DateTime<Utc>>,
}

/// List whom one subscribes to
///
/// Whoever's premium content one has access to now, by subscription, newest first.
#[utoipa::path(
    operation_id = "listSubscribedProviders",
    tag = "subscriptions",
    params(Listed),
    responses(
        (status = OK, description = "A page of providers", body = PageView<SubscribedProvider>),
    ),
)]
#[get("/subscriptions/providers")]
async fn providers(
    Caller(actor): Caller,
    Query(query): Query<Listed>,
    state: Data<State>,
) -> Result<Json<PageView<SubscribedProvider>>, Problem> {
    const LIST: &str = "subscribed providers";
    let (limit, after) = query.read(&state, LIST)?;
    let found = state.services.billing.subscriptions(&actor, true, limit, after).await?;
    let present = |subscription: Subscription| {
        let terms = subscription.terms();
        SubscribedProvider {
            provider_id: terms.seller.provider().map(|provider| provider.to_string()),
            listing_id: listing_of(terms.right),
            subscription_id: subscription.id().to_string(),
            plan_name: terms.name.to_string(),
            tier: terms.tier,
            access_until: subscription.access_until(),
        }
    };
    Ok(Json(page(found, limit, &state, LIST, present)))
}

/// Shows what came of a command.
fn shown(state: &State, subscription: &Subscription) -> Json<SubscriptionView> {
    Json(SubscriptionView::of(subscription, state.services.clock.now()))
}

/// How to cancel.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "at_once": false }))]
struct CancelBody {
    /// Makes it `canceled` now: no other plan can be chosen any more. Otherwise it stays `active`
    /// and ends with its period. What is paid goes on to its end either way, and it can be resumed
    /// until then.
    #[serde(default)]
    at_once: bool,
}

/// Cancel a subscription
///
/// With its period, or with `at_once` now. What is paid goes on to its end in either case, and until
/// then it can be resumed. Access ends before that only if the money of the period is given back.
#[utoipa::path(
    operation_id = "cancelSubscription",
    tag = "subscriptions",
    params(Command<SubscriptionId>),
    request_body = Option<CancelBody>,
    responses(SubscriptionView),
)]
#[post("/subscriptions/{id}/cancel")]
async fn cancel(
    command: Command<SubscriptionId>,
    OptionalCardless(body): OptionalCardless<CancelBody>,
) -> Result<Json<SubscriptionView>, Problem> {
    let Command { actor, id, state, .. } = &command;
    let subscription = state.services.billing.cancel(actor, *id, body.at_once).await?;
    Ok(shown(state, &subscription))
}

/// Resume a subscription
///
/// One that was called off, before it ends.
#[utoipa::path(
    operation_id = "resumeSubscription",
    tag = "subscriptions",
    params(Command<SubscriptionId>),
    responses(SubscriptionView),
)]
#[post("/subscriptions/{id}/resume")]
async fn resume(command: Command<SubscriptionId>) -> Result<Json<SubscriptionView>, Problem> {
    let Command { actor, id, state, .. } = &command;
    let subscription = state.services.billing.resume(actor, *id).await?;
    Ok(shown(state, &subscription))
}

/// Another plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "plan_id": "pln_0192d4c0a1b27c3d8e4f5a6b7c8d9e00" }))]
struct ChangeBody {
    /// A plan of the same right.
    #[schema(example = "pln_0192d4c0a1b27c3d8e4f5a6b7c8d9e00")]
    plan_id: String,
}

/// Change to another plan
///
/// To a dearer one at once, when the difference is paid by the saved card; to a cheaper one with the
/// next period.
#[utoipa::path(
    operation_id = "changeSubscription",
    tag = "subscriptions",
    params(Command<SubscriptionId>),
    request_body = ChangeBody,
    responses(
        SubscriptionView,
        (status = CONFLICT, description = "Not in this state, the plans have nothing in common, a \
            charge is under way, or there is no card for the difference", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/subscriptions/{id}/change")]
async fn change(
    command: Command<SubscriptionId>,
    Cardless(body): Cardless<ChangeBody>,
) -> Result<Json<SubscriptionView>, Problem> {
    let Command { actor, id, state, .. } = &command;
    let mut errors = FieldErrors::new();
    let plan = errors.check("/plan_id", "invalid_id", body.value.plan_id.parse::<PlanId>());
    let plan = plan.ok_or_else(|| Problem::invalid(&errors.0))?;
    let subscription = state.services.billing.change_plan(actor, *id, plan).await?;
    Ok(shown(state, &subscription))
}

/// A card.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "card_id": "crd_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f" }))]
struct CardBody {
    /// One of the caller's own, at the subscription's gateway.
    #[schema(example = "crd_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    card_id: String,
}

/// Choose the card of a subscription
///
/// Renewals are charged to it; one that is past due or paused is charged at once.
#[utoipa::path(
    operation_id = "setSubscriptionCard",
    tag = "subscriptions",
    params(Command<SubscriptionId>),
    request_body = CardBody,
    responses(SubscriptionView),
)]
#[post("/subscriptions/{id}/card")]
async fn set_card(
    command: Command<SubscriptionId>,
    Cardless(body): Cardless<CardBody>,
) -> Result<Json<SubscriptionView>, Problem> {
    let Command { actor, id, state, .. } = &command;
    let mut errors = FieldErrors::new();
    let card = errors.check("/card_id", "invalid_id", body.value.card_id.parse::<CardId>());
    let card = card.ok_or_else(|| Problem::invalid(&errors.0))?;
    let subscription = state.services.billing.set_card(actor, *id, card).await?;
    Ok(shown(state, &subscription))
}

//! What can be subscribed to.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use billing::{Dunning, Interval, IntervalUnit, IssuerOfPlan, Plan, PlanDetails, Right, Seller};
use chrono::{DateTime, Utc};
use kernel::{FieldErrors, ListingId, PlanId, ProviderId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoParams, IntoResponses, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{id, text};
use crate::http::Problem;
use crate::http::caller::Caller;
use crate::http::card_numbers::Cardless;
use crate::http::command::{Command, IfMatch, answers};
use crate::http::etag::{Caching, tagged};
use crate::http::idempotency::created;
use crate::http::money::MoneyView;
use crate::http::query::Query;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(show).service(change).service(create_own);
}

/// What intervals are counted in.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UnitView {
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

/// How long a period is: at most three years.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IntervalView {
    /// Counted in what.
    unit: UnitView,
    /// How many of them.
    #[schema(example = 1, minimum = 1, maximum = 1095)]
    count: u16,
}

impl From<Interval> for IntervalView {
    fn from(interval: Interval) -> Self {
        let unit = match interval.unit() {
            IntervalUnit::Day => UnitView::Day,
            IntervalUnit::Week => UnitView::Week,
            IntervalUnit::Month => UnitView::Month,
            IntervalUnit::Year => UnitView::Year,
        };
        Self { unit, count: interval.count() }
    }
}

impl IntervalView {
    fn read(self, errors: &mut FieldErrors) -> Option<Interval> {
        let unit = match self.unit {
            UnitView::Day => IntervalUnit::Day,
            UnitView::Week => IntervalUnit::Week,
            UnitView::Month => IntervalUnit::Month,
            UnitView::Year => IntervalUnit::Year,
        };
        errors.check("/interval/count", "out_of_range", Interval::new(unit, self.count))
    }
}

/// What happens when a renewal fails.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
struct DunningView {
    /// Days after the renewal on which it is tried again.
    #[schema(example = json!([1, 3, 5, 7]), max_items = 10)]
    retry_days: Vec<u8>,
    /// Days of access after a renewal was due and failed.
    #[schema(example = 7, maximum = 60)]
    grace_days: u8,
    /// Days without access in which paying brings it back.
    #[schema(example = 21, maximum = 90)]
    suspension_days: u8,
}

impl From<&Dunning> for DunningView {
    fn from(dunning: &Dunning) -> Self {
        Self {
            retry_days: dunning.retry_days().to_vec(),
            grace_days: dunning.grace_days(),
            suspension_days: dunning.suspension_days(),
        }
    }
}

/// A recurring price.
#[derive(Debug, Serialize, ToSchema)]
struct PlanView {
    /// Its id.
    #[schema(example = "pln_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Whose; null for the marketplace's own.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: Option<String>,
    /// What it gives the right to: `provider` (all premium content of the provider), `listing` or
    /// `selling` (to sell here). New values may come.
    #[schema(example = "provider")]
    right: &'static str,
    /// The listing, if it is for one.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    listing_id: Option<String>,
    /// What people read.
    #[schema(example = "Gold")]
    name: String,
    /// What it includes.
    #[schema(example = "Every recipe, and a new one each week.")]
    description: String,
    /// How much of the right, from 1.
    #[schema(example = 1)]
    tier: u8,
    /// What a period costs.
    price: MoneyView,
    /// How long a period is.
    interval: IntervalView,
    /// Days for free at first.
    #[schema(example = 14)]
    trial_days: u16,
    /// Whether a trial begins only with a card.
    trial_needs_card: bool,
    /// What happens when a renewal fails.
    dunning: DunningView,
    /// Whether it can be subscribed to.
    open: bool,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// How often it was changed, from 1.
    #[schema(example = 1)]
    version: i32,
}

impl IntoResponses for PlanView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The plan as it is now")
    }
}

impl From<&Plan> for PlanView {
    fn from(plan: &Plan) -> Self {
        let PlanDetails {
            name,
            description,
            tier,
            price,
            interval,
            trial_days,
            trial_needs_card,
            dunning,
        } = &plan.details;
        let listing = match plan.right {
            Right::Listing(listing) => Some(listing.to_string()),
            Right::Provider(_) | Right::Selling => None,
        };
        Self {
            id: plan.id.to_string(),
            provider_id: plan.seller.provider().map(|provider| provider.to_string()),
            right: plan.right.name(),
            listing_id: listing,
            name: name.to_string(),
            description: description.to_string(),
            tier: *tier,
            price: (*price).into(),
            interval: (*interval).into(),
            trial_days: *trial_days,
            trial_needs_card: *trial_needs_card,
            dunning: dunning.into(),
            open: plan.open,
            created_at: plan.created_at,
            version: plan.version,
        }
    }
}

const fn first() -> u8 {
    1
}

/// A new plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Gold",
    "description": "Every recipe, and a new one each week.",
    "price": { "amount": 900, "currency": "EUR" },
    "interval": { "unit": "month", "count": 1 },
    "trial_days": 14,
}))]
struct PlanBody {
    /// The listing, if it is for one of the caller's own; without it all premium content of the
    /// provider.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    listing_id: Option<String>,
    /// What people read.
    #[schema(min_length = 1, max_length = 120)]
    name: String,
    /// What it includes.
    #[serde(default)]
    #[schema(max_length = 2000)]
    description: String,
    /// How much of the right, from 1.
    #[serde(default = "first")]
    #[schema(minimum = 1, maximum = 255)]
    tier: u8,
    /// What a period costs.
    price: MoneyView,
    /// How long a period is.
    interval: IntervalView,
    /// Days for free at first.
    #[serde(default)]
    #[schema(maximum = 365)]
    trial_days: u16,
    /// Whether a trial begins only with a card.
    #[serde(default)]
    trial_needs_card: bool,
    /// What happens when a renewal fails; the marketplace's rule without it.
    dunning: Option<DunningView>,
}

fn dunning(errors: &mut FieldErrors, given: DunningView) -> Option<Dunning> {
    let DunningView { retry_days, grace_days, suspension_days } = given;
    let dunning = Dunning::new(retry_days, grace_days, suspension_days);
    errors.check("/dunning", "out_of_range", dunning)
}

impl PlanBody {
    fn read(self, state: &State) -> Result<(Option<ListingId>, PlanDetails), Problem> {
        let mut errors = FieldErrors::new();
        let listing = self.listing_id.as_deref().and_then(|listing| {
            errors.check("/listing_id", "invalid_id", listing.parse::<ListingId>())
        });
        let name = text(&mut errors, "/name", &self.name);
        let description = text(&mut errors, "/description", &self.description);
        let price = self.price.read(&mut errors, "/price");
        let interval = self.interval.read(&mut errors);
        let usual = state.services.billing.books().policy.dunning.clone();
        let dunning = match self.dunning {
            Some(given) => dunning(&mut errors, given),
            None => Some(usual),
        };
        match (name, description, price, interval, dunning) {
            (Some(name), Some(description), Some(price), Some(interval), Some(dunning))
                if errors.is_empty() =>
            {
                let details = PlanDetails {
                    name,
                    description,
                    tier: self.tier,
                    price,
                    interval,
                    trial_days: self.trial_days,
                    trial_needs_card: self.trial_needs_card,
                    dunning,
                };
                Ok((listing, details))
            }
            _ => Err(Problem::invalid(&errors.0)),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OfSeller {
    /// Whose; the marketplace's own without it.
    #[param(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: Option<String>,
}

/// The plans of a seller.
#[derive(Debug, Serialize, ToSchema)]
struct PlanList {
    /// Cheapest first; at most 100.
    data: Vec<PlanView>,
}

/// List plans
///
/// The open plans of a provider, or without `provider_id` of the marketplace itself, cheapest first;
/// their provider sees the closed ones, too.
#[utoipa::path(
    operation_id = "listPlans",
    tag = "plans",
    params(OfSeller),
    responses((status = OK, description = "The plans", body = PlanList)),
)]
#[get("/plans")]
async fn list(
    Caller(actor): Caller,
    Query(query): Query<OfSeller>,
    state: Data<State>,
) -> Result<Json<PlanList>, Problem> {
    let provider = id::<ProviderId>("provider_id", query.provider_id.as_deref())?;
    let seller = match provider {
        Some(provider) => {
            let found = state.services.catalog.providers.provider(&actor, provider).await?;
            Seller::Provider { provider, account: found.account }
        }
        None => Seller::Platform,
    };
    let plans = state.services.billing.plans(&actor, seller).await?;
    Ok(Json(PlanList { data: plans.iter().map(PlanView::from).collect() }))
}

/// Look at a plan
///
/// An open one for everyone, a closed one for its provider.
#[utoipa::path(
    operation_id = "getPlan",
    tag = "plans",
    params(("id" = String, Path, description = "The plan", example = "pln_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "The plan", body = PlanView)),
)]
#[get("/plans/{id}")]
async fn show(
    Caller(actor): Caller,
    id: Path<PlanId>,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let plan = state.services.billing.plan(&actor, *id).await?;
    Ok(tagged(&request, plan.version, &PlanView::from(&plan), Caching::Private))
}

fn made(plan: &Plan) -> HttpResponse {
    let location = format!("/api/v1/plans/{}", plan.id);
    let answer = created(&location, Some(plan.version), &PlanView::from(plan));
    let mut response = HttpResponse::Created();
    for (name, value) in answer.headers {
        response.insert_header((name, value));
    }
    response.content_type("application/json").body(answer.body)
}

/// Make a plan
///
/// A provider's: for all of its premium content, or for one listing.
#[utoipa::path(
    operation_id = "createPlan",
    tag = "plans",
    request_body = PlanBody,
    responses(
        (status = CREATED, description = "The plan", body = PlanView),
        (status = NOT_FOUND, description = "No such listing of the caller's", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[post("/plans")]
async fn create(
    Caller(actor): Caller,
    Cardless(body): Cardless<PlanBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (listing, details) = body.value.read(&state)?;
    if let Some(listing) = listing {
        state.services.catalog.listings.may_update(&actor, listing).await?;
    }
    let issuer = IssuerOfPlan::OwnProvider { listing };
    Ok(made(&state.services.billing.create_plan(&actor, issuer, details).await?))
}

/// Make a plan of the marketplace
///
/// For providers who sell here. It stands in the audit log.
#[utoipa::path(
    operation_id = "createPlatformPlan",
    tag = "admin: plans",
    request_body = PlanBody,
    responses((status = CREATED, description = "The plan", body = PlanView)),
)]
#[post("/admin/plans")]
async fn create_own(
    Caller(actor): Caller,
    Cardless(body): Cardless<PlanBody>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let (listing, details) = body.value.read(&state)?;
    if listing.is_some() {
        let mut errors = FieldErrors::new();
        errors.add("/listing_id", "invalid", "a plan of the marketplace is for no listing");
        return Err(Problem::invalid(&errors.0));
    }
    let issuer = IssuerOfPlan::Platform;
    Ok(made(&state.services.billing.create_plan(&actor, issuer, details).await?))
}

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "price": { "amount": 1100, "currency": "EUR" }, "open": true }))]
struct PlanPatch {
    /// What people read.
    #[schema(min_length = 1, max_length = 120)]
    name: Option<String>,
    /// What it includes.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// How much of the right, from 1.
    #[schema(minimum = 1, maximum = 255)]
    tier: Option<u8>,
    /// What a period costs; the currency stays.
    price: Option<MoneyView>,
    /// How long a period is.
    interval: Option<IntervalView>,
    /// Days for free at first.
    #[schema(maximum = 365)]
    trial_days: Option<u16>,
    /// Whether a trial begins only with a card.
    trial_needs_card: Option<bool>,
    /// What happens when a renewal fails.
    dunning: Option<DunningView>,
    /// Whether it can be subscribed to.
    open: Option<bool>,
}

impl PlanPatch {
    fn read(self, plan: &Plan) -> Result<(PlanDetails, bool), Problem> {
        let mut errors = FieldErrors::new();
        let mut details = plan.details.clone();
        if let Some(name) = self.name.and_then(|name| text(&mut errors, "/name", &name)) {
            details.name = name;
        }
        let description = self.description;
        if let Some(it) = description.and_then(|it| text(&mut errors, "/description", &it)) {
            details.description = it;
        }
        if let Some(price) = self.price.and_then(|price| price.read(&mut errors, "/price")) {
            details.price = price;
        }
        if let Some(interval) = self.interval.and_then(|interval| interval.read(&mut errors)) {
            details.interval = interval;
        }
        if let Some(it) = self.dunning.and_then(|given| dunning(&mut errors, given)) {
            details.dunning = it;
        }
        details.tier = self.tier.unwrap_or(details.tier);
        details.trial_days = self.trial_days.unwrap_or(details.trial_days);
        details.trial_needs_card = self.trial_needs_card.unwrap_or(details.trial_needs_card);
        if !errors.is_empty() {
            return Err(Problem::invalid(&errors.0));
        }
        Ok((details, self.open.unwrap_or(plan.open)))
    }
}

/// Change a plan
///
/// For those who subscribe from now on; those who have subscribed keep what they agreed to. `open`
/// closes it, or opens it again.
#[utoipa::path(
    operation_id = "updatePlan",
    tag = "plans",
    params(Command<PlanId>, IfMatch),
    request_body = PlanPatch,
    responses(
        PlanView,
        (status = PRECONDITION_FAILED, description = "It has changed since you loaded it",
            body = Problem, content_type = "application/problem+json"),
        (status = PRECONDITION_REQUIRED, description = "`If-Match` is missing", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[patch("/plans/{id}")]
async fn change(
    command: Command<PlanId>,
    Cardless(body): Cardless<PlanPatch>,
) -> Result<HttpResponse, Problem> {
    let expected = command.required()?;
    let Command { actor, id, state, .. } = &command;
    let plan = state.services.billing.changeable_plan(actor, *id).await?;
    let (details, open) = body.value.read(&plan)?;
    // What was not mentioned is that of this version, so that no other may be changed by it.
    let expected = expected.or(Some(plan.version));
    let plan =
        state.services.billing.change_plan_details(actor, *id, details, open, expected).await?;
    Ok(command.answer(plan.version, &PlanView::from(&plan)))
}

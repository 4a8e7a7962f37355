//! What a listing says about its appointments.

use actix_web::web::{Data, Json, Path};
use actix_web::{get, put};
use bookings::{AppointmentSettings, CancellationPolicy};
use kernel::{FieldError, ListingId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::Problem;
use crate::http::body::Body;
use crate::http::bookings::TierView;
use crate::http::caller::Caller;
use crate::http::server::State;

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show).service(set);
}

/// What a listing says about its appointments, where it differs from its provider's hours and from
/// the marketplace's policy.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "duration_minutes": 90,
    "cancellation": [
        { "hours_before": 48, "refund_percent": 100 },
        { "hours_before": 12, "refund_percent": 50 },
    ],
}))]
struct AppointmentView {
    /// Length in minutes; the provider's usual one if null.
    #[schema(minimum = 5, maximum = 1440)]
    duration_minutes: Option<u32>,
    /// Minutes kept free before; the provider's usual ones if null.
    #[schema(maximum = 720)]
    buffer_before_minutes: Option<u32>,
    /// Minutes kept free after; the provider's usual ones if null.
    #[schema(maximum = 720)]
    buffer_after_minutes: Option<u32>,
    /// What a client gets back who cancels, at most 10 steps that give less for less notice; the
    /// marketplace's own policy if null. Bookings keep the policy they were submitted under.
    cancellation: Option<Vec<TierView>>,
}

impl From<AppointmentSettings> for AppointmentView {
    fn from(settings: AppointmentSettings) -> Self {
        let tiers = |policy: CancellationPolicy| {
            policy.tiers().iter().copied().map(TierView::from).collect()
        };
        Self {
            duration_minutes: settings.duration_minutes,
            buffer_before_minutes: settings.buffer_before_minutes,
            buffer_after_minutes: settings.buffer_after_minutes,
            cancellation: settings.cancellation.map(tiers),
        }
    }
}

impl AppointmentView {
    fn read(self, listing: ListingId) -> Result<AppointmentSettings, Problem> {
        let tiers = self.cancellation.map(|tiers| tiers.into_iter().map(Into::into).collect());
        let cancellation = tiers.map(CancellationPolicy::new).transpose().map_err(|error| {
            let (code, detail) = (error.code(), error.to_string());
            Problem::invalid(&[FieldError { pointer: "/cancellation".to_owned(), code, detail }])
        })?;
        Ok(AppointmentSettings {
            listing,
            duration_minutes: self.duration_minutes,
            buffer_before_minutes: self.buffer_before_minutes,
            buffer_after_minutes: self.buffer_after_minutes,
            cancellation,
        })
    }
}

/// Look at what a listing says about its appointments
///
/// For the provider it belongs to.
#[utoipa::path(
    operation_id = "getAppointmentSettings",
    tag = "availability",
    params(("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    responses((status = OK, description = "What it says", body = AppointmentView)),
)]
#[get("/listings/{id}/appointment")]
async fn show(
    Caller(actor): Caller,
    id: Path<ListingId>,
    state: Data<State>,
) -> Result<Json<AppointmentView>, Problem> {
    let settings = state.services.schedules.appointment_settings(&actor, *id).await?;
    Ok(Json(settings.into()))
}

/// Set what a listing says about its appointments
///
/// In place of what it said before; what is left out falls back to the provider's hours and to the
/// marketplace's policy.
#[utoipa::path(
    operation_id = "setAppointmentSettings",
    tag = "availability",
    params(("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")),
    request_body = AppointmentView,
    responses((status = OK, description = "What it says now", body = AppointmentView)),
)]
#[put("/listings/{id}/appointment")]
async fn set(
    Caller(actor): Caller,
    id: Path<ListingId>,
    body: Body<AppointmentView>,
    state: Data<State>,
) -> Result<Json<AppointmentView>, Problem> {
    let settings = body.value.read(*id)?;
    let settings = state.services.schedules.set_appointment_settings(&actor, settings).await?;
    Ok(Json(settings.into()))
}

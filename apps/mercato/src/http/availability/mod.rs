//! Opening hours and free slots.

mod settings;

use actix_web::web::{Data, Json, Path};
use actix_web::{get, put};
use bookings::{
    Availability, AvailabilityRules, FreeSlot, MinuteOfDay, ScheduleException, WeeklyHours,
};
use chrono::{DateTime, SecondsFormat, Utc, Weekday};
use chrono_tz::Tz;
use kernel::{FieldError, FieldErrors, ListingId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Problem;
use super::body::Body;
use super::caller::Caller;
use super::query::Query;
use super::server::State;
use crate::http::moment::Date;

pub(crate) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(show).service(set).service(slots);
    config.configure(settings::routes);
}

/// A day of the week.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DayView {
    /// The first day of the week.
    Monday,
    /// The second.
    Tuesday,
    /// The third.
    Wednesday,
    /// The fourth.
    Thursday,
    /// The fifth.
    Friday,
    /// The sixth.
    Saturday,
    /// The last.
    Sunday,
}

impl From<DayView> for Weekday {
    fn from(day: DayView) -> Self {
        match day {
            DayView::Monday => Self::Mon,
            DayView::Tuesday => Self::Tue,
            DayView::Wednesday => Self::Wed,
            DayView::Thursday => Self::Thu,
            DayView::Friday => Self::Fri,
            DayView::Saturday => Self::Sat,
            DayView::Sunday => Self::Sun,
        }
    }
}

impl From<Weekday> for DayView {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Mon => Self::Monday,
            Weekday::Tue => Self::Tuesday,
            Weekday::Wed => Self::Wednesday,
            Weekday::Thu => Self::Thursday,
            Weekday::Fri => Self::Friday,
            Weekday::Sat => Self::Saturday,
            Weekday::Sun => Self::Sunday,
        }
    }
}

/// Open on one day of every week.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WeeklyView {
    /// The day.
    day: DayView,
    /// Open from, as `HH:MM`.
    #[schema(example = "09:00")]
    from: String,
    /// Open until, as `HH:MM`; `24:00` is the end of the day.
    #[schema(example = "17:00")]
    to: String,
}

/// How a date differs from its week.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ExceptionKind {
    /// Closed, all day or from one time to another.
    Closed,
    /// Open besides the weekly hours, even where a closure says otherwise.
    Extra,
}

/// A date that differs from its week.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ExceptionView {
    /// The date.
    #[schema(value_type = NaiveDate, example = "2026-12-24")]
    date: Date,
    /// How it differs.
    kind: ExceptionKind,
    /// From, as `HH:MM`; the start of the day if left out.
    #[schema(example = "12:00")]
    from: Option<String>,
    /// Until, as `HH:MM`; the end of the day if left out.
    #[schema(example = "24:00")]
    to: Option<String>,
}

/// When a provider can be booked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "time_zone": "Europe/Berlin",
    "weekly": [{ "day": "monday", "from": "09:00", "to": "17:00" }],
    "exceptions": [{ "date": "2026-12-24", "kind": "closed" }],
    "slot_minutes": 60,
    "interval_minutes": 30,
    "buffer_after_minutes": 15,
    "min_notice_minutes": 120,
    "horizon_days": 60,
    "capacity": 1,
}))]
struct AvailabilityView {
    /// Where the times of day are meant, by its IANA name.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// Hours of every week, at most 70.
    #[serde(default)]
    weekly: Vec<WeeklyView>,
    /// Dates that differ, at most 400.
    #[serde(default)]
    exceptions: Vec<ExceptionView>,
    /// Length of an appointment in minutes, where the listing does not say.
    #[serde(default = "sixty")]
    #[schema(default = 60, minimum = 5, maximum = 1440)]
    slot_minutes: u32,
    /// Minutes from the start of one slot to the next.
    #[serde(default = "sixty")]
    #[schema(default = 60, minimum = 5, maximum = 1440)]
    interval_minutes: u32,
    /// Minutes kept free before an appointment.
    #[serde(default)]
    #[schema(default = 0, maximum = 720)]
    buffer_before_minutes: u32,
    /// Minutes kept free after an appointment.
    #[serde(default)]
    #[schema(default = 0, maximum = 720)]
    buffer_after_minutes: u32,
    /// The least notice before an appointment, in minutes.
    #[serde(default)]
    #[schema(default = 0, maximum = 86400)]
    min_notice_minutes: u32,
    /// How far ahead an appointment may be booked, in days.
    #[serde(default = "sixty")]
    #[schema(default = 60, minimum = 1, maximum = 365)]
    horizon_days: u32,
    /// The most appointments on one day; no limit if left out.
    #[schema(minimum = 1, maximum = 500)]
    per_day: Option<u32>,
    /// The most appointments in one week, Monday to Sunday; no limit if left out.
    #[schema(minimum = 1, maximum = 3500)]
    per_week: Option<u32>,
    /// How many clients can be served at the same time.
    #[serde(default = "one")]
    #[schema(default = 1, minimum = 1, maximum = 100)]
    capacity: u32,
}

const fn sixty() -> u32 {
    60
}

const fn one() -> u32 {
    1
}

impl From<&Availability> for AvailabilityView {
    fn from(availability: &Availability) -> Self {
        let AvailabilityRules {
            time_zone,
            weekly,
            exceptions,
            slot_minutes,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            min_notice_minutes,
            horizon_days,
            per_day,
            per_week,
            capacity,
        } = availability.rules().clone();
        let hours = |hours: WeeklyHours| WeeklyView {
            day: hours.weekday.into(),
            from: hours.from.to_string(),
            to: hours.to.to_string(),
        };
        let exception = |exception: ScheduleException| {
            let (kind, date, from, to) = match exception {
                ScheduleException::Closed { date, from, to } => {
                    (ExceptionKind::Closed, date, from, to)
                }
                ScheduleException::Extra { date, from, to } => {
                    (ExceptionKind::Extra, date, from, to)
                }
            };
            ExceptionView {
                date: date.into(),
                kind,
                from: Some(from.to_string()),
                to: Some(to.to_string()),
            }
        };
        Self {
            time_zone: time_zone.name().to_owned(),
            weekly: weekly.into_iter().map(hours).collect(),
            exceptions: exceptions.into_iter().map(exception).collect(),
            slot_minutes,
            interval_minutes,
            buffer_before_minutes,
            buffer_after_minutes,
            min_notice_minutes,
            horizon_days,
            per_day,
            per_week,
            capacity,
        }
    }
}

impl TryFrom<AvailabilityView> for AvailabilityRules {
    type Error = Problem;

    fn try_from(view: AvailabilityView) -> Result<Self, Problem> {
        let mut errors = FieldErrors::new();
        let time_zone = zone(&mut errors, "/time_zone", &view.time_zone);
        let mut weekly = Vec::with_capacity(view.weekly.len());
        for (i, hours) in view.weekly.iter().enumerate() {
            let from = time(&mut errors, &format!("/weekly/{i}/from"), &hours.from);
            let to = time(&mut errors, &format!("/weekly/{i}/to"), &hours.to);
            let weekday = hours.day.into();
            weekly.extend(from.zip(to).map(|(from, to)| WeeklyHours { weekday, from, to }));
        }
        let mut exceptions = Vec::with_capacity(view.exceptions.len());
        for (i, exception) in view.exceptions.iter().enumerate() {
            exceptions.extend(exception.read(&mut errors, i));
        }
        let Some(time_zone) = time_zone.filter(|_| errors.is_empty()) else {
            return Err(Problem::invalid(&errors.0));
        };
        Ok(Self {
            time_zone,
            weekly,
            exceptions,
            slot_minutes: view.slot_minutes,
            interval_minutes: view.interval_minutes,
            buffer_before_minutes: view.buffer_before_minutes,
            buffer_after_minutes: view.buffer_after_minutes,
            min_notice_minutes: view.min_notice_minutes,
            horizon_days: view.horizon_days,
            per_day: view.per_day,
            per_week: view.per_week,
            capacity: view.capacity,
        })
    }
}

impl ExceptionView {
    fn read(&self, errors: &mut FieldErrors, i: usize) -> Option<ScheduleException> {
        let Self { date, kind, from, to } = self;
        let from = from.as_ref().map_or(Some(MinuteOfDay::START), |from| {
            time(errors, &format!("/exceptions/{i}/from"), from)
        });
        let to = to
            .as_ref()
            .map_or(Some(MinuteOfDay::END), |to| time(errors, &format!("/exceptions/{i}/to"), to));
        let (date, from, to) = ((*date).into(), from?, to?);
        Some(match kind {
            ExceptionKind::Closed => ScheduleException::Closed { date, from, to },
            ExceptionKind::Extra => ScheduleException::Extra { date, from, to },
        })
    }
}

fn time(errors: &mut FieldErrors, pointer: &str, text: &str) -> Option<MinuteOfDay> {
    errors.check(pointer, "invalid_time", text.parse())
}

fn zone(errors: &mut FieldErrors, pointer: &str, text: &str) -> Option<Tz> {
    let zone = text.parse().map_err(|_| "must be an IANA time zone such as `Europe/Berlin`");
    errors.check(pointer, "invalid_time_zone", zone)
}

/// Look at one's own opening hours
///
/// 404 as long as none are set.
#[utoipa::path(
    operation_id = "getMyAvailability",
    tag = "availability",
    responses(
        (status = OK, description = "The opening hours", body = AvailabilityView),
        (status = NOT_FOUND, description = "None are set", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
#[get("/providers/me/availability")]
async fn show(
    Caller(actor): Caller,
    state: Data<State>,
) -> Result<Json<AvailabilityView>, Problem> {
    let found = state.services.schedules.availability(&actor).await?;
    let found = found.ok_or_else(|| Problem::not_found("you have set no opening hours"))?;
    Ok(Json(AvailabilityView::from(&found)))
}

/// Set one's own opening hours
///
/// In place of those before. What is booked stays booked.
#[utoipa::path(
    operation_id = "setMyAvailability",
    tag = "availability",
    request_body = AvailabilityView,
    responses((status = OK, description = "The opening hours as they are now", body = AvailabilityView)),
)]
#[put("/providers/me/availability")]
async fn set(
    Caller(actor): Caller,
    body: Body<AvailabilityView>,
    state: Data<State>,
) -> Result<Json<AvailabilityView>, Problem> {
    let rules = AvailabilityRules::try_from(body.value)?;
    let availability = state.services.schedules.set_availability(&actor, rules).await?;
    Ok(Json(AvailabilityView::from(&availability)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Days {
    /// The first date.
    #[param(example = "2026-01-12")]
    #[param(value_type = NaiveDate)]
    from: Date,
    /// The last date, less than 62 days later.
    #[param(example = "2026-01-18")]
    #[param(value_type = NaiveDate)]
    to: Date,
    /// Where the dates and local times are meant, by its IANA name; the provider's own without it.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
}

/// A slot that can be booked.
#[derive(Debug, Serialize, ToSchema)]
struct FreeSlotView {
    /// When it starts: what `POST /bookings` takes as `slot`.
    start: DateTime<Utc>,
    /// When it ends.
    end: DateTime<Utc>,
    /// The start on a clock in the zone.
    #[schema(example = "2026-01-12T10:00:00+01:00")]
    local_start: String,
    /// The end on a clock in the zone.
    #[schema(example = "2026-01-12T11:00:00+01:00")]
    local_end: String,
    /// How many bookings it still takes.
    #[schema(example = 1)]
    seats: u32,
}

impl FreeSlotView {
    fn of(free: FreeSlot, zone: Tz) -> Self {
        let FreeSlot { slot, seats } = free;
        let local =
            |at: DateTime<Utc>| at.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, false);
        Self {
            start: slot.start(),
            end: slot.end(),
            local_start: local(slot.start()),
            local_end: local(slot.end()),
            seats,
        }
    }
}

/// The free slots of a listing.
#[derive(Debug, Serialize, ToSchema)]
struct SlotsView {
    /// By start.
    data: Vec<FreeSlotView>,
    /// Where the dates and local times are meant.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

/// List the free slots of a listing
///
/// Those that start on the dates from `from` to `to`. A slot may be taken the moment after.
#[utoipa::path(
    operation_id = "listSlots",
    tag = "availability",
    params(
        ("id" = String, Path, description = "The listing", example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f"),
        Days,
    ),
    responses(
        (status = OK, description = "The free slots", body = SlotsView),
        (status = CONFLICT, description = "This listing has no appointments", body = Problem,
            content_type = "application/problem+json"),
        (status = UNPROCESSABLE_ENTITY, description = "Too many days, or the wrong way round",
            body = Problem, content_type = "application/problem+json"),
    ),
)]
#[get("/listings/{id}/slots")]
async fn slots(
    Caller(actor): Caller,
    id: Path<ListingId>,
    Query(query): Query<Days>,
    state: Data<State>,
) -> Result<Json<SlotsView>, Problem> {
    let mut errors = FieldErrors::new();
    let wanted = query.tz.as_deref().and_then(|name| zone(&mut errors, "tz", name));
    if let [FieldError { detail, .. }] = errors.0.as_slice() {
        return Err(Problem::malformed("invalid_query", detail).with_fields(&errors.0));
    }
    let Days { from, to, .. } = query;
    let found = state.services.schedules.slots(&actor, *id, from.into(), to.into(), wanted).await?;
    let present = |free: &FreeSlot| FreeSlotView::of(*free, found.time_zone);
    let data = found.slots.iter().map(present).collect();
    Ok(Json(SlotsView { data, time_zone: found.time_zone.name().to_owned() }))
}

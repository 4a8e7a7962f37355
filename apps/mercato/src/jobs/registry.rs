//! The table of handlers: which event goes where, and who answers a timer.

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

use adapter_postgres::{JobPolicy, SEND_MAIL, STANDING_JOBS, TIMER_JOB};
use catalog::engagement::EngagementService;
use catalog::media::PreviewService;
use futures_util::future::BoxFuture;
use graphile_worker::{IntoTaskHandlerResult, JobDefinition, TaskHandler, WorkerContext};
use kernel::{EventId, EventMessage};
use promotions::{CouponService, PromotionService};
use serde::{Deserialize, Serialize};

use super::kind::{CALM, Kind, LABORIOUS, MAIL, PROMPT, TIMELY};
use super::mail::SendMail;
use super::{JobContext, JobFailure, cron, media};
use crate::traces;
use crate::wiring::Services;

/// Which events a handler is told of.
#[derive(Debug, Clone, Copy)]
enum Interest {
    /// Those of these names.
    In(&'static [&'static str]),
    /// Those whose name it says yes to.
    Told(fn(&str) -> bool),
}

/// A handler of the events of these names.
const fn on(names: &'static [&'static str]) -> Interest {
    Interest::In(names)
}

/// A handler of the events that it says yes to.
const fn told(wants: fn(&str) -> bool) -> Interest {
    Interest::Told(wants)
}

impl Interest {
    fn covers(self, event: &str) -> bool {
        match self {
            Self::In(names) => names.contains(&event),
            Self::Told(wants) => wants(event),
        }
    }
}

/// A due timer.
#[derive(Debug, Serialize, Deserialize)]
struct DueTimer {
    kind: String,
    subject: String,
}

impl TaskHandler for DueTimer {
    const IDENTIFIER: &'static str = TIMER_JOB;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let context: JobContext = self::context(&context)?;
        let work = Box::pin(TIMELY.in_time(on_timer(&context.services, &self.kind, &self.subject)));
        traces::job(Self::IDENTIFIER, None, work).await
    }
}

/// What jobs work with, as the worker was given it.
pub(super) fn context(worker: &WorkerContext) -> Result<JobContext, JobFailure> {
    let found = worker.extensions().get::<JobContext>();
    found.cloned().ok_or_else(|| JobFailure::new("the worker was started without a context"))
}

macro_rules! event_handlers {
    ($($job:ident = $identifier:expr, $kind:ident, $how:ident $events:expr => $handle:expr;)*) => {
        const SUBSCRIPTIONS: &[(&str, Interest)] = &[$(($identifier, $how($events))),*];

        const KINDS: &[(&str, Kind)] =
            &[(TIMER_JOB, TIMELY), (SEND_MAIL, MAIL) $(, ($identifier, $kind))*];

        $(
            #[derive(Debug, Serialize, Deserialize)]
            struct $job {
                event_id: EventId,
                /// The trace of what made it happen.
                traceparent: Option<String>,
            }

            impl TaskHandler for $job {
                const IDENTIFIER: &'static str = $identifier;

                async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
                    let services = self::context(&context)?.services;
                    let handle: fn(Services, EventMessage) -> Handling = $handle;
                    let work = Box::pin($kind.in_time(on_event(services, self.event_id, handle)));
                    traces::job(Self::IDENTIFIER, self.traceparent.as_deref(), work).await
                }
            }
        )*

        pub(super) fn definitions() -> Vec<JobDefinition> {
            vec![DueTimer::definition(), SendMail::definition() $(, $job::definition())*]
        }
    };
}

/// Hands an event to a handler.
async fn on_event(
    services: Services,
    id: EventId,
    handle: fn(Services, EventMessage) -> Handling,
) -> Result<(), JobFailure> {
    match services.store.event(id).await? {
        Some(event) => handle(services, event).await,
        // Past its retention: nobody waits for it any more.
        None => Ok(()),
    }
}

/// The work of one handler.
type Handling = BoxFuture<'static, Result<(), JobFailure>>;

event_handlers! {
    MakePreviews = PreviewService::HANDLER, LABORIOUS, on PreviewService::EVENTS =>
        |services, event| Box::pin(media::make_previews(services, event));
    IdentityJob = "identity.on_event", PROMPT, on &["provider.registered.v1"] => |services, event| {
        Box::pin(async move { Ok(services.identity.on_event(&event).await?) })
    };
    SettleBookings = bookings::PAYMENT_HANDLER, PROMPT, on bookings::PAYMENT_EVENTS =>
        |services, event| Box::pin(async move {
            Ok(services.bookings.on_payment(&event).await?)
        });
    SettlePromotions = PromotionService::HANDLER, PROMPT, on PromotionService::EVENTS =>
        |services, event| Box::pin(async move {
            Ok(services.promotions.on_event(&event).await?)
        });
    SettleCoupons = CouponService::HANDLER, PROMPT, on CouponService::EVENTS =>
        |services, event| Box::pin(async move {
            Ok(services.coupons.on_event(&event).await?)
        });
    CountRequests = EngagementService::HANDLER, CALM, on EngagementService::EVENTS =>
        |services, event| Box::pin(async move {
            Ok(services.discovery.engagement.on_event(&event).await?)
        });
    NotifyPeople = notifications::HANDLER, PROMPT, told notifications::concerns_people =>
        |services, event| Box::pin(async move {
            Ok(services.notifications.on_event(&event).await?)
        });
}

/// Who is told of an event, by its name: the identifiers of the jobs that carry it on.
pub fn subscribers(event: &str) -> &'static [&'static str] {
    static BY_EVENT: LazyLock<RwLock<HashMap<String, &'static [&'static str]>>> =
        LazyLock::new(RwLock::default);
    const UNHARMED: &str = "nobody panics with the table in their hands";
    if let Some(known) = BY_EVENT.read().expect(UNHARMED).get(event) {
        return known;
    }
    let told = SUBSCRIPTIONS.iter().filter(|(_, interest)| interest.covers(event));
    // Kept for ever, once per name: there are as many as there are events in the code.
    let found: &'static [&'static str] = told.map(|(job, _)| *job).collect::<Vec<_>>().leak();
    BY_EVENT.write().expect(UNHARMED).insert(event.to_owned(), found);
    found
}

/// How the queue treats a kind of job, by its identifier.
pub fn policy(identifier: &str) -> JobPolicy {
    let known = KINDS.iter().find(|(known, _)| *known == identifier);
    known.map_or_else(JobPolicy::default, |(_, kind)| kind.policy)
}

/// Every identifier that this worker runs.
pub fn identifiers() -> Vec<&'static str> {
    let definitions = definitions().into_iter().chain(cron::definitions());
    definitions.map(|definition| definition.identifier()).collect()
}

/// Every identifier that the code puts into the queue: those of events, and the standing ones.
pub fn enqueued() -> Vec<&'static str> {
    SUBSCRIPTIONS.iter().map(|(job, _)| *job).chain(STANDING_JOBS.iter().copied()).collect()
}

/// The aggregate decides whether the timer is still meant.
async fn on_timer(services: &Services, kind: &str, subject: &str) -> Result<(), JobFailure> {
    if reviews::TIMER_KINDS.contains(&kind) {
        return Ok(services.reviews.on_timer(kind, subject).await?);
    }
    if bookings::TIMER_KINDS.contains(&kind) {
        return Ok(services.bookings.on_timer(kind, subject).await?);
    }
    if billing::TIMER_KINDS.contains(&kind) {
        return Ok(services.billing.on_timer(kind, subject).await?);
    }
    if promotions::TIMER_KINDS.contains(&kind) {
        return Ok(services.promotions.on_timer(kind, subject).await?);
    }
    if promotions::COUPON_TIMER_KINDS.contains(&kind) {
        return Ok(services.coupons.on_timer(kind, subject).await?);
    }
    Err(JobFailure::new(format!("nobody answers the timer {kind} of {subject}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_job_has_its_treatment() {
        let scheduled: Vec<_> =
            cron::definitions().iter().map(graphile_worker::JobDefinition::identifier).collect();
        for identifier in identifiers() {
            let known = KINDS.iter().any(|(known, _)| *known == identifier);
            assert!(known != scheduled.contains(&identifier), "{identifier}");
        }
        let order = [TIMER_JOB, notifications::HANDLER, PreviewService::HANDLER];
        assert!(order.map(|kind| policy(kind).priority).is_sorted());
    }
}

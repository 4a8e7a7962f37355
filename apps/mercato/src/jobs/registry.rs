//! The table of handlers: which event goes where, and who answers a timer.

use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

use adapter_postgres::TIMER_JOB;
use catalog::engagement::EngagementService;
use catalog::media::PreviewService;
use futures_util::future::BoxFuture;
use graphile_worker::{IntoTaskHandlerResult, JobDefinition, TaskHandler, WorkerContext};
use kernel::{EventId, EventMessage};
use serde::{Deserialize, Serialize};

use super::mail::SendMail;
use super::{JobContext, JobFailure, cron, media};
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
        on_timer(&context.services, &self.kind, &self.subject).await
    }
}

/// What jobs work with, as the worker was given it.
pub(super) fn context(worker: &WorkerContext) -> Result<JobContext, JobFailure> {
    let found = worker.extensions().get::<JobContext>();
    found.cloned().ok_or_else(|| JobFailure::new("the worker was started without a context"))
}

macro_rules! event_handlers {
    ($($job:ident = $identifier:expr, $how:ident $events:expr => $handle:expr;)*) => {
        const SUBSCRIPTIONS: &[(&str, Interest)] = &[$(($identifier, $how($events))),*];

        $(
            #[derive(Debug, Serialize, Deserialize)]
            struct $job {
                event_id: EventId,
            }

            impl TaskHandler for $job {
                const IDENTIFIER: &'static str = $identifier;

                async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
                    let services = self::context(&context)?.services;
                    // An event past its retention: nobody waits for it any more.
                    let Some(event) = services.store.event(self.event_id).await? else {
                        return Ok(());
                    };
                    let handle: fn(Services, EventMessage) -> Handling = $handle;
                    handle(services, event).await
                }
            }
        )*

        pub(super) fn definitions() -> Vec<JobDefinition> {
            vec![DueTimer::definition(), SendMail::definition() $(, $job::definition())*]
        }
    };
}

/// The work of one handler.
type Handling = BoxFuture<'static, Result<(), JobFailure>>;

event_handlers! {
    MakePreviews = PreviewService::HANDLER, on PreviewService::EVENTS =>
        |services, event| Box::pin(media::make_previews(services, event));
    IdentityJob = "identity.on_event", on &["provider.registered.v1"] => |services, event| {
        Box::pin(async move { Ok(services.identity.on_event(&event).await?) })
    };
    CountRequests = EngagementService::HANDLER, on EngagementService::EVENTS =>
        |services, event| Box::pin(async move {
            Ok(services.discovery.engagement.on_event(&event).await?)
        });
    NotifyPeople = notifications::HANDLER, told notifications::concerns_people =>
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

/// Every identifier that this worker runs.
pub fn identifiers() -> Vec<&'static str> {
    let definitions = definitions().into_iter().chain(cron::definitions());
    definitions.map(|definition| definition.identifier()).collect()
}

/// The aggregate decides whether the timer is still meant.
async fn on_timer(services: &Services, kind: &str, subject: &str) -> Result<(), JobFailure> {
    if reviews::TIMER_KINDS.contains(&kind) {
        return Ok(services.reviews.on_timer(kind, subject).await?);
    }
    if bookings::TIMER_KINDS.contains(&kind) {
        return Ok(services.bookings.on_timer(kind, subject).await?);
    }
    Err(JobFailure::new(format!("nobody answers the timer {kind} of {subject}")))
}

//! Who looks at what: noted on the way, counted in bulk behind the readers' backs.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;

use access::Actor;
use actix_web::dev::Payload;
use actix_web::http::header::USER_AGENT;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use catalog::engagement::{EngagementService, Viewer, is_bot};
use kernel::{ListingId, ProviderId};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::limits::ClientAddress;
use super::server::State;

/// Whoever looks at a page; nobody, if it is a bot.
#[derive(Debug)]
pub(crate) struct Watcher(Option<Watching>);

#[derive(Debug)]
struct Watching {
    engagement: EngagementService,
    actor: Actor,
    viewer: Viewer,
}

impl FromRequest for Watcher {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(Watching::of(request))))
    }
}

impl Watching {
    fn of(request: &HttpRequest) -> Option<Self> {
        let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let agent = agent.unwrap_or_default();
        if is_bot(agent) {
            return None;
        }
        let state = request.app_data::<actix_web::web::Data<State>>()?;
        let extensions = request.extensions();
        let actor = extensions.get::<Actor>().cloned().unwrap_or_else(Actor::visitor);
        let address = extensions.get::<ClientAddress>()?;
        let day = state.services.clock.now().date_naive();
        let discovery = &state.services.discovery;
        let viewer = discovery.viewers.viewer(&actor, address.network(), agent, day);
        Some(Self { engagement: discovery.engagement.clone(), actor, viewer })
    }
}

impl Watcher {
    /// Notes that the page of a listing was seen.
    pub(crate) fn saw_listing(&self, listing: ListingId, provider: ProviderId) {
        if let Some(Watching { engagement, actor, viewer }) = &self.0 {
            engagement.listing_seen(actor, listing, provider, *viewer);
        }
    }

    /// Notes that the profile of a provider was seen, perhaps coming from a listing.
    pub(crate) fn saw_profile(&self, provider: ProviderId, from: Option<ListingId>) {
        if let Some(Watching { engagement, actor, viewer }) = &self.0 {
            engagement.profile_seen(actor, provider, from, *viewer);
        }
    }
}

/// How often what was seen is counted.
const PACE: Duration = Duration::from_secs(1);

/// Counts what was seen, again and again.
#[derive(Debug)]
pub(super) struct Counting {
    engagement: EngagementService,
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Counting {
    pub(super) fn start(engagement: EngagementService) -> Self {
        let stop = Arc::new(Notify::new());
        let (counted, stopped) = (engagement.clone(), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(PACE) => count(&counted).await,
                    () = stopped.notified() => return,
                }
            }
        });
        Self { engagement, stop, task }
    }

    /// Counts what is left and ends.
    pub(super) async fn finish(self) {
        // A count that is under way comes to its end: interrupted, it would lose what it holds.
        self.stop.notify_one();
        let _ = self.task.await;
        count(&self.engagement).await;
    }

    /// Ends at once.
    pub(super) fn abandon(self) {
        self.task.abort();
    }
}

async fn count(engagement: &EngagementService) {
    if let Err(error) = engagement.count_sightings().await {
        let error: &dyn std::error::Error = &error;
        tracing::warn!(error, "what was seen could not be counted; it waits");
    }
}

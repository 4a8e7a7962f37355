//! Due timers become jobs.

use std::time::Duration;

use tokio::sync::watch;

use crate::wiring::Services;

/// Timers turned into jobs by one statement.
const BITE: usize = 500;

pub(super) async fn run(services: Services, every: Duration, mut stopped: watch::Receiver<bool>) {
    loop {
        match services.store.enqueue_due_timers(services.clock.now(), 500).await {
            // There may be more: after a long stop, or when time was moved.
            Ok(found) if found >= BITE => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "due timers cannot be enqueued"),
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

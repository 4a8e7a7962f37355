//! Background work: what happens after a commit, at a time, or every so often.
//!
//! Jobs run at least once: a worker that dies in the middle of one loses nothing, and another does
//! it again. So every handler is idempotent. The table of handlers is in `registry.rs`.

mod context;
mod cron;
mod failure;
mod hooks;
mod kind;
mod mail;
mod media;
mod registry;
mod timers;

use std::time::Duration;

use graphile_worker::{
    JobRecovery, JobRecoveryResult, LocalQueueConfig, RefetchDelayConfig, Worker as Queue,
    WorkerOptions, WorkerRecoveryConfig, WorkerShutdownConfig,
};
use rand::RngExt;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use context::JobContext;
pub use failure::JobFailure;
pub use registry::{enqueued, identifiers, policy, subscribers};

use crate::config::Jobs;
use crate::wiring::Services;

/// Completed jobs are noted together, this long after the first of them.
const COMPLETION_DELAY: Duration = Duration::from_millis(5);

/// How soon a job that a stopping worker had to give up runs again.
const INTERRUPTED_RETRY: Duration = Duration::from_secs(1);

/// Why a worker cannot start.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The queue cannot be reached or set up.
    #[error("the job queue cannot be reached")]
    Queue(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Jobs are enqueued that no worker would ever run.
    #[error("no handler runs the jobs {}; each needs a line in the table of handlers", .0.join(", "))]
    Unhandled(Vec<&'static str>),
}

/// A worker of this process.
#[derive(Debug)]
pub struct Worker {
    stop: watch::Sender<bool>,
    queue: JoinHandle<()>,
    timers: JoinHandle<()>,
}

impl Worker {
    /// Starts it, once the queue answers. `grace` is how long running jobs may go on after a stop.
    pub async fn start(
        context: JobContext,
        database_url: &str,
        jobs: &Jobs,
        grace: Duration,
    ) -> Result<Self, WorkerError> {
        let unhandled = without(&enqueued(), &identifiers());
        if !unhandled.is_empty() {
            return Err(WorkerError::Unhandled(unhandled));
        }
        let (stop, stopped) = watch::channel(false);
        let first = prepare(&context, database_url, jobs, grace, stopped.clone()).await?;
        tell_of_strangers(&context.services).await;
        let timers = tokio::spawn(timers::run(
            context.services.clone(),
            Duration::from_millis(jobs.timer_poll_ms),
            stopped.clone(),
        ));
        let queue = tokio::spawn(supervise(Supervised {
            first: Some(first),
            context,
            database_url: database_url.to_owned(),
            jobs: jobs.clone(),
            grace,
            stopped,
        }));
        Ok(Self { stop, queue, timers })
    }

    /// Takes no more jobs, gives running ones their grace, returns the others to the queue.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let _ = self.timers.await;
        let _ = self.queue.await;
    }
}

/// Those that are not known.
fn without<'a>(all: &[&'a str], known: &[&str]) -> Vec<&'a str> {
    all.iter().copied().filter(|identifier| !known.contains(identifier)).collect()
}

/// Jobs of a kind that this worker does not know wait in silence. That is right while a newer
/// version is being rolled out, and wrong for ever after a handler was renamed or removed.
async fn tell_of_strangers(services: &Services) {
    match services.store.queue_figures().await {
        Ok(figures) => {
            let kinds: Vec<&str> = figures.iter().map(|figure| &*figure.identifier).collect();
            for kind in without(&kinds, &identifiers()) {
                tracing::error!(kind, "jobs wait that no handler of this version runs");
            }
        }
        Err(error) => tracing::warn!(%error, "the queue cannot be looked through"),
    }
}

struct Supervised {
    first: Option<Queue>,
    context: JobContext,
    database_url: String,
    jobs: Jobs,
    grace: Duration,
    stopped: watch::Receiver<bool>,
}

/// The queue gives up at the first error of its database; this does not.
async fn supervise(mut worker: Supervised) {
    loop {
        let queue = match worker.first.take() {
            Some(queue) => Ok(queue),
            None => {
                prepare(
                    &worker.context,
                    &worker.database_url,
                    &worker.jobs,
                    worker.grace,
                    worker.stopped.clone(),
                )
                .await
            }
        };
        match queue {
            Ok(queue) => {
                if let Err(error) = queue.run().await {
                    tracing::warn!(%error, "the worker lost its queue and starts again");
                }
            }
            Err(error) => tracing::warn!(%error, "the worker cannot reach its queue"),
        }
        if *worker.stopped.borrow() {
            return;
        }
        let pause = Duration::from_millis(rand::rng().random_range(500..3_000));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = worker.stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

async fn prepare(
    context: &JobContext,
    database_url: &str,
    jobs: &Jobs,
    grace: Duration,
    mut stopped: watch::Receiver<bool>,
) -> Result<Queue, WorkerError> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| WorkerError::Queue(error);
    // One connection per running job would be too many: the queue needs them between jobs only.
    let connections = jobs.concurrency.div_ceil(2) + 3;
    let database = adapter_postgres::job_queue(database_url, connections)
        .map_err(|error| failed(error.into()))?;
    let millis = Duration::from_millis;
    let local_queue = LocalQueueConfig::builder()
        .size(jobs.local_queue)
        // Without a delay an idle queue asks again at once, for ever. A notification ends it.
        .refetch_delay(
            RefetchDelayConfig::builder()
                .duration(millis(jobs.poll_ms))
                .max_abort_threshold(1)
                .build(),
        )
        .build();
    let options = WorkerOptions::default()
        .database(database)
        .concurrency(jobs.concurrency)
        .poll_interval(millis(jobs.poll_ms))
        .local_queue(local_queue)
        .complete_job_batch_delay(COMPLETION_DELAY)
        .worker_recovery(
            WorkerRecoveryConfig::default()
                .heartbeat_interval(millis(jobs.heartbeat_ms))
                .sweep_interval(millis(jobs.sweep_ms))
                .sweep_threshold(millis(jobs.dead_after_ms))
                .recovery_delay(millis(jobs.recovery_delay_ms)),
        )
        // By default a dead worker's job gets its attempt back, and one that kills its worker
        // would do so for ever.
        .on(JobRecovery, |recovered| async move {
            hooks::recovered(&recovered);
            JobRecoveryResult::FailWithBackoff
        })
        .worker_shutdown(
            WorkerShutdownConfig::default()
                .listen_os_shutdown_signals(false)
                .grace_period(grace)
                .interrupted_job_retry_delay(INTERRUPTED_RETRY)
                .shutdown_signal(async move {
                    let _ = stopped.wait_for(|stopped| *stopped).await;
                }),
        )
        .add_extension(context.clone())
        .define_jobs(registry::definitions())
        .define_jobs(cron::definitions())
        .with_crons(cron::schedule());
    hooks::observe(options).init().await.map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_that_the_code_enqueues_has_a_handler_of_its_own() {
        let mut known = identifiers();
        assert_eq!(without(&enqueued(), &known), Vec::<&str>::new());
        assert_eq!(without(&["mail.send", "nobody.runs"], &known), ["nobody.runs"]);

        known.sort_unstable();
        let all = known.len();
        known.dedup();
        assert_eq!(known.len(), all, "two handlers of one name");
    }
}

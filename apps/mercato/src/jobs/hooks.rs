//! Measurements of jobs.

use graphile_worker::{
    Job, JobComplete, JobFail, JobPermanentlyFail, JobRecoveryContext, JobStart, WorkerOptions,
};
use kernel::{Clock, SystemClock};

pub(super) fn observe(options: WorkerOptions) -> WorkerOptions {
    options
        .on(JobStart, |started| async move {
            // The queue follows the wall clock, whatever time is simulated.
            let waited = SystemClock.now() - *started.job.run_at();
            let seconds = waited.as_seconds_f64().max(0.0);
            metrics::histogram!("job_wait_seconds", "kind" => kind(&started.job)).record(seconds);
        })
        .on(JobComplete, |done| async move {
            metrics::histogram!("job_duration_seconds", "kind" => kind(&done.job))
                .record(done.duration.as_secs_f64());
        })
        .on(JobFail, |failed| async move {
            metrics::counter!("job_failures_total", "kind" => kind(&failed.job)).increment(1);
            tracing::warn!(
                job = failed.job.id(),
                kind = kind(&failed.job),
                error = failed.error,
                retry = failed.will_retry,
                "a job failed"
            );
        })
        .on(JobPermanentlyFail, |parked| async move {
            metrics::counter!("jobs_parked_total", "kind" => kind(&parked.job)).increment(1);
            tracing::error!(
                job = parked.job.id(),
                kind = kind(&parked.job),
                error = parked.error,
                "a job failed as often as it may and is parked"
            );
        })
}

pub(super) fn recovered(recovered: &JobRecoveryContext) {
    metrics::counter!("jobs_recovered_total", "kind" => kind(&recovered.job)).increment(1);
    tracing::warn!(
        job = recovered.job.id(),
        kind = kind(&recovered.job),
        "a job is taken over from a worker that died"
    );
}

fn kind(job: &Job) -> String {
    job.task_identifier().clone()
}

//! What every domain stands on: events, jobs, timers, idempotency keys, the audit log.

mod audit;
mod copies;
mod examination;
mod idempotency;
mod jobs;
mod outbox;
mod partitions;
mod queue;
mod retention;
mod simulation;
mod timers;

pub use copies::{CopiedTable, RowCopy};
pub use examination::ServerFacts;
pub use jobs::{JobStatus, QueueFigure, QueuedJob, TIMER_JOB};
pub use outbox::{JobPolicies, JobPolicy, JobRequest, STANDING_JOBS};
pub use partitions::Forgotten;
pub use queue::job_queue;

//! What every domain stands on: events, jobs, timers, idempotency keys, the audit log.

mod audit;
mod idempotency;
mod outbox;
mod timers;

pub use outbox::JobRequest;

//! The ports of every domain crate, over PostgreSQL.
//!
//! One [`PgTx`] is one connection with an open transaction. It implements the repositories of all
//! domains, so a use case that spans two of them is atomic without either knowing. [`PgStore`]
//! opens transactions and answers what needs none.
//!
//! A module per domain, private row structs, `From`/`TryFrom` between rows and records, and the
//! names of constraints mapped to the domain's errors: nothing else belongs here.

mod billing;
mod bookings;
mod catalog;
mod endpoint;
mod failure;
mod identity;
mod migrate;
mod notifications;
mod platform;
mod pools;
mod promotions;
mod reviews;
mod sandbox;
mod schema;
mod statement;
mod store;
mod transfers;
mod tx;

pub use billing::{Billing, SecretKey, SecretKeys};
pub use endpoint::{EndpointError, trusting};
pub use migrate::{MigrationError, SchemaStanding, migrate, pending_migrations};
pub use notifications::SEND_MAIL;
pub use platform::{
    CopiedTable, Forgotten, JobPolicies, JobPolicy, JobRequest, JobStatus, QueueFigure, QueuedJob,
    RowCopy, STANDING_JOBS, ServerFacts, TIMER_JOB, job_queue,
};
pub use store::{Cause, PgStore, SEARCH_SESSION, Settings, Subscriptions};
pub use transfers::BankTransfer;
pub use tx::PgTx;

//! The real parts that Mercato's tests run on, each started in the test's own process and gone with it.
//!
//! - [`TestDatabase`]: a migrated PostgreSQL database of its own for every test.
//! - [`MailSink`]: an SMTP server that keeps what it receives, and refuses when told to.
//! - [`S3Server`]: an object store that checks every signature.
//! - [`FaultProxy`]: a network that delays, falls silent, cuts and refuses.
//!
//! Clocks that stand still or are moved by hand, ids and random bytes that repeat: the feature `testing` of the kernel.
//!
//! What cannot be started panics with its reason: a test has no use for an error it can do nothing about.

mod cluster;
mod database;
mod mail;
mod proxy;
mod s3;

/// SQL that fills a migrated database with a marketplace of any size, the same every time: for measurements and for
/// tests of plans. Run it in a transaction that has set `generate.listings` and `generate.providers`.
pub const GENERATE_MARKETPLACE: &str = include_str!("generate.sql");

pub use database::TestDatabase;
pub use mail::{Mail, MailSink};
pub use proxy::{FaultProxy, Upstream};
pub use s3::S3Server;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::StorageError;

/// Something that must happen to an aggregate at a time, unless it is overtaken.
///
/// There is at most one timer of a kind per subject: setting it again moves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// What is due, such as `booking.expire`: the name of the job that will run.
    pub kind: &'static str,
    /// The id of the aggregate, as it stands on the wire.
    pub subject: String,
    /// When, by the domain's [`Clock`](crate::Clock).
    pub due_at: DateTime<Utc>,
}

/// Timers inside one transaction: they stand or fall with the change that sets them.
///
/// A due timer becomes a job, at least once and never early. Its handler asks the aggregate
/// whether it is still meant: a timer is a reminder, the aggregate decides.
#[async_trait]
pub trait Timers: Send {
    /// Sets a timer, or moves it.
    async fn set_timer(&mut self, timer: &Timer) -> Result<(), StorageError>;

    /// Removes a timer, if it is set.
    async fn clear_timer(&mut self, kind: &'static str, subject: &str) -> Result<(), StorageError>;
}

//! How each kind of job is treated: how often it is tried, what runs before it, how long it may take.

use std::time::Duration;

use adapter_postgres::JobPolicy;

use super::JobFailure;

/// How a kind of job is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// How the queue treats it.
    pub(super) policy: JobPolicy,
    /// The longest one run may take; then it has failed, and is tried again.
    pub(super) deadline: Duration,
}

const fn kind(attempts: i32, priority: i32, seconds: u64) -> Kind {
    Kind { policy: JobPolicy { attempts, priority }, deadline: Duration::from_secs(seconds) }
}

/// A promise that falls due: a slot that is let go, a booking that completes itself. Before all
/// else, and for days: nobody sets the timer again.
pub(super) const TIMELY: Kind = kind(25, -10, 30);

/// Somebody waits to be told.
pub(super) const PROMPT: Kind = kind(12, 0, 30);

/// A mail: three days of trying, as long as it is worth anything, and time for a slow server.
pub(super) const MAIL: Kind = kind(20, 0, 300);

/// Nobody waits for it, such as figures.
pub(super) const CALM: Kind = kind(12, 10, 60);

/// Nobody waits, and it takes the processor: pictures.
pub(super) const LABORIOUS: Kind = kind(5, 20, 300);

/// The next tick does the same again.
pub(super) const HOUSEKEEPING: Kind = kind(3, 30, 600);

impl Kind {
    /// Ends a run that takes too long. What it has begun in the database is rolled back.
    pub(super) async fn in_time(
        self,
        work: impl Future<Output = Result<(), JobFailure>>,
    ) -> Result<(), JobFailure> {
        tokio::time::timeout(self.deadline, work).await.unwrap_or_else(|_| {
            Err(JobFailure::new(format!("not done within {} s", self.deadline.as_secs())))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_that_takes_too_long_has_failed() {
        let hasty = Kind { deadline: Duration::from_millis(20), ..PROMPT };

        let failure = hasty.in_time(std::future::pending()).await.unwrap_err();

        assert_eq!(format!("{failure:?}"), "not done within 0 s");
        hasty.in_time(async { Ok(()) }).await.unwrap();
    }
}

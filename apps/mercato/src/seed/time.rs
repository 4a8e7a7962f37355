use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use kernel::Clock;

/// A clock that shows what it was set to.
#[derive(Debug)]
pub(super) struct SeedClock(AtomicI64);

impl SeedClock {
    pub(super) const fn new(now: DateTime<Utc>) -> Self {
        Self(AtomicI64::new(now.timestamp_micros()))
    }

    pub(super) fn set(&self, now: DateTime<Utc>) {
        self.0.store(now.timestamp_micros(), Ordering::Release);
    }
}

impl Clock for SeedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::Acquire))
            .expect("it was set to a time")
    }
}

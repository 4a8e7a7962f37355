use std::fmt::Debug;

use chrono::{DateTime, SubsecRound, Utc};

/// Where everything reads the time from.
pub trait Clock: Debug + Send + Sync {
    /// The present moment, in whole microseconds, so that it survives the database unchanged.
    fn now(&self) -> DateTime<Utc>;
}

/// The wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}

/// A clock that stands still.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub DateTime<Utc>);

#[cfg(feature = "testing")]
impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// A clock that a test moves by hand.
#[cfg(feature = "testing")]
#[derive(Debug)]
pub struct ManualClock(std::sync::Mutex<DateTime<Utc>>);

#[cfg(feature = "testing")]
impl ManualClock {
    /// A clock that shows `now` until it is moved.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(std::sync::Mutex::new(now.trunc_subsecs(6)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: chrono::TimeDelta) {
        *self.0.lock().expect("no test panics with the clock in its hand") += by;
    }
}

#[cfg(feature = "testing")]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("no test panics with the clock in its hand")
    }
}

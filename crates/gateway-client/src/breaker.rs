use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Stops calling a gateway that does not answer, so that callers hear it at once and the gateway
/// can recover.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// So many failures in a row open it.
    pub const LIMIT: u32 = 5;

    /// It stays open for so long; then one call may try.
    pub const PAUSE: Duration = Duration::from_secs(30);

    /// Passes, or says how long to wait.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        match state.open_until {
            Some(until) if now < until => Err(until - now),
            Some(_) => {
                state.open_until = Some(now + Self::PAUSE); // one call tries; the others go on waiting
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(crate) fn note(&self, answered: bool, now: Instant) {
        let mut state = self.state();
        if answered {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= Self::LIMIT {
            state.open_until = Some(now + Self::PAUSE);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nobody panics with the state in hand")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_call_try() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 1..Breaker::LIMIT {
            breaker.note(false, start);
        }
        breaker.note(true, start);
        for _ in 0..Breaker::LIMIT {
            assert_eq!(breaker.admit(start), Ok(()));
            breaker.note(false, start);
        }

        assert_eq!(breaker.admit(start), Err(Breaker::PAUSE));
        let later = start + Breaker::PAUSE;
        assert_eq!(breaker.admit(later), Ok(()), "one");
        assert_eq!(breaker.admit(later), Err(Breaker::PAUSE), "the others");
        breaker.note(true, later);
        assert_eq!(breaker.admit(later), Ok(()));
    }
}

//! What was done and answered, noted while it happens.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts, and keeps what must not have happened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    begun: AtomicUsize,
    counts: Mutex<BTreeMap<(&'static str, String), usize>>,
    faults: Mutex<Vec<(&'static str, String)>>,
    acknowledged: Mutex<Vec<String>>,
    charged_back: Mutex<Vec<String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counting goes on even if somebody who counted did not.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    /// An operation begins.
    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// How many have begun.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// A call was answered so.
    pub(super) fn count(&self, kind: &'static str, outcome: &str) {
        *locked(&self.counts).entry((kind, outcome.to_owned())).or_default() += 1;
    }

    /// Something happened that an invariant forbids.
    pub(super) fn fault(&self, invariant: &'static str, what: String) {
        locked(&self.faults).push((invariant, what));
    }

    /// The server said that it has this.
    pub(super) fn acknowledge(&self, id: String) {
        locked(&self.acknowledged).push(id);
    }

    /// A bank took money of this payment back, of which a lost message may have told.
    pub(super) fn charge_back(&self, payment: String) {
        locked(&self.charged_back).push(payment);
    }

    pub(super) fn counts(&self) -> BTreeMap<(&'static str, String), usize> {
        locked(&self.counts).clone()
    }

    pub(super) fn faults_of(&self, invariant: &str) -> Vec<String> {
        let faults = locked(&self.faults);
        faults.iter().filter(|(of, _)| *of == invariant).map(|(_, what)| what.clone()).collect()
    }

    pub(super) fn acknowledged(&self) -> Vec<String> {
        locked(&self.acknowledged).clone()
    }

    pub(super) fn charged_back(&self) -> Vec<String> {
        let mut payments = locked(&self.charged_back).clone();
        payments.sort_unstable();
        payments.dedup();
        payments
    }
}

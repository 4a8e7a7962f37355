use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::sighting::Sighting;

/// Sightings that wait to be counted. Noting one takes a moment's lock and nothing else, so that
/// counting never slows a read.
#[derive(Debug, Default)]
pub struct SightingBuffer {
    waiting: Mutex<HashSet<Sighting>>,
}

impl SightingBuffer {
    /// The most that wait. Beyond it, while the database is away, sightings are lost rather than
    /// the memory of the server.
    pub const MOST: usize = 200_000;

    /// Notes a sighting; one that waits already changes nothing.
    pub fn note(&self, sighting: Sighting) {
        let mut waiting = self.waiting();
        if waiting.len() < Self::MOST {
            waiting.insert(sighting);
        }
    }

    /// Takes all that wait, in an order that is the same for everybody who counts, so that two who
    /// count at once do not wait for each other crosswise.
    pub fn take(&self) -> Vec<Sighting> {
        let taken = std::mem::take(&mut *self.waiting());
        let mut taken: Vec<_> = taken.into_iter().collect();
        taken.sort_unstable();
        taken
    }

    /// Puts back what could not be counted.
    pub fn put_back(&self, sightings: Vec<Sighting>) {
        for sighting in sightings {
            self.note(sighting);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashSet<Sighting>> {
        // A set is whole whoever panicked while holding it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

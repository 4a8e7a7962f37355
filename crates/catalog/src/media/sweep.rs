use std::sync::Arc;

use chrono::TimeDelta;
use kernel::Clock;

use super::{MediaError, MediaStore, ObjectStore};

/// Deletes the files that no listing needs.
#[derive(Clone)]
pub struct MediaSweeper {
    store: Arc<dyn MediaStore>,
    objects: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for MediaSweeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaSweeper").finish_non_exhaustive()
    }
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Files that were deleted.
    pub deleted: usize,
    /// Files that the object store could not delete now; the next sweep tries again.
    pub failed: usize,
}

impl MediaSweeper {
    /// How long a file may be staged before its request is taken for failed. With a sweep every
    /// ten minutes it is gone within an hour.
    pub const PATIENCE: TimeDelta = TimeDelta::minutes(30);

    /// Files per step.
    const STEP: u16 = 500;

    /// A sweeper over these parts.
    pub const fn new(
        store: Arc<dyn MediaStore>,
        objects: Arc<dyn ObjectStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, objects, clock }
    }

    /// Deletes everything that is due. Several may sweep at once, and each may die at any line:
    /// an object is forgotten only after it was deleted, and deleting twice is harmless.
    pub async fn sweep(&self) -> Result<Swept, MediaError> {
        let staged_before = self.clock.now() - Self::PATIENCE;
        let mut swept = Swept::default();
        loop {
            let keys = self.store.objects_to_sweep(staged_before, Self::STEP).await?;
            let mut deleted = Vec::with_capacity(keys.len());
            for key in &keys {
                if self.objects.delete(key).await.is_ok() {
                    deleted.push(key.clone());
                }
            }
            self.store.forget_objects(&deleted).await?;
            swept.deleted += deleted.len();
            swept.failed += keys.len() - deleted.len();
            if keys.len() < usize::from(Self::STEP) || deleted.is_empty() {
                return Ok(swept);
            }
        }
    }
}

use std::error::Error;
use std::fmt;

/// Why a job failed, with all its causes: what operators read beside the job.
pub struct JobFailure(String);

impl JobFailure {
    /// A failure that has no error behind it.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// The queue stores the `Debug` text.
impl fmt::Debug for JobFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Error> From<E> for JobFailure {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use kernel::StorageError;

    use super::*;

    #[test]
    fn a_failure_tells_its_causes() {
        let error = StorageError::corrupt("load a booking", "no such state");
        let shown = format!("{:?}", JobFailure::from(error));
        assert_eq!(shown, "the database failed to load a booking: no such state");
    }
}

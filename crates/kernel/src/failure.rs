use std::time::Duration;

/// What went wrong, as far as a caller is concerned. The transport layer turns a kind into a
/// status; nothing below it knows about HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The request cannot be understood at all.
    Malformed,
    /// The request is understood, but what it asks for breaks a rule.
    Invalid,
    /// Nobody is signed in, or what was shown does not count.
    Unauthenticated,
    /// The caller may see the object, but not do this to it.
    Forbidden,
    /// There is no such object, as far as this caller may know.
    NotFound,
    /// The object is in a state that does not allow this now.
    Conflict,
    /// It was there and will not come back, such as a link that was used.
    Gone,
    /// The caller's copy is stale.
    Stale,
    /// The caller must say which version it changes.
    VersionRequired,
    /// What was sent is larger than allowed.
    TooLarge,
    /// What was sent is of a kind that is not accepted.
    UnsupportedMedia,
    /// Too often; try again later.
    Throttled,
    /// Something of ours is down for now; trying again may help.
    Unavailable,
    /// A defect or a broken part of ours.
    Internal,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the request, such as `/attributes/area`, or the name
    /// of a query parameter.
    pub pointer: String,
    /// What, for programs: stable, such as `too_short`.
    pub code: &'static str,
    /// What, for people.
    pub detail: String,
}

/// All fields that are wrong, so that a person can mend them in one go; the first hundred of them, so
/// that an answer is not larger than its request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldErrors(pub Vec<FieldError>);

impl FieldErrors {
    /// None so far.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The most that are noted.
    pub const MOST: usize = 100;

    /// Notes one more, up to [`Self::MOST`].
    pub fn add(
        &mut self,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) {
        if self.0.len() == Self::MOST {
            return;
        }
        self.0.push(FieldError { pointer: pointer.into(), code, detail: detail.into() });
    }

    /// Passes a good value on; notes a bad one with its field and passes nothing.
    pub fn check<T, E: ToString>(
        &mut self,
        pointer: &str,
        code: &'static str,
        value: Result<T, E>,
    ) -> Option<T> {
        value.map_err(|error| self.add(pointer, code, error.to_string())).ok()
    }

    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Ok` if nothing was noted, else all of it.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl std::fmt::Display for FieldErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{} {}", error.pointer, error.detail)?;
        }
        Ok(())
    }
}

/// Implemented by the error enum of every domain crate. Its `Display` is one sentence for the
/// person who caused it: what happened, what was expected, what to do.
pub trait Failure: std::error::Error + Send + Sync + 'static {
    /// The kind, from which a transport makes its status.
    fn kind(&self) -> FailureKind;

    /// A stable, documented identifier, such as `booking.not_found`. Never renamed.
    fn code(&self) -> &'static str;

    /// The fields that are wrong, if it is about fields.
    fn fields(&self) -> &[FieldError] {
        &[]
    }

    /// The commands that this caller could give now instead, if it is about a state.
    fn allowed(&self) -> Option<&[&'static str]> {
        None
    }

    /// When trying again makes sense, if it is about frequency or a passing outage.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

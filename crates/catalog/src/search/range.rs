use std::fmt;

/// Values from a least to a greatest, both included; an end that is missing is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range<T> {
    least: Option<T>,
    greatest: Option<T>,
}

impl<T: Copy + PartialOrd> Range<T> {
    /// A range with at least one end; `None` if it is open on both sides or holds nothing.
    pub fn new(least: Option<T>, greatest: Option<T>) -> Option<Self> {
        match (least, greatest) {
            (None, None) => None,
            (Some(low), Some(high)) if low > high => None,
            _ => Some(Self { least, greatest }),
        }
    }

    /// A single value.
    pub const fn exactly(value: T) -> Self {
        Self { least: Some(value), greatest: Some(value) }
    }

    /// The least value, if there is one.
    pub const fn least(&self) -> Option<T> {
        self.least
    }

    /// The greatest value, if there is one.
    pub const fn greatest(&self) -> Option<T> {
        self.greatest
    }
}

impl<T: Copy + fmt::Debug> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |end: Option<T>| end.map(|value| format!("{value:?}")).unwrap_or_default();
        write!(f, "{}..{}", end(self.least), end(self.greatest))
    }
}

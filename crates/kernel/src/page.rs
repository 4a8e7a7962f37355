use thiserror::Error;

/// How many items a page holds: 1 to 50, 20 unless asked otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(u8);

/// A page size out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a page holds {min} to {max} items, not {given}", min = Limit::MIN, max = Limit::MAX)]
pub struct LimitError {
    /// What was asked for.
    pub given: i64,
}

impl Limit {
    /// The smallest page.
    pub const MIN: u8 = 1;
    /// The largest page.
    pub const MAX: u8 = 50;

    /// Checks a page size.
    pub fn new(given: i64) -> Result<Self, LimitError> {
        u8::try_from(given)
            .ok()
            .filter(|n| (Self::MIN..=Self::MAX).contains(n))
            .map(Self)
            .ok_or(LimitError { given })
    }

    /// Items on the page.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Rows to read: one more than the page holds tells whether another page follows, without
    /// counting.
    pub fn rows(self) -> i64 {
        i64::from(self.0) + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

/// One page of a list, and where the next one starts.
///
/// `P` is the list's own position: the sort keys of the last item (a keyset), so that a page
/// stays in its place while items come and go, and a deep page costs what the first one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, P> {
    /// At most the limit that was asked for.
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<P>,
}

impl<T, P> Page<T, P> {
    /// A page from `limit.rows()` rows: the extra one is cut off and tells that there is more.
    pub fn from_rows(mut rows: Vec<T>, limit: Limit, position: impl Fn(&T) -> P) -> Self {
        let size = usize::from(limit.get());
        let more = rows.len() > size;
        rows.truncate(size);
        let next = if more { rows.last().map(position) } else { None };
        Self { items: rows, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U, P> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_says_where_the_next_one_starts() {
        let limit = Limit::new(2).unwrap();

        let page = Page::from_rows(vec![1, 2, 3], limit, |n| *n);
        assert_eq!(page, Page { items: vec![1, 2], next: Some(2) });

        let last = Page::from_rows(vec![1, 2], limit, |n| *n);
        assert_eq!(last, Page { items: vec![1, 2], next: None });
    }

    #[test]
    fn a_page_holds_1_to_50() {
        for wrong in [-1, 0, 51, 1_000_000, i64::MAX] {
            assert_eq!(Limit::new(wrong), Err(LimitError { given: wrong }));
        }
    }
}

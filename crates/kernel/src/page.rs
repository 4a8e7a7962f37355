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

/// The number of a page, for moderate lists that can be leafed through: from 1, and within the
/// first [`PageNumber::REACH`] items, since what lies before it is read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageNumber {
    skipped: u16,
}

/// A page that is not to be had by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("pages are numbered from 1 to {last}; use `cursor` to go further than {reach} items", reach = PageNumber::REACH)]
pub struct PageNumberError {
    /// The last page of this size that has a number.
    pub last: u16,
}

impl PageNumber {
    /// How many items can be reached by number.
    pub const REACH: u16 = 10_000;

    /// Checks the number of a page of this size.
    pub fn new(given: i64, limit: Limit) -> Result<Self, PageNumberError> {
        let size = u16::from(limit.get());
        let last = Self::REACH / size;
        let number = u16::try_from(given).ok().filter(|number| (1..=last).contains(number));
        let number = number.ok_or(PageNumberError { last })?;
        Ok(Self { skipped: (number - 1) * size })
    }

    /// The items before it.
    pub const fn skipped(self) -> u16 {
        self.skipped
    }
}

/// How many items a list has, counted up to [`Total::MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    count: u16,
}

impl Total {
    /// The most that is counted.
    pub const MOST: u16 = 10_000;

    /// Rows to count: one more tells whether there are more.
    pub fn rows() -> i64 {
        i64::from(Self::MOST) + 1
    }

    /// The total of so many counted rows.
    pub fn of_rows(rows: i64) -> Self {
        Self { count: u16::try_from(rows.max(0)).unwrap_or(u16::MAX).min(Self::MOST + 1) }
    }

    /// The number of items, at most [`Total::MOST`].
    pub fn count(self) -> u16 {
        self.count.min(Self::MOST)
    }

    /// Whether there are no more than were counted.
    pub const fn is_exact(self) -> bool {
        self.count <= Self::MOST
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
    fn pages_have_numbers_up_to_ten_thousand_items() {
        let limit = Limit::new(50).unwrap();

        assert_eq!(PageNumber::new(1, limit).map(PageNumber::skipped), Ok(0));
        assert_eq!(PageNumber::new(200, limit).map(PageNumber::skipped), Ok(9_950));
        for wrong in [i64::MIN, -1, 0, 201, i64::MAX] {
            assert_eq!(PageNumber::new(wrong, limit), Err(PageNumberError { last: 200 }));
        }
    }

    #[test]
    fn a_total_says_whether_there_are_more() {
        let many = Total::of_rows(Total::rows());
        assert_eq!((many.count(), many.is_exact()), (10_000, false));
        let all = Total::of_rows(10_000);
        assert_eq!((all.count(), all.is_exact()), (10_000, true));
    }

    #[test]
    fn a_page_holds_1_to_50() {
        for wrong in [-1, 0, 51, 1_000_000, i64::MAX] {
            assert_eq!(Limit::new(wrong), Err(LimitError { given: wrong }));
        }
    }
}

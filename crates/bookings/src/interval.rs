use chrono::{DateTime, TimeDelta, Utc};

/// A span of time with a start and, after it, an end that no longer belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

impl Interval {
    /// The span between two moments; `None` unless the end comes after the start.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// The first moment.
    pub const fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// The moment after the last.
    pub const fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// How long it is.
    pub fn length(self) -> TimeDelta {
        self.end - self.start
    }

    /// Whether the two share a moment.
    pub fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether all of `inner` lies in it.
    pub fn contains(self, inner: Self) -> bool {
        self.start <= inner.start && inner.end <= self.end
    }

    /// The span with so much more on both sides; neither may be negative.
    #[must_use]
    pub fn widened(self, before: TimeDelta, after: TimeDelta) -> Self {
        Self { start: self.start - before, end: self.end + after }
    }
}

/// The same moments as separate spans in order: overlapping and touching ones become one.
pub(crate) fn union(mut spans: Vec<Interval>) -> Vec<Interval> {
    spans.sort_unstable();
    let mut merged: Vec<Interval> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            Some(_) | None => merged.push(span),
        }
    }
    merged
}

/// The moments of `from` that lie in none of `cut`, as separate spans in order.
pub(crate) fn subtract(from: Vec<Interval>, cut: Vec<Interval>) -> Vec<Interval> {
    let cut = union(cut);
    let mut left = Vec::new();
    for span in union(from) {
        let mut start = span.start;
        for hole in cut.iter().filter(|hole| hole.overlaps(span)) {
            left.extend(Interval::new(start, hole.start));
            start = start.max(hole.end);
        }
        left.extend(Interval::new(start, span.end));
    }
    left
}

/// How many of a set of spans there are at any one time.
pub(crate) struct Load {
    /// From this moment on, until the next, there are so many. In order.
    steps: Vec<(DateTime<Utc>, i64)>,
}

impl Load {
    pub(crate) fn of(spans: impl Iterator<Item = Interval>) -> Self {
        let mut changes: Vec<(DateTime<Utc>, i64)> =
            spans.flat_map(|span| [(span.start, 1), (span.end, -1)]).collect();
        changes.sort_unstable();
        let mut steps: Vec<(DateTime<Utc>, i64)> = Vec::with_capacity(changes.len());
        let mut load = 0;
        for (at, change) in changes {
            load += change;
            match steps.last_mut() {
                Some(last) if last.0 == at => last.1 = load,
                Some(_) | None => steps.push((at, load)),
            }
        }
        Self { steps }
    }

    /// The most there are at any one time within a span.
    pub(crate) fn peak(&self, within: Interval) -> i64 {
        let first = self.steps.partition_point(|(at, _)| *at <= within.start).saturating_sub(1);
        self.steps
            .get(first..)
            .unwrap_or_default()
            .iter()
            .take_while(|(at, _)| *at < within.end)
            .map(|(_, load)| *load)
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minute(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(n * 60, 0).unwrap()
    }

    fn spans() -> impl Strategy<Value = Vec<Interval>> {
        let span = (0i64..200, 1i64..40).prop_map(|(start, length)| {
            Interval::new(minute(start), minute(start + length)).unwrap()
        });
        prop::collection::vec(span, 0..12)
    }

    fn covers(spans: &[Interval], n: i64) -> bool {
        spans.iter().any(|span| span.start <= minute(n) && minute(n) < span.end)
    }

    fn is_tidy(spans: &[Interval]) -> bool {
        spans.windows(2).all(|pair| pair[0].end < pair[1].start)
    }

    proptest! {
        #[test]
        fn a_union_has_the_moments_of_all(all in spans()) {
            let merged = union(all.clone());

            prop_assert!(is_tidy(&merged));
            for n in 0..250 {
                prop_assert_eq!(covers(&merged, n), covers(&all, n));
            }
        }

        #[test]
        fn a_difference_has_the_moments_of_one_and_not_of_the_other(from in spans(), cut in spans()) {
            let left = subtract(from.clone(), cut.clone());

            prop_assert!(is_tidy(&left));
            for n in 0..250 {
                prop_assert_eq!(covers(&left, n), covers(&from, n) && !covers(&cut, n));
            }
        }

        #[test]
        fn a_peak_is_the_greatest_count(all in spans(), start in 0i64..200, length in 1i64..40) {
            let within = Interval::new(minute(start), minute(start + length)).unwrap();

            let peak = Load::of(all.iter().copied()).peak(within);

            let counted = (start..start + length)
                .map(|n| all.iter().filter(|span| covers(&[**span], n)).count())
                .max()
                .unwrap();
            prop_assert_eq!(usize::try_from(peak).unwrap(), counted);
        }
    }
}

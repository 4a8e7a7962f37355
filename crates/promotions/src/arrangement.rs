use std::collections::HashSet;

use chrono::{DateTime, Utc};
use kernel::{Limit, ListingId};

/// Whose turn it is: a number that moves on by one every hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Turn(u64);

impl Turn {
    /// The turn of the hour that a moment is in. The same for everybody in that hour.
    pub fn of(now: DateTime<Utc>) -> Self {
        Self(now.timestamp().div_euclid(3_600).unsigned_abs())
    }

    /// Those whose turn it is, in order: at most `most` of the candidates, each once.
    ///
    /// It goes round in the order of the ids. Over as many hours as there are candidates, each is
    /// chosen equally often, and equally often for each place.
    pub fn choose(self, candidates: &[ListingId], most: usize) -> Vec<ListingId> {
        let mut ring = candidates.to_vec();
        ring.sort_unstable();
        ring.dedup();
        let Ok(round) = u64::try_from(ring.len()) else { return Vec::new() };
        let first = self.0.checked_rem(round).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        ring.rotate_left(first);
        ring.truncate(most);
        ring
    }
}

/// A result and how it came to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed<T> {
    /// The result.
    pub item: T,
    /// Whether it stands there because somebody paid for it; shown to everyone who sees it.
    pub sponsored: bool,
}

/// The first page of a search with those who paid for it in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstPage<T> {
    /// At most the limit that was asked for: first the sponsored, then the others in their order.
    pub items: Vec<Placed<T>>,
    /// Whether some of the others are left for another page.
    pub more: bool,
}

impl<T> FirstPage<T> {
    /// The most sponsored results of a page.
    pub const MOST_SPONSORED: usize = 3;

    /// Arranges the first page of a search.
    ///
    /// - `results` are the rows of the search in their own order, one more than the page holds if
    ///   there are as many (see [`Limit::rows`]).
    /// - `top` are all listings that match the search and are top now, in any order, among the
    ///   results or not.
    ///
    /// Those whose turn it is go first, at most three and never the whole page, so that the next
    /// page has a place to go on from. All others keep their order, also those that are top but not
    /// on turn; nothing stands on the page twice.
    ///
    /// The next page goes on after [`last_in_order`](Self::last_in_order). To show nothing again
    /// there, its query leaves out [`sponsored`](Self::sponsored), which the cursor carries.
    pub fn arrange(
        results: Vec<T>,
        top: Vec<T>,
        limit: Limit,
        turn: Turn,
        id: impl Fn(&T) -> ListingId,
    ) -> Self {
        let size = usize::from(limit.get());
        let most = Self::MOST_SPONSORED.min(size - 1);
        let candidates: Vec<ListingId> = top.iter().map(&id).collect();
        let chosen = turn.choose(&candidates, most);

        let mut top = top;
        let mut items = Vec::with_capacity(size);
        for wanted in &chosen {
            if let Some(found) = top.iter().position(|item| id(item) == *wanted) {
                items.push(Placed { item: top.swap_remove(found), sponsored: true });
            }
        }
        let mut seen: HashSet<ListingId> = chosen.into_iter().collect();
        let mut others = results.into_iter().filter(|item| seen.insert(id(item)));
        let room = size - items.len();
        items.extend(others.by_ref().take(room).map(|item| Placed { item, sponsored: false }));
        let more = others.next().is_some();
        Self { items, more }
    }

    /// The last result that stands in the order of the search: the next page goes on after it.
    pub fn last_in_order(&self) -> Option<&T> {
        self.items.iter().rfind(|placed| !placed.sponsored).map(|placed| &placed.item)
    }

    /// The sponsored results.
    pub fn sponsored(&self) -> impl Iterator<Item = &T> {
        self.items.iter().filter(|placed| placed.sponsored).map(|placed| &placed.item)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn listing(n: u64) -> ListingId {
        ListingId::from_uuid(Uuid::from_u64_pair(1, n))
    }

    fn arranged(results: &[u64], top: &[u64], limit: i64, turn: u64) -> FirstPage<u64> {
        let limit = Limit::new(limit).unwrap();
        FirstPage::arrange(results.to_vec(), top.to_vec(), limit, Turn(turn), |n| listing(*n))
    }

    #[test]
    fn those_on_turn_go_first_and_the_rest_keep_their_order() {
        let page = arranged(&[10, 3, 11, 12, 5, 13], &[1, 2, 3, 4, 5], 5, 2);

        let shown: Vec<_> = page.items.iter().map(|p| (p.item, p.sponsored)).collect();
        assert_eq!(shown, [(3, true), (4, true), (5, true), (10, false), (11, false)]);
        assert!(page.more);
        assert_eq!(page.last_in_order(), Some(&11));
    }

    #[test]
    fn who_is_top_but_not_on_turn_stands_where_the_search_puts_it() {
        let page = arranged(&[10, 3, 11], &[1, 2, 3, 4, 5], 20, 3);

        let shown: Vec<_> = page.items.iter().map(|p| (p.item, p.sponsored)).collect();
        assert_eq!(shown, [(4, true), (5, true), (1, true), (10, false), (3, false), (11, false)]);
        assert!(!page.more);
    }

    #[test]
    fn a_turn_lasts_an_hour() {
        let at = |text: &str| Turn::of(text.parse().unwrap());

        assert_eq!(at("2026-05-01T10:00:00Z"), at("2026-05-01T10:59:59Z"));
        assert_ne!(at("2026-05-01T10:59:59Z"), at("2026-05-01T11:00:00Z"));
    }

    proptest! {
        #[test]
        fn a_page_is_never_flooded_and_never_repeats(
            results in prop::collection::btree_set(0u64..60, 0..51).prop_map(|set| set.into_iter().collect::<Vec<_>>()).prop_shuffle(),
            top in prop::collection::vec(0u64..60, 0..12),
            limit in 1i64..=50,
            turn in any::<u64>(),
        ) {
            let page = arranged(&results, &top, limit, turn);

            let ids: Vec<_> = page.items.iter().map(|placed| placed.item).collect();
            prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "repeated");
            prop_assert!(ids.len() <= usize::try_from(limit).unwrap());
            let sponsored: Vec<_> = page.sponsored().copied().collect();
            let different: BTreeSet<_> = top.iter().collect();
            let most = 3.min(usize::try_from(limit).unwrap() - 1).min(different.len());
            prop_assert_eq!(sponsored.len(), most);
            prop_assert!(sponsored.iter().all(|item| top.contains(item)));
            let kept: Vec<_> = results.iter().filter(|n| !sponsored.contains(n)).copied().collect();
            let room = usize::try_from(limit).unwrap() - sponsored.len();
            prop_assert_eq!(&ids[sponsored.len()..], &kept[..kept.len().min(room)]);
            prop_assert_eq!(page.more, kept.len() > room);
            prop_assert_eq!(page.more && page.last_in_order().is_none(), false);
        }

        #[test]
        fn everybody_gets_each_place_equally_often(n in 1u64..30, start in 0..u64::MAX / 2) {
            let all: Vec<_> = (0..n).map(listing).collect();
            let mut places: BTreeMap<(usize, ListingId), u32> = BTreeMap::new();

            for turn in start..start + n {
                let chosen = Turn(turn).choose(&all, 3);
                for (place, id) in chosen.into_iter().enumerate() {
                    *places.entry((place, id)).or_default() += 1;
                }
            }

            prop_assert_eq!(u64::try_from(places.len()).unwrap(), n * n.min(3));
            prop_assert!(places.values().all(|times| *times == 1));
        }
    }
}

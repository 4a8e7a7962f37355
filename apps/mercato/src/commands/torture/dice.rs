/// Chance that can be repeated: the same seed throws the same numbers, on every machine and in every
/// version (splitmix64).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Dice of their own for somebody: what they throw does not depend on who else throws.
    pub(super) const fn fork(&mut self) -> Self {
        Self(self.next())
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one below this; 0 below 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or_default()
    }

    /// A number from the first to the last.
    pub(super) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last.saturating_sub(first).saturating_add(1))
    }

    /// Whether something happens that happens so many times in a hundred.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these; `None` of none.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below(u64::try_from(of.len()).unwrap_or(u64::MAX));
        of.get(usize::try_from(index).unwrap_or_default())
    }

    /// One of these, each as often as its weight says.
    pub(super) fn weigh<T: Copy>(&mut self, of: &[(u64, T)]) -> Option<T> {
        let mut left = self.below(of.iter().map(|(weight, _)| weight).sum());
        for (weight, one) in of {
            if left < *weight {
                return Some(*one);
            }
            left -= weight;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_numbers_for_ever() {
        let throw = |seed| {
            let mut dice = Dice::new(seed);
            [(); 4].map(|()| dice.below(1_000))
        };

        assert_eq!(throw(1), throw(1));
        assert_ne!(throw(1), throw(2));
        assert_eq!(Dice::new(0).next(), 0xe220_a839_7b1d_cdaf, "as splitmix64 is published");
    }

    #[test]
    fn a_weight_says_how_often() {
        let mut dice = Dice::new(7);
        let thrown: Vec<_> = (0..1_000).filter_map(|_| dice.weigh(&[(9, 'a'), (1, 'b')])).collect();

        let rare = thrown.iter().filter(|it| **it == 'b').count();
        assert!((50..200).contains(&rare), "{rare}");
        assert_eq!(dice.weigh::<char>(&[]), None);
        assert_eq!(dice.pick::<char>(&[]), None);
    }
}

use kernel::{ListingId, ProviderId};

use crate::{Policy, Stars};

/// What a rating is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rated {
    /// Something offered.
    Listing(ListingId),
    /// Who offers it.
    Provider(ProviderId),
}

impl std::fmt::Display for Rated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listing(id) => id.fmt(f),
            Self::Provider(id) => id.fmt(f),
        }
    }
}

/// The sum of all shown reviews by clients: how many, and their stars together. Mean and score
/// follow from these two whole numbers, so that no rounding ever piles up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rating {
    /// How many.
    pub count: u32,
    /// Their stars, added up.
    pub stars: u32,
}

impl Rating {
    /// The rating with a review taken out and another put in: the one review before and after a
    /// change. `None` stands for a review that does not count.
    #[must_use]
    pub fn changed(self, before: Option<Stars>, after: Option<Stars>) -> Self {
        let part = |stars: Option<Stars>| match stars {
            Some(stars) => (1, u32::from(stars.get())),
            None => (0, 0),
        };
        let ((out, less), (in_, more)) = (part(before), part(after));
        // Saturating: a rating that drifted below what it holds is for the recount to mend, not
        // for an author to trip over.
        Self {
            count: self.count.saturating_add(in_).saturating_sub(out),
            stars: self.stars.saturating_add(more).saturating_sub(less),
        }
    }

    /// The mean, 1 to 5, to two decimals; `None` without any review.
    pub fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| round(f64::from(self.stars) / f64::from(self.count), 100.0))
    }

    /// What to sort by, 1 to 5, to four decimals: the Bayesian mean, which takes few reviews for
    /// little evidence, so that a single five does not outrank a hundred times 4.9. `None` without
    /// any review: what nobody judged comes after all that was.
    pub fn score(self, policy: &Policy) -> Option<f64> {
        let weight = policy.prior_weight + f64::from(self.count);
        let sum = policy.prior_mean * policy.prior_weight + f64::from(self.stars);
        (self.count > 0).then(|| round(sum / weight, 10_000.0))
    }
}

fn round(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

/// A rating that is not what its reviews add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatingDrift {
    /// Whose.
    pub rated: Rated,
    /// What is stored.
    pub stored: Rating,
    /// What its reviews add up to.
    pub counted: Rating,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_reviews_weigh_little() {
        let policy = Policy::default();
        let one_five = Rating { count: 1, stars: 5 };
        let many = Rating { count: 100, stars: 490 };

        assert_eq!(one_five.mean(), Some(5.0));
        assert_eq!(one_five.score(&policy), Some(3.75));
        assert!(one_five.score(&policy) < many.score(&policy));
        assert_eq!(Rating::default().mean(), None);
        assert_eq!(Rating::default().score(&policy), None);
    }
}

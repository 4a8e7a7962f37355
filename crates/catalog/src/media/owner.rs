use std::fmt;

use kernel::{ListingId, ProviderId, ReviewId};

/// What pictures and documents belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaOwner {
    /// The pictures and documents of a listing.
    Listing(ListingId),
    /// The picture that stands for a provider.
    Provider(ProviderId),
    /// The pictures of a review.
    Review(ReviewId),
}

impl MediaOwner {
    /// How its smaller copies are cut.
    pub const fn shape(self) -> Shape {
        match self {
            Self::Listing(_) | Self::Review(_) => Shape::Whole,
            Self::Provider(_) => Shape::Square,
        }
    }
}

impl From<ListingId> for MediaOwner {
    fn from(id: ListingId) -> Self {
        Self::Listing(id)
    }
}

impl From<ProviderId> for MediaOwner {
    fn from(id: ProviderId) -> Self {
        Self::Provider(id)
    }
}

impl From<ReviewId> for MediaOwner {
    fn from(id: ReviewId) -> Self {
        Self::Review(id)
    }
}

impl fmt::Display for MediaOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listing(id) => id.fmt(f),
            Self::Provider(id) => id.fmt(f),
            Self::Review(id) => id.fmt(f),
        }
    }
}

/// How the smaller copies of a picture are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Not at all.
    Whole,
    /// To the square in its middle.
    Square,
}

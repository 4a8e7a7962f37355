use kernel::{Event, MediaId};
use serde_json::{Value, json};

use super::MediaOwner;

/// What happened to the media of a listing, or to the pictures of something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// Files were attached; their previews can be made now.
    Added {
        /// What they belong to.
        owner: MediaOwner,
        /// The new items.
        media: Vec<MediaId>,
    },
}

impl MediaEvent {
    /// The name of [`MediaEvent::Added`] to a listing.
    pub const ADDED: &'static str = "listing.media_added.v1";

    /// The name of [`MediaEvent::Added`] to a provider.
    pub const AVATAR_ADDED: &'static str = "provider.avatar_added.v1";

    /// The name of [`MediaEvent::Added`] to a review.
    pub const REVIEWED: &'static str = "review.pictures_added.v1";

    /// The names of all of them.
    pub const NAMES: &'static [&'static str] = &[Self::ADDED, Self::AVATAR_ADDED, Self::REVIEWED];
}

impl Event for MediaEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Added { owner: MediaOwner::Listing(_), .. } => Self::ADDED,
            Self::Added { owner: MediaOwner::Provider(_), .. } => Self::AVATAR_ADDED,
            Self::Added { owner: MediaOwner::Review(_), .. } => Self::REVIEWED,
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Added { owner, .. } => owner.to_string(),
        }
    }

    fn payload(&self) -> Value {
        match self {
            Self::Added { owner: MediaOwner::Listing(listing), media } => {
                json!({ "listing": listing, "media": media })
            }
            Self::Added { owner: MediaOwner::Provider(provider), media } => {
                json!({ "provider": provider, "media": media })
            }
            Self::Added { owner: MediaOwner::Review(review), media } => {
                json!({ "review": review, "media": media })
            }
        }
    }
}

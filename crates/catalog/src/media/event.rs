use kernel::{Event, ListingId, MediaId};
use serde_json::{Value, json};

/// What happened to the media of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// Files were attached; their previews can be made now.
    Added {
        /// The listing.
        listing: ListingId,
        /// The new items.
        media: Vec<MediaId>,
    },
}

impl MediaEvent {
    /// The name of [`MediaEvent::Added`].
    pub const ADDED: &'static str = "listing.media_added.v1";
}

impl Event for MediaEvent {
    fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => Self::ADDED,
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Added { listing, .. } => listing.to_string(),
        }
    }

    fn payload(&self) -> Value {
        match self {
            Self::Added { listing, media } => json!({ "listing": listing, "media": media }),
        }
    }
}

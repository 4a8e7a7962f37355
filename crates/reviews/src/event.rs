use kernel::{AccountId, BookingId, Event, ListingId, ProviderId, ReviewId};
use serde_json::{Value, json};

/// The ids that every event of a review carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) id: ReviewId,
    pub(crate) booking: BookingId,
    pub(crate) listing: ListingId,
    pub(crate) provider: ProviderId,
    pub(crate) author: AccountId,
    pub(crate) subject: AccountId,
}

/// What happened to a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewEvent {
    pub(crate) about: About,
    pub(crate) what: What,
}

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum What {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl ReviewEvent {
            /// The names of all events of reviews.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }

        impl What {
            const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

events! {
    /// Written, not yet confirmed by its author.
    Submitted = "review.submitted.v1",
    /// Confirmed; a moderator looks at it.
    AwaitsModeration = "review.awaits_moderation.v1",
    /// Confirmed; shown when the other side's is in, or the window is over.
    Held = "review.held.v1",
    /// Everyone can read it.
    Published = "review.published.v1",
    /// Changed by its author while shown.
    Edited = "review.edited.v1",
    /// The reviewed side answered.
    Replied = "review.replied.v1",
    /// A reader reported it.
    Reported = "review.reported.v1",
    /// A moderator hid it.
    Hidden = "review.hidden.v1",
    /// A moderator took that back.
    Restored = "review.restored.v1",
    /// Never confirmed in time.
    Discarded = "review.discarded.v1",
}

impl Event for ReviewEvent {
    fn name(&self) -> &'static str {
        self.what.name()
    }

    fn subject(&self) -> String {
        self.about.id.to_string()
    }

    fn payload(&self) -> Value {
        let About { id, booking, listing, provider, author, subject } = self.about;
        json!({
            "review_id": id,
            "booking_id": booking,
            "listing_id": listing,
            "provider_id": provider,
            "author_account_id": author,
            "subject_account_id": subject,
        })
    }
}

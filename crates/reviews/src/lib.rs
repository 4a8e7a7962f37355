//! Reviews: what the two sides of a completed booking say about one another, and the ratings that
//! come of it.
//!
//! A review is written once per side within the [`Policy::window`], shown only after its author
//! confirmed it (and a moderator, where the marketplace asks for that), and counted in the rating
//! of the listing and its provider in the same transaction that shows or hides it.
//!
//! Where both sides may review, neither sees the other's words before both are in or the window
//! is over ([`Policy::double_blind`]).
//!
//! Everything outside is a port: [`CompletedBookings`] says who took part in what,
//! [`ReviewPictures`] and [`Uploads`] deal with pictures, [`Ratings`] keeps the figures, [`ReviewStore`] opens transactions.

mod command;
mod error;
mod event;
mod moderation;
mod picture;
mod policy;
mod port;
mod rating;
mod reading;
mod review;
mod service;
mod standing;
mod status;
mod text;
mod votes;

#[cfg(feature = "testing")]
pub mod testing;

pub use command::{ChangeReview, WriteReview};
pub use error::ReviewError;
pub use event::ReviewEvent;
pub use moderation::{ModerationQueue, Report};
pub use picture::{
    Arrangement, ChangePictures, NewPicture, PictureError, PictureRef, ReviewPictures, Uploads,
};
pub use policy::Policy;
pub use port::{
    BookingFacts, CompletedBookings, Confirmation, Confirmations, RatedFacts, Ratings,
    ReviewFilter, ReviewPosition, ReviewRepository, ReviewSort, ReviewStore, ReviewTx, Votes,
};
pub use rating::{Rated, Rating, RatingDrift};
pub use reading::{Presented, RatedReviews};
pub use review::{Review, ReviewRecord};
pub use service::{ReviewService, TIMER_KINDS};
pub use status::{Counterpart, Edit, Reply, Side, Status};
pub use text::{Criteria, Reason, ReplyText, ReportNote, ReportReason, ReviewText, Stars};
pub use votes::HelpfulState;

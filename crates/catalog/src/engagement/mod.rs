//! What happens around listings and providers: favourites, views, figures.

mod buffer;
mod figures;
mod port;
mod service;
mod sighting;

pub use buffer::SightingBuffer;
pub use figures::{DailyFigures, Figures, Interval, Point, Span, Statistics, TopListing};
#[cfg(feature = "testing")]
pub use port::MockEngagementStore;
pub use port::{
    BookingStep, CountedBooking, EngagementStore, EngagementTx, Favorite, FavoritePosition,
    FavoriteState, FiguresRepository, Kept,
};
pub use service::EngagementService;
pub use sighting::{Sight, Sighting, Viewer, is_bot};

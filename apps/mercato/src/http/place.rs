use catalog::GivenPlace;
use kernel::Place;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A point on the earth (WGS 84).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlaceView {
    /// Degrees north of the equator.
    #[schema(example = 52.52, minimum = -90, maximum = 90)]
    lat: f64,
    /// Degrees east of Greenwich.
    #[schema(example = 13.4, minimum = -180, maximum = 180)]
    lon: f64,
}

impl From<Place> for PlaceView {
    fn from(place: Place) -> Self {
        Self { lat: place.lat(), lon: place.lon() }
    }
}

impl From<PlaceView> for GivenPlace {
    fn from(place: PlaceView) -> Self {
        let PlaceView { lat, lon } = place;
        Self { lat, lon }
    }
}

use thiserror::Error;

/// A point on the earth in degrees of WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    lat: f64,
    lon: f64,
}

/// Why numbers are not a place or a distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// Latitude outside -90..=90, or not a number.
    #[error("a latitude lies between -90 and 90 degrees")]
    Latitude,
    /// Longitude outside -180..=180, or not a number.
    #[error("a longitude lies between -180 and 180 degrees")]
    Longitude,
    /// A distance that is not positive, or above half the earth's circumference.
    #[error("a distance lies above 0 and up to 20,037 kilometres")]
    Distance,
}

impl Place {
    /// Checks a latitude and a longitude in degrees.
    pub fn new(lat: f64, lon: f64) -> Result<Self, PlaceError> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(PlaceError::Latitude);
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(PlaceError::Longitude);
        }
        Ok(Self { lat, lon })
    }

    /// Degrees north of the equator.
    pub const fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east of Greenwich.
    pub const fn lon(self) -> f64 {
        self.lon
    }
}

/// A distance over ground, in metres.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Distance(f64);

impl Distance {
    /// Metres in a mile (international mile, exact).
    const MILE: f64 = 1_609.344;
    /// Half the earth's circumference: nothing is farther away.
    const MAX: f64 = 20_037_508.0;

    /// So many metres.
    pub fn from_metres(metres: f64) -> Result<Self, PlaceError> {
        if metres > 0.0 && metres <= Self::MAX {
            Ok(Self(metres))
        } else {
            Err(PlaceError::Distance)
        }
    }

    /// So many kilometres.
    pub fn from_kilometres(kilometres: f64) -> Result<Self, PlaceError> {
        Self::from_metres(kilometres * 1_000.0)
    }

    /// So many miles.
    pub fn from_miles(miles: f64) -> Result<Self, PlaceError> {
        Self::from_metres(miles * Self::MILE)
    }

    /// The distance in metres.
    pub const fn metres(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_lies_on_the_earth() {
        assert!(Place::new(52.52, 13.40).is_ok());
        assert_eq!(Place::new(90.1, 0.0), Err(PlaceError::Latitude));
        assert_eq!(Place::new(f64::NAN, 0.0), Err(PlaceError::Latitude));
        assert_eq!(Place::new(0.0, f64::INFINITY), Err(PlaceError::Longitude));
    }

    #[test]
    fn a_distance_is_positive_and_on_this_planet() {
        assert!(Distance::from_kilometres(25.0).is_ok());
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 30_000.0] {
            assert_eq!(Distance::from_kilometres(wrong), Err(PlaceError::Distance));
        }
    }
}

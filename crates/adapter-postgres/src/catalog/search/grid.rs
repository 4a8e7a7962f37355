//! The fields of the grid that `earth_cell` in the database lays over the earth.

use std::collections::BTreeSet;

use catalog::search::Near;
use kernel::Distance;

/// The mean radius of the earth in metres, as in `earth_point`.
const EARTH: f64 = 6_371_008.8;
/// Fields to a degree.
const FINENESS: f64 = 2.0;
/// Fields from west to east.
const AROUND: i32 = 720;
/// Above so many fields, asking for them costs more than it spares.
const MOST: usize = 160;

/// The straight line through the earth, in metres, under so much ground.
pub(super) fn chord(distance: Distance) -> f64 {
    let angle = (distance.metres() / (2.0 * EARTH)).min(std::f64::consts::FRAC_PI_2);
    2.0 * EARTH * angle.sin()
}

/// The ground, in metres, over a straight line through the earth.
pub(super) fn ground(chord: f64) -> f64 {
    2.0 * EARTH * (chord / (2.0 * EARTH)).clamp(0.0, 1.0).asin()
}

/// The fields that hold everything within the distance; `None` if they are too many to name.
pub(super) fn cells(near: &Near) -> Option<Vec<i32>> {
    let distance = near.within?;
    let angle = distance.metres() / EARTH;
    let (lat, lon) = (near.place.lat(), near.place.lon());
    let (south, north) = (lat - angle.to_degrees(), lat + angle.to_degrees());
    if south <= -90.0 || north >= 90.0 {
        return None;
    }
    // How far east the circle reaches at its widest, which is nearer to the pole than its centre.
    let sine = angle.sin() / lat.to_radians().cos();
    if sine >= 1.0 {
        return None;
    }
    let width = sine.asin().to_degrees();
    let rows = index(south + 90.0)?..=index(north + 90.0)?;
    let columns = index(lon - width + 180.0)?..=index(lon + width + 180.0)?;
    let wide = usize::try_from(columns.end() - columns.start() + 1).ok()?;
    let high = usize::try_from(rows.end() - rows.start() + 1).ok()?;
    if wide * high > MOST {
        return None;
    }
    let mut cells = BTreeSet::new();
    for row in rows {
        for column in columns.clone() {
            let column = column.rem_euclid(AROUND);
            cells.insert(row * (AROUND + 1) + column);
            if column == 0 {
                // The longitudes -180 and 180 are one.
                cells.insert(row * (AROUND + 1) + AROUND);
            }
        }
    }
    Some(cells.into_iter().collect())
}

/// The number of a field along one axis, from degrees.
fn index(degrees: f64) -> Option<i32> {
    // Small and whole by now, so that its digits are the number.
    format!("{:.0}", (degrees * FINENESS).floor()).parse().ok()
}

#[cfg(test)]
mod tests {
    use kernel::Place;

    use super::*;

    fn cell(place: Place) -> i32 {
        let row = index(place.lat() + 90.0).unwrap();
        let column = index(place.lon() + 180.0).unwrap();
        row * (AROUND + 1) + column
    }

    fn near(lat: f64, lon: f64, kilometres: f64) -> Near {
        Near {
            place: Place::new(lat, lon).unwrap(),
            within: Some(Distance::from_kilometres(kilometres).unwrap()),
        }
    }

    /// The place so many metres away, in a direction in degrees clockwise from north.
    fn away(from: Place, metres: f64, direction: f64) -> Place {
        let (angle, direction) = (metres / EARTH, direction.to_radians());
        let (lat, lon) = (from.lat().to_radians(), from.lon().to_radians());
        let to_lat = (lat.sin() * angle.cos() + lat.cos() * angle.sin() * direction.cos()).asin();
        let to_lon = lon
            + (direction.sin() * angle.sin() * lat.cos())
                .atan2(angle.cos() - lat.sin() * to_lat.sin());
        let degrees = (to_lon.to_degrees() + 540.0).rem_euclid(360.0) - 180.0;
        Place::new(to_lat.to_degrees(), degrees).unwrap()
    }

    #[test]
    fn every_place_of_the_circle_lies_in_a_field() {
        for (lat, lon) in [(52.5, 13.4), (0.0, 0.0), (-33.9, 151.2), (65.0, 179.9), (40.0, -180.0)]
        {
            let near = near(lat, lon, 60.0);
            let cells = cells(&near).unwrap();
            for direction in 0..72 {
                let place = away(near.place, 59_999.0, f64::from(direction) * 5.0);
                assert!(cells.contains(&cell(place)), "{place:?} around {lat}, {lon}");
            }
            assert!(cells.contains(&cell(near.place)));
            assert!(cells.len() < 40, "{}", cells.len());
        }
    }

    #[test]
    fn too_wide_and_too_polar_circles_have_no_fields() {
        assert_eq!(cells(&near(52.5, 13.4, 2_000.0)), None);
        assert_eq!(cells(&near(89.9, 0.0, 60.0)), None);
        let place = Place::new(1.0, 1.0).unwrap();
        assert_eq!(cells(&Near { place, within: None }), None);
    }

    #[test]
    fn a_chord_and_its_ground_belong_together() {
        for kilometres in [0.1, 25.0, 5_000.0, 20_000.0] {
            let distance = Distance::from_kilometres(kilometres).unwrap();
            assert!((ground(chord(distance)) - distance.metres()).abs() < 1.0);
        }
    }
}

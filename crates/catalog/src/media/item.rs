use std::fmt;
use std::str::FromStr;

use kernel::{Line, MediaId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::{MediaFile, StorageKey};

/// What a picture shows, for those who do not see it.
pub type Alt = Line<1, 300>;

/// A smaller copy of a picture, always WebP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Its size in bytes.
    pub bytes: u64,
    /// Where it lies.
    pub key: StorageKey,
}

/// What is shown instead of the original, once it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// From the narrowest to the widest.
    pub variants: Vec<Variant>,
    /// The colours in a few characters (`BlurHash`), to show while the picture loads.
    pub blur_hash: String,
}

/// A picture or document of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaItem {
    /// Its identity.
    pub id: MediaId,
    /// The file as it was received, without what is not the picture.
    pub file: MediaFile,
    /// What it shows.
    pub alt: Option<Alt>,
    /// Smaller copies; `None` until they are made. A document never has any.
    pub preview: Option<Preview>,
}

/// A file that was checked and stored, but belongs to no listing yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMedia {
    /// The identity it will have.
    pub id: MediaId,
    /// The stored file.
    pub file: MediaFile,
    /// What it shows.
    #[serde(default, serialize_with = "write_alt", deserialize_with = "read_alt")]
    pub alt: Option<Alt>,
}

#[expect(clippy::ref_option, reason = "the signature that serde wants")]
fn write_alt<S: Serializer>(alt: &Option<Alt>, serializer: S) -> Result<S::Ok, S::Error> {
    alt.as_ref().map(Alt::as_str).serialize(serializer)
}

fn read_alt<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Alt>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Alt::from_stored))
}

impl From<NewMedia> for MediaItem {
    fn from(new: NewMedia) -> Self {
        Self { id: new.id, file: new.file, alt: new.alt, preview: None }
    }
}

/// One item of an order: an item of the listing by its id (`med_…`), or the file of the same
/// request by its place among the files (`new:0`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MediaRef {
    /// An item that the listing has.
    Kept(MediaId),
    /// A file of the same request, counted from 0.
    New(usize),
}

/// Why a text refers to no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected the id of an item, `med_…`, or the place of a new file, `new:0`")]
pub struct MediaRefError;

impl FromStr for MediaRef {
    type Err = MediaRefError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("new:") {
            Some(place) => {
                let digits = !place.is_empty() && place.bytes().all(|b| b.is_ascii_digit());
                let place = place.parse().ok().filter(|_| digits);
                place.map(Self::New).ok_or(MediaRefError)
            }
            None => text.parse().map(Self::Kept).map_err(|_| MediaRefError),
        }
    }
}

impl fmt::Display for MediaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept(id) => id.fmt(f),
            Self::New(place) => write!(f, "new:{place}"),
        }
    }
}

impl Serialize for MediaRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MediaRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use kernel::SystemIds;

    use super::*;

    #[test]
    fn an_order_names_items_and_new_files() {
        let id = MediaId::next(&SystemIds);
        for reference in [MediaRef::Kept(id), MediaRef::New(0), MediaRef::New(11)] {
            assert_eq!(reference.to_string().parse(), Ok(reference));
        }
        for wrong in ["", "new:", "new:-1", "new:+1", "new:99999999999999999999999", "lst_1"] {
            assert_eq!(wrong.parse::<MediaRef>(), Err(MediaRefError), "{wrong:?}");
        }
    }
}

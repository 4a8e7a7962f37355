use catalog::media::PixelSize;
use exif::{In, Reader, Tag};

/// How a picture has to be turned to stand upright: 1 (it stands) to 8, as Exif counts. It is the
/// one thing that is kept of the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    pub(super) const UPRIGHT: Self = Self(1);

    /// What Exif data (a TIFF structure) says; upright if it says nothing that can be read.
    pub(super) fn of_exif(tiff: &[u8]) -> Self {
        let read = || {
            let exif = Reader::new().read_raw(tiff.to_vec()).ok()?;
            let value = exif.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0)?;
            u8::try_from(value).ok().filter(|value| (1..=8).contains(value))
        };
        read().map_or(Self::UPRIGHT, Self)
    }

    pub(super) const fn is_upright(self) -> bool {
        self.0 == Self::UPRIGHT.0
    }

    /// Exif data that says this and nothing else.
    pub(super) const fn as_exif(self) -> [u8; 26] {
        let mut tiff = *b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x01\0\0\0\0\0\0\0";
        tiff[18] = self.0;
        tiff
    }

    /// The size of a picture once it stands.
    pub(super) fn apply(self, pixels: PixelSize) -> PixelSize {
        if self.0 >= 5 { pixels.turned() } else { pixels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for value in 1..=8 {
            assert_eq!(Orientation::of_exif(&Orientation(value).as_exif()), Orientation(value));
        }
        assert_eq!(Orientation::of_exif(&Orientation(9).as_exif()), Orientation::UPRIGHT);
        assert_eq!(Orientation::of_exif(b"<html>"), Orientation::UPRIGHT);
    }
}

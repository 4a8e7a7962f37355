//! The four formats: each reads the whole structure of a file without decoding it, and writes it
//! again with what draws the picture and nothing else.

mod avif;
mod boxes;
mod jpeg;
mod orientation;
mod png;
mod webp;

use catalog::media::{FileFault, MediaFormat, PixelSize};

pub(crate) use self::webp::with_profile;

/// A picture without anything that is not the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clean {
    /// The file.
    pub(crate) bytes: Vec<u8>,
    /// Its size as a person sees it.
    pub(crate) pixels: PixelSize,
}

/// Colour profiles of more bytes are dropped; those that cameras write have a few kilobytes.
const MAX_PROFILE: usize = 1024 * 1024;

/// Rewrites a picture. `None` for a format that is no picture.
pub(crate) fn clean(format: MediaFormat, input: &[u8]) -> Option<Result<Clean, FileFault>> {
    match format {
        MediaFormat::Jpeg => Some(jpeg::clean(input)),
        MediaFormat::Png => Some(png::clean(input)),
        MediaFormat::Webp => Some(webp::clean(input)),
        MediaFormat::Avif => Some(avif::clean(input)),
        MediaFormat::Pdf => None,
    }
}

/// The size of a picture, with as little work as its structure allows. `None` for a format that is
/// no picture.
pub(crate) fn measure(format: MediaFormat, input: &[u8]) -> Option<Result<PixelSize, FileFault>> {
    match format {
        MediaFormat::Png => Some(png::measure(input)),
        MediaFormat::Jpeg | MediaFormat::Webp | MediaFormat::Avif | MediaFormat::Pdf => {
            clean(format, input).map(|clean| clean.map(|clean| clean.pixels))
        }
    }
}

/// The next bytes of a file, or the finding that it is cut off.
#[derive(Debug, Clone, Copy)]
struct Reader<'a> {
    input: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    const fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    const fn is_at_end(&self) -> bool {
        self.at >= self.input.len()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], FileFault> {
        let end = self.at.checked_add(length).ok_or(FileFault::Damaged)?;
        let taken = self.input.get(self.at..end).ok_or(FileFault::Damaged)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FileFault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn u8(&mut self) -> Result<u8, FileFault> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16, FileFault> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, FileFault> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn u32_little(&mut self) -> Result<u32, FileFault> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A big-endian number of 0, 1, 2, 4 or 8 bytes, as a position in the file.
    fn number(&mut self, length: u8) -> Result<usize, FileFault> {
        let mut value = 0_u64;
        for byte in self.take(usize::from(length))? {
            value = value.checked_mul(256).ok_or(FileFault::Damaged)? + u64::from(*byte);
        }
        usize::try_from(value).map_err(|_| FileFault::Damaged)
    }
}

fn size(length: u32) -> Result<usize, FileFault> {
    usize::try_from(length).map_err(|_| FileFault::Damaged)
}

fn length_of(part: &[u8]) -> Result<u32, FileFault> {
    u32::try_from(part.len()).map_err(|_| FileFault::Damaged)
}

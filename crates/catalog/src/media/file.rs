use std::fmt;
use std::path::Path;
use std::str::FromStr;

use kernel::Random;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a file is to the people who look at a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Shown in place.
    Picture,
    /// Offered for download.
    Document,
}

impl MediaKind {
    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Document => "document",
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The formats that are accepted, told by their first bytes. Everything else is refused, SVG
/// above all: it is a program, not a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaFormat {
    /// JPEG (ITU-T T.81), baseline or progressive.
    Jpeg,
    /// PNG, not animated.
    Png,
    /// WebP, not animated.
    Webp,
    /// AVIF, not animated.
    Avif,
    /// PDF.
    Pdf,
}

impl MediaFormat {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Jpeg, Self::Png, Self::Webp, Self::Avif, Self::Pdf];

    /// The format that a file of these first bytes claims to be; 16 bytes are enough.
    pub fn of_magic(head: &[u8]) -> Option<Self> {
        if head.starts_with(&[0xFF, 0xD8, 0xFF]) {
            Some(Self::Jpeg)
        } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            Some(Self::Webp)
        } else if head.get(4..12) == Some(b"ftypavif") {
            Some(Self::Avif)
        } else if head.starts_with(b"%PDF-") {
            Some(Self::Pdf)
        } else {
            None
        }
    }

    /// What it is to people.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Jpeg | Self::Png | Self::Webp | Self::Avif => MediaKind::Picture,
            Self::Pdf => MediaKind::Document,
        }
    }

    /// Its media type (IANA).
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Pdf => "application/pdf",
        }
    }

    /// The end of its storage keys.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Pdf => "pdf",
        }
    }

    /// The format behind the end of a storage key.
    pub fn of_extension(extension: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.extension() == extension)
    }
}

/// Width and height as a person sees them, in pixels; both at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelSize {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

impl PixelSize {
    /// The greatest area that is accepted: 50 megapixels. It is read from the header, before
    /// anything is decoded.
    pub const MAX_AREA: u64 = 50_000_000;

    /// The longest side that is accepted: what WebP can hold.
    pub const MAX_SIDE: u32 = 16_383;

    /// The number of pixels.
    pub fn area(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Whether a picture of this size is accepted.
    pub fn is_acceptable(self) -> bool {
        self.area() > 0
            && self.area() <= Self::MAX_AREA
            && self.width.max(self.height) <= Self::MAX_SIDE
    }

    /// The size after a quarter turn.
    #[must_use]
    pub const fn turned(self) -> Self {
        Self { width: self.height, height: self.width }
    }
}

/// Where an object lies in the object store. It holds 128 random bits, so that nobody can guess
/// it, and nothing of the name that the file once had.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StorageKey(String);

/// Why a text is not a storage key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("this is not the key of a stored file")]
pub struct StorageKeyError;

impl StorageKey {
    /// Hexadecimal digits of a key, without the slash that parts the folder from the name.
    const DIGITS: usize = 32;

    /// A new key for a file of this format, such as `3f/9a…e1.webp`.
    pub fn generate(random: &dyn Random, format: MediaFormat) -> Self {
        let mut bytes = [0; Self::DIGITS / 2];
        random.fill(&mut bytes);
        let digits = format!("{:032x}", u128::from_be_bytes(bytes));
        let (folder, name) = digits.split_at(2);
        Self(format!("{folder}/{name}.{}", format.extension()))
    }

    /// The bare key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The format of the object, from the end of its key.
    pub fn format(&self) -> MediaFormat {
        self.0
            .rsplit_once('.')
            .and_then(|(_, extension)| MediaFormat::of_extension(extension))
            .expect("a key ends with the extension of a format: both ways to make one see to it")
    }
}

impl FromStr for StorageKey {
    type Err = StorageKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hex =
            |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let (folder, file) = text.split_once('/').ok_or(StorageKeyError)?;
        let (name, extension) = file.split_once('.').ok_or(StorageKeyError)?;
        let sound = folder.len() == 2
            && name.len() == Self::DIGITS - 2
            && is_hex(folder)
            && is_hex(name)
            && MediaFormat::of_extension(extension).is_some();
        if sound { Ok(Self(text.to_owned())) } else { Err(StorageKeyError) }
    }
}

impl TryFrom<String> for StorageKey {
    type Error = StorageKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StorageKey> for String {
    fn from(key: StorageKey) -> Self {
        key.0
    }
}

impl fmt::Display for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file in the object store, and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaFile {
    /// Where it lies.
    pub key: StorageKey,
    /// What it is.
    pub format: MediaFormat,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its size in pixels, for a picture.
    pub pixels: Option<PixelSize>,
}

/// A file on the local disk that belongs to this value. Made from a temporary path it is deleted
/// when the value is dropped.
pub struct LocalFile {
    path: Box<dyn AsRef<Path> + Send + Sync>,
    bytes: u64,
}

impl LocalFile {
    /// The file at this path, of this size.
    pub fn new(path: impl AsRef<Path> + Send + Sync + 'static, bytes: u64) -> Self {
        Self { path: Box::new(path), bytes }
    }

    /// Where it lies. Nothing of the name that a client gave is in it.
    pub fn path(&self) -> &Path {
        (*self.path).as_ref()
    }

    /// Its size in bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl fmt::Debug for LocalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalFile").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use kernel::SystemRandom;

    use super::*;

    #[test]
    fn a_key_survives_its_text_and_tells_its_format() {
        for format in MediaFormat::ALL {
            let key = StorageKey::generate(&SystemRandom, *format);

            assert_eq!(key.as_str().parse(), Ok(key.clone()));
            assert_eq!(key.format(), *format);
        }
    }

    #[test]
    fn a_text_that_leads_elsewhere_is_not_a_key() {
        let name = "a".repeat(30);
        for wrong in [
            String::new(),
            "../../etc/passwd".to_owned(),
            format!("../{name}.jpg"),
            format!("aa/{name}.svg"),
            format!("aa/{name}.jpg.html"),
            format!("aa//{name}.jpg"),
            format!("AA/{name}.jpg"),
            format!("aa/{name}.jpg\0"),
            format!("aa/{}.jpg", "..".repeat(15)),
        ] {
            assert_eq!(wrong.parse::<StorageKey>(), Err(StorageKeyError), "{wrong:?}");
        }
    }

    #[test]
    fn the_first_bytes_tell_the_format() {
        let of = MediaFormat::of_magic;
        assert_eq!(of(b"\xFF\xD8\xFF\xE0"), Some(MediaFormat::Jpeg));
        assert_eq!(of(b"\x89PNG\r\n\x1a\n"), Some(MediaFormat::Png));
        assert_eq!(of(b"RIFF\x10\0\0\0WEBPVP8 "), Some(MediaFormat::Webp));
        assert_eq!(of(b"\0\0\0\x20ftypavif"), Some(MediaFormat::Avif));
        assert_eq!(of(b"%PDF-1.7"), Some(MediaFormat::Pdf));
        for other in [
            &b"<svg xmlns="[..],
            b"GIF89a",
            b"RIFF\x10\0\0\0WAVE",
            b"\0\0\0\x20ftypheic",
            b"",
            b"PK\x03\x04",
        ] {
            assert_eq!(of(other), None);
        }
    }
}

//! Smaller copies and the blur hash.

use std::io::{Cursor, Write};
use std::path::Path;

use catalog::media::{
    FileFault, LocalFile, MediaFormat, PictureError, PixelSize, RenderedPreview, RenderedVariant,
    Shape,
};
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use crate::format::with_profile;

/// The widths of variants, in pixels. A narrower picture gets one of its own width.
const WIDTHS: [u32; 3] = [320, 960, 1920];

/// The sides of square variants, in pixels.
const SIDES: [u32; 3] = [96, 320, 960];

/// Where a person stops seeing the difference, for photographs.
const QUALITY: f32 = 80.0;

/// The most memory that decoding may take: 50 megapixels of 8 bytes, and some.
const MAX_MEMORY: u64 = 448 * 1024 * 1024;

/// The longest side of the picture that the blur hash is made from.
const BLUR_SIDE: u32 = 64;

pub(crate) fn render(
    file: &Path,
    format: MediaFormat,
    shape: Shape,
) -> Result<Option<RenderedPreview>, PictureError> {
    let format = match format {
        MediaFormat::Jpeg => ImageFormat::Jpeg,
        MediaFormat::Png => ImageFormat::Png,
        MediaFormat::Webp => ImageFormat::WebP,
        MediaFormat::Avif | MediaFormat::Pdf => return Ok(None),
    };
    let (mut picture, profile) = decode(&std::fs::read(file)?, format)?;
    let widths = match shape {
        Shape::Whole => WIDTHS,
        Shape::Square => {
            picture = square(&picture);
            SIDES
        }
    };
    let full = PixelSize { width: picture.width(), height: picture.height() };

    let mut widths: Vec<u32> = widths.iter().map(|width| (*width).min(full.width)).collect();
    widths.dedup();
    let mut variants = Vec::with_capacity(widths.len());
    // From the widest down: each is made from the one before, which is small already.
    for width in widths.into_iter().rev() {
        let pixels = PixelSize { width, height: height_at(full, width) };
        if width < picture.width() {
            picture = picture.resize_exact(pixels.width, pixels.height, FilterType::CatmullRom);
        }
        variants.push(RenderedVariant { file: encode(&picture, profile.as_deref())?, pixels });
    }
    variants.reverse();

    let small = picture.thumbnail(BLUR_SIDE, BLUR_SIDE).to_rgba8();
    let blur_hash = blurhash::encode(4, 3, small.width(), small.height(), small.as_raw())
        .map_err(|_| FileFault::Damaged)?;
    Ok(Some(RenderedPreview { variants, blur_hash }))
}

/// The square in the middle.
fn square(picture: &DynamicImage) -> DynamicImage {
    let (width, height) = (picture.width(), picture.height());
    let side = width.min(height);
    picture.crop_imm((width - side) / 2, (height - side) / 2, side, side)
}

fn height_at(full: PixelSize, width: u32) -> u32 {
    let scaled = u64::from(full.height) * u64::from(width) / u64::from(full.width.max(1));
    u32::try_from(scaled).unwrap_or(full.height).max(1)
}

/// The upright picture, and the colour profile its numbers are meant in.
fn decode(
    bytes: &[u8],
    format: ImageFormat,
) -> Result<(DynamicImage, Option<Vec<u8>>), PictureError> {
    let damaged = |_| FileFault::Damaged;
    let mut limits = Limits::default();
    limits.max_image_width = Some(PixelSize::MAX_SIDE);
    limits.max_image_height = Some(PixelSize::MAX_SIDE);
    limits.max_alloc = Some(MAX_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| is_rgb(profile));
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Ok((picture, profile))
}

/// Variants are RGB; a profile for other channels would turn them into something else.
fn is_rgb(profile: &[u8]) -> bool {
    profile.get(16..20) == Some(b"RGB ") && profile.get(36..40) == Some(b"acsp")
}

fn encode(picture: &DynamicImage, profile: Option<&[u8]>) -> Result<LocalFile, PictureError> {
    let (width, height) = (picture.width(), picture.height());
    let encoded = if picture.color().has_alpha() {
        let pixels = picture.to_rgba8();
        webp::Encoder::from_rgba(&pixels, width, height).encode_simple(false, QUALITY)
    } else {
        let pixels = picture.to_rgb8();
        webp::Encoder::from_rgb(&pixels, width, height).encode_simple(false, QUALITY)
    };
    let encoded = encoded.map_err(|_| FileFault::Damaged)?;
    match profile {
        Some(profile) => keep(&with_profile(&encoded, profile, PixelSize { width, height })?),
        None => keep(&encoded),
    }
}

/// A temporary file with this content.
pub(crate) fn keep(bytes: &[u8]) -> Result<LocalFile, PictureError> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(bytes)?;
    let length = u64::try_from(bytes.len()).map_err(|_| FileFault::Damaged)?;
    Ok(LocalFile::new(file.into_temp_path(), length))
}

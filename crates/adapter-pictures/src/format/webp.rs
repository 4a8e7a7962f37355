//! WebP (RFC 9649): chunks in a RIFF container.

use catalog::media::{FileFault, PixelSize};

use super::orientation::Orientation;
use super::{Clean, MAX_PROFILE, Reader, length_of, size};

const PROFILE_FLAG: u8 = 0b0010_0000;
const ALPHA_FLAG: u8 = 0b0001_0000;
const EXIF_FLAG: u8 = 0b0000_1000;

pub(super) fn clean(input: &[u8]) -> Result<Clean, FileFault> {
    let mut reader = Reader::new(input);
    let riff = reader.array::<4>()?;
    let length = size(reader.u32_little()?)?;
    let mut reader = Reader::new(reader.take(length)?);
    if &riff != b"RIFF" || &reader.array()? != b"WEBP" {
        return Err(FileFault::Damaged);
    }
    let mut canvas = None;
    let mut alpha_flag = 0;
    let mut profile = None;
    let mut alpha = None;
    let mut image = None;
    let mut orientation = Orientation::UPRIGHT;
    while !reader.is_at_end() {
        let name = reader.array::<4>()?;
        let length = size(reader.u32_little()?)?;
        let payload = reader.take(length)?;
        if length % 2 == 1 && !reader.is_at_end() {
            reader.u8()?;
        }
        match &name {
            b"VP8X" => {
                let (flags, pixels) = extended(payload)?;
                alpha_flag = flags & ALPHA_FLAG;
                canvas = Some(pixels);
            }
            b"VP8 " | b"VP8L" => {
                let pixels = if name[3] == b'L' { lossless(payload)? } else { lossy(payload)? };
                if image.replace((name, payload, pixels)).is_some() {
                    return Err(FileFault::Damaged);
                }
            }
            b"ALPH" => alpha = Some(payload),
            b"ICCP" if payload.len() <= MAX_PROFILE => profile = Some(payload),
            // Some writers begin it as JPEG does.
            b"EXIF" => {
                let tiff = payload.strip_prefix(b"Exif\0\0").unwrap_or(payload);
                orientation = Orientation::of_exif(tiff);
            }
            b"ANIM" | b"ANMF" => return Err(FileFault::Animated),
            _ => {}
        }
    }
    let (name, payload, pixels) = image.ok_or(FileFault::Damaged)?;
    if canvas.is_some_and(|canvas| canvas != pixels) {
        return Err(FileFault::Damaged);
    }

    let mut chunks = b"WEBP".to_vec();
    if canvas.is_some() {
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags = alpha_flag
            | flag(profile.is_some(), PROFILE_FLAG)
            | flag(alpha.is_some(), ALPHA_FLAG)
            | flag(!orientation.is_upright(), EXIF_FLAG);
        chunk(&mut chunks, *b"VP8X", &extension(flags, pixels))?;
        if let Some(profile) = profile {
            chunk(&mut chunks, *b"ICCP", profile)?;
        }
        if let Some(alpha) = alpha.filter(|_| &name == b"VP8 ") {
            chunk(&mut chunks, *b"ALPH", alpha)?;
        }
    }
    chunk(&mut chunks, name, payload)?;
    if canvas.is_some() && !orientation.is_upright() {
        chunk(&mut chunks, *b"EXIF", &orientation.as_exif())?;
    }
    let shown = if canvas.is_some() { orientation.apply(pixels) } else { pixels };
    Ok(Clean { bytes: riff_of(&chunks)?, pixels: shown })
}

/// Puts a colour profile into a simple lossy file, as the encoder writes it.
pub(crate) fn with_profile(
    file: &[u8],
    profile: &[u8],
    pixels: PixelSize,
) -> Result<Vec<u8>, FileFault> {
    let image = file.get(12..).ok_or(FileFault::Damaged)?;
    // With transparency the encoder has written the extension itself; its profile comes after it.
    let (flags, rest) = if image.starts_with(b"VP8X") {
        (image.get(8).copied().unwrap_or_default(), image.get(18..).unwrap_or_default())
    } else {
        (0, image)
    };
    let mut chunks = b"WEBP".to_vec();
    chunk(&mut chunks, *b"VP8X", &extension(flags | PROFILE_FLAG, pixels))?;
    chunk(&mut chunks, *b"ICCP", profile)?;
    chunks.extend_from_slice(rest);
    riff_of(&chunks)
}

fn riff_of(chunks: &[u8]) -> Result<Vec<u8>, FileFault> {
    let mut bytes = b"RIFF".to_vec();
    bytes.extend_from_slice(&length_of(chunks)?.to_le_bytes());
    bytes.extend_from_slice(chunks);
    Ok(bytes)
}

fn chunk(out: &mut Vec<u8>, name: [u8; 4], payload: &[u8]) -> Result<(), FileFault> {
    out.extend_from_slice(&name);
    out.extend_from_slice(&length_of(payload)?.to_le_bytes());
    out.extend_from_slice(payload);
    if payload.len() % 2 == 1 {
        out.push(0);
    }
    Ok(())
}

fn extension(flags: u8, pixels: PixelSize) -> [u8; 10] {
    let [width, height] =
        [pixels.width, pixels.height].map(|side| side.saturating_sub(1).to_le_bytes());
    [flags, 0, 0, 0, width[0], width[1], width[2], height[0], height[1], height[2]]
}

fn extended(payload: &[u8]) -> Result<(u8, PixelSize), FileFault> {
    let mut reader = Reader::new(payload);
    let [flags, _, _, _] = reader.array()?;
    let mut side = || -> Result<u32, FileFault> {
        let [low, middle, high] = reader.array()?;
        Ok(u32::from_le_bytes([low, middle, high, 0]) + 1)
    };
    Ok((flags, PixelSize { width: side()?, height: side()? }))
}

/// RFC 6386, section 9.1.
fn lossy(payload: &[u8]) -> Result<PixelSize, FileFault> {
    let mut reader = Reader::new(payload);
    let [_, _, _, start @ ..] = reader.array::<6>()?;
    if start != [0x9D, 0x01, 0x2A] {
        return Err(FileFault::Damaged);
    }
    let mut side = || -> Result<u32, FileFault> {
        Ok(u32::from(u16::from_le_bytes(reader.array()?) & 0x3FFF))
    };
    sized(side()?, side()?)
}

/// RFC 9649, section 3.4.
fn lossless(payload: &[u8]) -> Result<PixelSize, FileFault> {
    let [signature, a, b, c, d] = Reader::new(payload).array()?;
    if signature != 0x2F {
        return Err(FileFault::Damaged);
    }
    let bits = u32::from_le_bytes([a, b, c, d]);
    sized((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
}

const fn sized(width: u32, height: u32) -> Result<PixelSize, FileFault> {
    if width == 0 || height == 0 {
        return Err(FileFault::Damaged);
    }
    Ok(PixelSize { width, height })
}

//! JPEG (ITU-T T.81): a list of segments, between them compressed scans.

use catalog::media::{FileFault, PixelSize};

use super::orientation::Orientation;
use super::{Clean, MAX_PROFILE, Reader};

const START: [u8; 2] = [0xFF, 0xD8];
const END: [u8; 2] = [0xFF, 0xD9];
const PROFILE: &[u8] = b"ICC_PROFILE\0";

/// A picture of a camera has up to a dozen scans. Thousands of empty ones cost a decoder hours.
const MAX_SCANS: usize = 64;

pub(super) fn clean(input: &[u8]) -> Result<Clean, FileFault> {
    let mut reader = Reader::new(input);
    if reader.array()? != START {
        return Err(FileFault::Damaged);
    }
    let mut orientation = Orientation::UPRIGHT;
    let mut pixels = None;
    let mut header = None;
    let mut profile = 0;
    let mut scans = 0;
    let mut body = Vec::with_capacity(input.len());
    loop {
        let marker = marker(&mut reader)?;
        if marker == END[1] {
            break;
        }
        let length = usize::from(reader.u16()?).checked_sub(2).ok_or(FileFault::Damaged)?;
        let payload = reader.take(length)?;
        match marker {
            // Tables, restart interval, number of lines.
            0xC4 | 0xDB | 0xDC | 0xDD => segment(&mut body, marker, payload)?,
            // Frames: baseline, extended, progressive. The others no browser shows.
            0xC0..=0xC2 => {
                if pixels.replace(frame(payload)?).is_some() {
                    return Err(FileFault::Damaged);
                }
                segment(&mut body, marker, payload)?;
            }
            0xDA => {
                scans += 1;
                if scans > MAX_SCANS || pixels.is_none() {
                    return Err(FileFault::Damaged);
                }
                segment(&mut body, marker, payload)?;
                body.extend_from_slice(scan(&mut reader)?);
            }
            // The density, without the small picture that may follow it.
            0xE0 if payload.starts_with(b"JFIF\0") && payload.len() >= 14 => {
                let mut density = payload[..14].to_vec();
                density[12..].fill(0);
                header.get_or_insert(density);
            }
            0xE1 => {
                if let Some(tiff) = payload.strip_prefix(b"Exif\0\0")
                    && orientation.is_upright()
                {
                    orientation = Orientation::of_exif(tiff);
                }
            }
            0xE2 if payload.starts_with(PROFILE) && scans == 0 => {
                profile += payload.len();
                if profile <= MAX_PROFILE {
                    segment(&mut body, marker, payload)?;
                }
            }
            // What the three or four channels mean.
            0xEE if payload.starts_with(b"Adobe") && payload.len() >= 12 => {
                segment(&mut body, marker, &payload[..12])?;
            }
            // Other application data, and comments.
            0xE0..=0xEF | 0xFE => {}
            _ => return Err(FileFault::Damaged),
        }
    }
    let pixels = pixels.filter(|_| scans > 0).ok_or(FileFault::Damaged)?;

    let mut bytes = START.to_vec();
    if let Some(density) = header {
        segment(&mut bytes, 0xE0, &density)?;
    }
    if !orientation.is_upright() {
        let exif = [&b"Exif\0\0"[..], &orientation.as_exif()].concat();
        segment(&mut bytes, 0xE1, &exif)?;
    }
    bytes.append(&mut body);
    bytes.extend_from_slice(&END);
    Ok(Clean { bytes, pixels: orientation.apply(pixels) })
}

/// The next marker; any number of fill bytes may stand before it.
fn marker(reader: &mut Reader<'_>) -> Result<u8, FileFault> {
    if reader.u8()? != 0xFF {
        return Err(FileFault::Damaged);
    }
    loop {
        match reader.u8()? {
            0xFF => {}
            marker => return Ok(marker),
        }
    }
}

fn segment(out: &mut Vec<u8>, marker: u8, payload: &[u8]) -> Result<(), FileFault> {
    let length = u16::try_from(payload.len() + 2).map_err(|_| FileFault::Damaged)?;
    out.extend_from_slice(&[0xFF, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
    Ok(())
}

fn frame(payload: &[u8]) -> Result<PixelSize, FileFault> {
    let mut reader = Reader::new(payload);
    let precision = reader.u8()?;
    let height = reader.u16()?;
    let width = reader.u16()?;
    let channels = reader.u8()?;
    if precision != 8 || width == 0 || height == 0 || !matches!(channels, 1 | 3 | 4) {
        return Err(FileFault::Damaged);
    }
    Ok(PixelSize { width: width.into(), height: height.into() })
}

/// The compressed bytes up to the next marker. In them 0xFF is followed by 0 or a restart marker.
fn scan<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], FileFault> {
    let start = reader.at;
    loop {
        let rest = &reader.input[reader.at..];
        let offset = rest.iter().position(|byte| *byte == 0xFF).ok_or(FileFault::Damaged)?;
        match rest.get(offset + 1) {
            Some(0x00 | 0xD0..=0xD7) => reader.at += offset + 2,
            Some(_) => {
                reader.at += offset;
                return Ok(&reader.input[start..reader.at]);
            }
            None => return Err(FileFault::Damaged),
        }
    }
}

//! PNG (third edition): a signature and chunks, each with a checksum.

use catalog::media::{FileFault, PixelSize};
use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::orientation::Orientation;
use super::{Clean, MAX_PROFILE, Reader, length_of, size};

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

struct Header {
    width: u32,
    height: u32,
    bits_per_pixel: u64,
    interlaced: bool,
}

/// A file as it was read, with nothing inflated.
struct Chunks {
    /// The signature and the chunks that stand before the pixels.
    head: Vec<u8>,
    header: Header,
    orientation: Orientation,
    /// The pixels.
    compressed: Vec<u8>,
}

impl Chunks {
    fn pixels(&self) -> PixelSize {
        let Header { width, height, .. } = self.header;
        self.orientation.apply(PixelSize { width, height })
    }
}

/// The size alone, without looking at the pixels.
pub(super) fn measure(input: &[u8]) -> Result<PixelSize, FileFault> {
    read(input).map(|chunks| chunks.pixels())
}

pub(super) fn clean(input: &[u8]) -> Result<Clean, FileFault> {
    let chunks = read(input)?;
    let pixels = chunks.pixels();
    let Chunks { head: mut bytes, header, orientation, compressed } = chunks;
    let used = inflate(&compressed, expected_bytes(&header))?;
    if !orientation.is_upright() {
        chunk(&mut bytes, *b"eXIf", &orientation.as_exif())?;
    }
    chunk(&mut bytes, *b"IDAT", &compressed[..used])?;
    chunk(&mut bytes, *b"IEND", &[])?;
    Ok(Clean { bytes, pixels })
}

fn read(input: &[u8]) -> Result<Chunks, FileFault> {
    let mut reader = Reader::new(input);
    if &reader.array()? != SIGNATURE {
        return Err(FileFault::Damaged);
    }
    let mut head = SIGNATURE.to_vec();
    let mut header = None;
    let mut orientation = Orientation::UPRIGHT;
    let mut compressed = Vec::new();
    loop {
        let length = size(reader.u32()?)?;
        let name = reader.array::<4>()?;
        let payload = reader.take(length)?;
        if reader.u32()? != checksum(name, payload) {
            return Err(FileFault::Damaged);
        }
        match &name {
            b"IHDR" => {
                if header.is_some() {
                    return Err(FileFault::Damaged);
                }
                let parsed = parse(payload)?;
                let pixels = PixelSize { width: parsed.width, height: parsed.height };
                if !pixels.is_acceptable() {
                    return Err(FileFault::TooManyPixels(pixels));
                }
                header = Some(parsed);
                chunk(&mut head, name, payload)?;
            }
            _ if header.is_none() => return Err(FileFault::Damaged),
            b"IDAT" => compressed.extend_from_slice(payload),
            b"IEND" => break,
            b"acTL" => return Err(FileFault::Animated),
            b"eXIf" => orientation = Orientation::of_exif(payload),
            // What the numbers mean as colours; it stands before the pixels.
            b"PLTE" | b"tRNS" | b"gAMA" | b"cHRM" | b"sRGB" | b"sBIT" | b"cICP"
                if compressed.is_empty() =>
            {
                chunk(&mut head, name, payload)?;
            }
            b"iCCP" if compressed.is_empty() && payload.len() <= MAX_PROFILE => {
                chunk(&mut head, name, payload)?;
            }
            // A chunk that must be understood, and is not.
            [first, ..] if first.is_ascii_uppercase() && &name != b"PLTE" => {
                return Err(FileFault::Damaged);
            }
            _ => {}
        }
    }
    let header = header.ok_or(FileFault::Damaged)?;
    Ok(Chunks { head, header, orientation, compressed })
}

fn parse(payload: &[u8]) -> Result<Header, FileFault> {
    let mut reader = Reader::new(payload);
    let width = reader.u32()?;
    let height = reader.u32()?;
    let depth = reader.u8()?;
    let channels = match (reader.u8()?, depth) {
        (0, 1 | 2 | 4 | 8 | 16) | (3, 1 | 2 | 4 | 8) => 1,
        (2, 8 | 16) => 3,
        (4, 8 | 16) => 2,
        (6, 8 | 16) => 4,
        _ => return Err(FileFault::Damaged),
    };
    let [compression, filter, interlace] = reader.array()?;
    if compression != 0 || filter != 0 || interlace > 1 || !reader.is_at_end() {
        return Err(FileFault::Damaged);
    }
    let bits_per_pixel = u64::from(depth) * channels;
    Ok(Header { width, height, bits_per_pixel, interlaced: interlace == 1 })
}

/// How many bytes the pixels have: every line begins with a byte of its own.
fn expected_bytes(header: &Header) -> u64 {
    let Header { width, height, bits_per_pixel, interlaced } = header;
    let image = |width: u64, height: u64| {
        if width == 0 { 0 } else { height * (1 + (width * bits_per_pixel).div_ceil(8)) }
    };
    let (width, height) = (u64::from(*width), u64::from(*height));
    if !interlaced {
        return image(width, height);
    }
    // The seven passes of Adam7: first column and row, step to the next.
    [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ]
    .into_iter()
    .map(|(x, y, step_x, step_y): (u64, u64, u64, u64)| {
        image(width.saturating_sub(x).div_ceil(step_x), height.saturating_sub(y).div_ceil(step_y))
    })
    .sum()
}

/// Inflates without keeping anything: the stream must end after exactly the expected bytes. Says
/// how much of the input it was; what follows is not the picture.
fn inflate(compressed: &[u8], expected: u64) -> Result<usize, FileFault> {
    let mut stream = Decompress::new(true);
    let mut sink = vec![0; 64 * 1024];
    loop {
        let consumed = usize::try_from(stream.total_in()).map_err(|_| FileFault::Damaged)?;
        let before = (stream.total_in(), stream.total_out());
        let status = stream
            .decompress(&compressed[consumed..], &mut sink, FlushDecompress::None)
            .map_err(|_| FileFault::Damaged)?;
        if stream.total_out() > expected {
            return Err(FileFault::Damaged);
        }
        match status {
            Status::StreamEnd if stream.total_out() == expected => {
                return usize::try_from(stream.total_in()).map_err(|_| FileFault::Damaged);
            }
            Status::StreamEnd => return Err(FileFault::Damaged),
            Status::Ok | Status::BufError => {
                if before == (stream.total_in(), stream.total_out()) {
                    return Err(FileFault::Damaged);
                }
            }
        }
    }
}

fn checksum(name: [u8; 4], payload: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(&name);
    crc.update(payload);
    crc.sum()
}

fn chunk(out: &mut Vec<u8>, name: [u8; 4], payload: &[u8]) -> Result<(), FileFault> {
    out.extend_from_slice(&length_of(payload)?.to_be_bytes());
    out.extend_from_slice(&name);
    out.extend_from_slice(payload);
    out.extend_from_slice(&checksum(name, payload).to_be_bytes());
    Ok(())
}

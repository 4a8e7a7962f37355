use reqwest::multipart::{Form, Part};
use serde_json::Value;

/// A photograph (JPEG, 640×480) that tells the camera and the place it was taken at.
pub const PHOTOGRAPH: &[u8] = include_bytes!("../pictures/room.jpg");

/// A picture (PNG, 64×48) of one colour; another one for every number.
pub fn picture(number: u8) -> Vec<u8> {
    const WIDTH: u32 = 64;
    const HEIGHT: u32 = 48;
    let row = |row: u8| {
        let filter = std::iter::once(0);
        filter.chain((0..64).flat_map(move |_| [number.wrapping_mul(37), row, 128]))
    };
    let pixels: Vec<u8> = (0..48).flat_map(row).collect();
    let mut header = Vec::new();
    header.extend(WIDTH.to_be_bytes());
    header.extend(HEIGHT.to_be_bytes());
    // Eight bits each of red, green and blue.
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.extend(chunk(*b"IHDR", &header));
    png.extend(chunk(*b"IDAT", &stored(&pixels)));
    png.extend(chunk(*b"IEND", &[]));
    png
}

/// A listing's form: the JSON in `data`, and files.
pub fn form(data: &Value, files: &[Vec<u8>]) -> Form {
    let json = Part::text(data.to_string()).mime_str("application/json");
    with_files(Form::new().part("data", json.expect("a media type")), files)
}

/// A form of files alone.
pub fn files(files: &[Vec<u8>]) -> Form {
    with_files(Form::new(), files)
}

fn with_files(form: Form, files: &[Vec<u8>]) -> Form {
    files.iter().enumerate().fold(form, |form, (number, file)| {
        form.part("media", Part::bytes(file.clone()).file_name(format!("picture-{number}")))
    })
}

/// A part of a PNG file: length, kind, content, CRC-32 of kind and content.
fn chunk(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("the picture is small");
    let mut chunk = length.to_be_bytes().to_vec();
    chunk.extend(kind);
    chunk.extend(content);
    let sum = chunk[4..].iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
        })
    });
    chunk.extend((!sum).to_be_bytes());
    chunk
}

/// A zlib stream that compresses nothing (RFC 1950, RFC 1951).
fn stored(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("one block holds the picture");
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(content);
    let (low, high) = content.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    stream.extend(((high << 16) | low).to_be_bytes());
    stream
}

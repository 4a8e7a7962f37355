use std::io::Write;
use std::path::Path;

use catalog::media::{
    FileFault, MediaFormat, PictureError, PictureReader, PixelSize, Probe, RenderedPreview, Shape,
};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use proptest::prelude::*;

use crate::Pictures;
use crate::format::{Clean, clean};

/// Made by Pillow: 48 x 32 pixels, Exif with a place and a description, XMP.
const AVIF: &[u8] = include_bytes!("../tests/fixtures/described.avif");
const HTML: &[u8] = b"<html><script>alert('secret')</script></html>";
const PICTURES: [MediaFormat; 4] =
    [MediaFormat::Jpeg, MediaFormat::Png, MediaFormat::Webp, MediaFormat::Avif];

fn drawn(width: u32, height: u32) -> DynamicImage {
    let colour = |value: u32| u8::try_from(value % 256).unwrap();
    RgbImage::from_fn(width, height, |x, y| Rgb([colour(x * 3), colour(y * 5), colour(x + y)]))
        .into()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_to(&mut std::io::Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// A picture of 48 x 32 pixels as its format's simplest file.
fn plain(format: MediaFormat) -> Vec<u8> {
    let of = |format| encoded(&drawn(48, 32), format);
    match format {
        MediaFormat::Jpeg => of(ImageFormat::Jpeg),
        MediaFormat::Png => of(ImageFormat::Png),
        MediaFormat::Webp => of(ImageFormat::WebP),
        MediaFormat::Avif => AVIF.to_vec(),
        MediaFormat::Pdf => b"%PDF-1.4".to_vec(),
    }
}

/// Exif data with an orientation, a description and a place.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x03".to_vec();
    tiff.extend(b"\x01\x0e\0\x02\0\0\0\x07\0\0\0\x50");
    tiff.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    tiff.extend(b"\x88\x25\0\x04\0\0\0\x01\0\0\0\x32\0\0\0\0");
    tiff.extend(b"\0\x01\0\x01\0\x02\0\0\0\x02N\0\0\0\0\0\0\0");
    tiff.resize(0x50, 0);
    tiff.extend(b"secret\0");
    tiff
}

fn chunk(name: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(&name);
    crc.update(payload);
    let length = u32::try_from(payload.len()).unwrap();
    [&length.to_be_bytes()[..], &name, payload, &crc.sum().to_be_bytes()].concat()
}

fn riff(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, payload) in chunks {
        body.extend_from_slice(*name);
        body.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        body.extend_from_slice(payload);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    let length = u32::try_from(body.len()).unwrap();
    [b"RIFF", &length.to_le_bytes()[..], &body].concat()
}

/// The same picture with a description, a place, an order to turn it, comments, and more behind
/// its end: whatever its format has room for.
fn loaded(format: MediaFormat) -> Vec<u8> {
    let plain = plain(format);
    match format {
        MediaFormat::Jpeg => {
            let segment = |marker: u8, payload: &[u8]| {
                let length = u16::try_from(payload.len() + 2).unwrap().to_be_bytes();
                [&[0xFF, marker], &length[..], payload].concat()
            };
            [
                &plain[..2],
                &segment(0xE1, &[b"Exif\0\0", &exif(6)[..]].concat()),
                &segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<secret/>"),
                &segment(0xED, b"Photoshop 3.0\0secret"),
                &segment(0xFE, HTML),
                &plain[2..],
                HTML,
            ]
            .concat()
        }
        MediaFormat::Png => {
            let end = plain.len() - 12;
            [
                &plain[..33],
                &chunk(*b"tEXt", b"Comment\0secret"),
                &chunk(*b"eXIf", &exif(6)),
                &chunk(*b"htMl", HTML),
                &plain[33..end],
                &chunk(*b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0secret"),
                &plain[end..],
                HTML,
            ]
            .concat()
        }
        MediaFormat::Webp => {
            let canvas = [0b0000_1100, 0, 0, 0, 47, 0, 0, 31, 0, 0];
            let file = riff(&[
                (b"VP8X", &canvas),
                (b"VP8L", &plain[20..]),
                (b"EXIF", &exif(6)),
                (b"XMP ", b"<secret/>"),
                (b"html", HTML),
            ]);
            [&file, HTML].concat()
        }
        MediaFormat::Avif => {
            let length = u32::try_from(HTML.len() + 8).unwrap();
            [AVIF, &length.to_be_bytes()[..], b"html", HTML].concat()
        }
        MediaFormat::Pdf => plain,
    }
}

fn cleaned(format: MediaFormat, input: &[u8]) -> Result<Clean, FileFault> {
    clean(format, input).expect("a picture")
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn nothing_but_the_picture_stays() {
    for format in PICTURES {
        let loaded = loaded(format);
        assert!(holds(&loaded, b"secret"));

        let clean = cleaned(format, &loaded).unwrap();

        for trace in [&b"secret"[..], b"html", b"script", b"xmp", b"XMP", b"adobe", b"Photoshop"] {
            assert!(!holds(&clean.bytes, trace), "{format:?} holds {}", trace.escape_ascii());
        }
        if let Ok(exif) =
            exif::Reader::new().read_from_container(&mut std::io::Cursor::new(&clean.bytes))
        {
            assert_eq!(exif.fields().count(), 1, "{format:?}");
        }
        assert_eq!(cleaned(format, &clean.bytes), Ok(clean), "{format:?} is clean now");
    }
}

#[test]
fn the_pixels_and_the_turn_stay() {
    for format in [MediaFormat::Jpeg, MediaFormat::Png, MediaFormat::Webp] {
        let clean = cleaned(format, &loaded(format)).unwrap();

        assert_eq!(clean.pixels, PixelSize { width: 32, height: 48 }, "{format:?}");
        let read = |bytes: &[u8]| image::load_from_memory(bytes).unwrap();
        assert_eq!(read(&clean.bytes), read(&plain(format)), "{format:?}");
    }
    assert_eq!(
        cleaned(MediaFormat::Avif, AVIF).unwrap().pixels,
        PixelSize { width: 48, height: 32 }
    );
}

#[test]
fn an_avif_keeps_its_drawn_item_in_place() {
    let clean = cleaned(MediaFormat::Avif, AVIF).unwrap().bytes;

    // The extents of the file: Exif 0x19c + 0x7a, XMP 0x216 + 0x21, pixels 0x237 + 0x9a.
    assert!(clean[0x19c..0x237].iter().all(|byte| *byte == 0));
    assert_eq!(clean[0x237..], AVIF[0x237..]);
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    for format in PICTURES {
        let file = plain(format);
        for length in 0..file.len() {
            let result = cleaned(format, &file[..length]);
            assert!(result.is_err(), "{format:?} cut to {length} of {} bytes", file.len());
        }
    }
}

#[test]
fn a_bomb_is_told_by_its_header() {
    let header =
        |side: u32| [&side.to_be_bytes()[..], &side.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let bomb = |side: u32, data: &[u8]| {
        let signature = &b"\x89PNG\r\n\x1a\n"[..];
        [signature, &chunk(*b"IHDR", &header(side)), &chunk(*b"IDAT", data), &chunk(*b"IEND", &[])]
            .concat()
    };
    let mut zeros = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zeros.write_all(&vec![0; 8 * 1024 * 1024]).unwrap();
    let zeros = zeros.finish().unwrap();

    let huge = PixelSize { width: 50_000, height: 50_000 };
    assert_eq!(
        cleaned(MediaFormat::Png, &bomb(50_000, &zeros)),
        Err(FileFault::TooManyPixels(huge))
    );
    // It says 10 x 10 and inflates to 8 MiB.
    assert_eq!(cleaned(MediaFormat::Png, &bomb(10, &zeros)), Err(FileFault::Damaged));
}

#[test]
fn a_picture_that_moves_is_refused() {
    let png = plain(MediaFormat::Png);
    let apng = [&png[..33], &chunk(*b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]), &png[33..]].concat();
    assert_eq!(cleaned(MediaFormat::Png, &apng), Err(FileFault::Animated));

    let canvas = [0b0000_0010, 0, 0, 0, 47, 0, 0, 31, 0, 0];
    let webp = riff(&[(b"VP8X", &canvas), (b"ANIM", &[0; 6])]);
    assert_eq!(cleaned(MediaFormat::Webp, &webp), Err(FileFault::Animated));

    let avif = [AVIF, b"\0\0\0\x08moov"].concat();
    assert_eq!(cleaned(MediaFormat::Avif, &avif), Err(FileFault::Animated));
}

#[test]
fn a_jpeg_of_a_thousand_scans_is_refused() {
    let jpeg = plain(MediaFormat::Jpeg);
    let start = jpeg.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let end = jpeg.len() - 2;
    let many = [&jpeg[..end], &jpeg[start..end].repeat(100), &jpeg[end..]].concat();

    assert_eq!(cleaned(MediaFormat::Jpeg, &many), Err(FileFault::Damaged));
}

proptest! {
    /// Whatever a file holds, it is cleaned or refused; and what was cleaned is clean.
    #[test]
    fn a_damaged_file_harms_nobody(
        which in 0..PICTURES.len(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let format = PICTURES[which];
        let mut file = loaded(format);
        for (index, byte) in damage {
            *index.get_mut(&mut file) = byte;
        }
        if let Ok(clean) = cleaned(format, &file) {
            prop_assert_eq!(cleaned(format, &clean.bytes), Ok(clean));
        }
    }
}

fn stored(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

async fn rendered(
    bytes: &[u8],
    format: MediaFormat,
) -> Result<Option<RenderedPreview>, PictureError> {
    Pictures::new().render(stored(bytes).path(), format, Shape::Whole).await
}

fn size_of(file: &Path) -> (u32, u32) {
    let bytes = std::fs::read(file).unwrap();
    let picture = image::load_from_memory_with_format(&bytes, ImageFormat::WebP).unwrap();
    (picture.width(), picture.height())
}

#[tokio::test]
async fn a_large_picture_gets_three_smaller_ones() {
    let jpeg = encoded(&drawn(2400, 1200), ImageFormat::Jpeg);

    let preview = rendered(&jpeg, MediaFormat::Jpeg).await.unwrap().unwrap();

    let sizes: Vec<_> = preview.variants.iter().map(|it| size_of(it.file.path())).collect();
    assert_eq!(sizes, [(320, 160), (960, 480), (1920, 960)]);
    assert_eq!(preview.blur_hash.len(), 28);
    assert!(blurhash::decode(&preview.blur_hash, 4, 3, 1.0).is_ok());
}

#[tokio::test]
async fn a_small_picture_is_never_enlarged() {
    let png = encoded(&drawn(400, 100), ImageFormat::Png);

    let preview = rendered(&png, MediaFormat::Png).await.unwrap().unwrap();

    let sizes: Vec<_> = preview.variants.iter().map(|it| size_of(it.file.path())).collect();
    assert_eq!(sizes, [(320, 80), (400, 100)]);
}

#[tokio::test]
async fn a_square_is_cut_from_the_middle_and_never_enlarged() {
    let stripes =
        RgbImage::from_fn(600, 200, |x, _| Rgb([0, 0, if x / 200 == 1 { 255 } else { 0 }]));
    let png = stored(&encoded(&stripes.into(), ImageFormat::Png));

    let pictures = Pictures::new();
    let preview = pictures.render(png.path(), MediaFormat::Png, Shape::Square).await;
    let preview = preview.unwrap().unwrap();

    let sizes: Vec<_> = preview.variants.iter().map(|it| size_of(it.file.path())).collect();
    assert_eq!(sizes, [(96, 96), (200, 200)]);
    let largest = std::fs::read(preview.variants[1].file.path()).unwrap();
    let largest = image::load_from_memory(&largest).unwrap().to_rgb8();
    assert!([0, 100, 199].iter().all(|x| largest.get_pixel(*x, 100).0[2] > 200), "the middle");
}

#[tokio::test]
async fn smaller_copies_stand_upright() {
    let clean = cleaned(MediaFormat::Jpeg, &loaded(MediaFormat::Jpeg)).unwrap();

    let preview = rendered(&clean.bytes, MediaFormat::Jpeg).await.unwrap().unwrap();

    assert_eq!(size_of(preview.variants[0].file.path()), (32, 48));
}

#[tokio::test]
async fn transparency_and_the_colour_profile_stay() {
    let mut profile = vec![0; 200];
    profile[16..20].copy_from_slice(b"RGB ");
    profile[36..40].copy_from_slice(b"acsp");
    for alpha in [255, 100] {
        let picture = image::RgbaImage::from_fn(40, 30, |x, _| {
            image::Rgba([9, 9, 9, if x < 20 { alpha } else { 255 }])
        });
        let mut png = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
        image::ImageEncoder::set_icc_profile(&mut encoder, profile.clone()).unwrap();
        picture.write_with_encoder(encoder).unwrap();

        let preview = rendered(&png, MediaFormat::Png).await.unwrap().unwrap();

        let webp = std::fs::read(preview.variants[0].file.path()).unwrap();
        let mut decoder =
            image::codecs::webp::WebPDecoder::new(std::io::Cursor::new(&webp)).unwrap();
        assert_eq!(image::ImageDecoder::icc_profile(&mut decoder).unwrap(), Some(profile.clone()));
        let picture = DynamicImage::from_decoder(decoder).unwrap().to_rgba8();
        assert_eq!(picture.get_pixel(2, 2).0[3], alpha);
        assert_eq!(cleaned(MediaFormat::Webp, &webp).map(|it| it.bytes), Ok(webp));
    }
}

#[tokio::test]
async fn what_cannot_be_decoded_is_told_apart() {
    assert!(rendered(AVIF, MediaFormat::Avif).await.unwrap().is_none());
    let mut broken = plain(MediaFormat::Webp);
    broken.truncate(60);
    let error = rendered(&broken, MediaFormat::Webp).await.unwrap_err();
    assert!(matches!(error, PictureError::Fault(FileFault::Damaged)), "{error:?}");
}

#[tokio::test]
async fn a_probe_believes_the_bytes_alone() {
    let pictures = Pictures::new();
    let pixels = Some(PixelSize { width: 48, height: 32 });
    for format in PICTURES {
        let probe = pictures.probe(stored(&plain(format)).path()).await.unwrap();
        assert_eq!(probe, Probe { format, pixels });
    }
    let pdf = pictures.probe(stored(b"%PDF-1.7\n").path()).await.unwrap();
    assert_eq!(pdf, Probe { format: MediaFormat::Pdf, pixels: None });
    for other in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], HTML, b"GIF89a", b""] {
        let error = pictures.probe(stored(other).path()).await.unwrap_err();
        assert!(matches!(error, PictureError::Fault(FileFault::UnknownFormat)), "{error:?}");
    }
}

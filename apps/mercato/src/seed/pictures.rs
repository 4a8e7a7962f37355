//! Pictures for demo listings, drawn rather than stored: a room with furniture, a house, or tools,
//! in colours of their own.

use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Enough for a card in a list and quick to draw.
const WIDTH: usize = 720;
const HEIGHT: usize = 480;

type Colour = [u8; 3];

/// Wall, floor, two pieces of furniture, an accent.
const PALETTES: [[Colour; 5]; 8] = [
    [[236, 229, 216], [176, 141, 102], [92, 107, 94], [205, 172, 129], [196, 94, 60]],
    [[214, 224, 226], [139, 119, 101], [58, 90, 107], [240, 240, 235], [232, 178, 74]],
    [[243, 236, 229], [120, 100, 86], [177, 92, 76], [233, 209, 186], [70, 84, 74]],
    [[224, 228, 218], [152, 130, 104], [74, 97, 72], [250, 246, 237], [214, 143, 84]],
    [[58, 64, 72], [110, 88, 70], [160, 120, 84], [205, 200, 190], [224, 172, 60]],
    [[238, 224, 224], [160, 130, 112], [150, 92, 104], [248, 240, 232], [86, 108, 120]],
    [[226, 234, 240], [186, 160, 128], [96, 128, 152], [255, 252, 244], [222, 120, 92]],
    [[240, 238, 226], [134, 112, 84], [116, 128, 84], [220, 200, 160], [80, 72, 108]],
];

/// A picture as a PNG file; the same number draws the same picture.
pub(super) fn draw(number: u64) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(number);
    let palette = PALETTES[random.random_range(0..PALETTES.len())];
    let mut canvas = Canvas::new(palette[0]);
    match random.random_range(0..3) {
        0 => living_room(&mut canvas, &palette, &mut random),
        1 => kitchen(&mut canvas, &palette, &mut random),
        _ => house(&mut canvas, &palette, &mut random),
    }
    canvas.png()
}

fn living_room(canvas: &mut Canvas, palette: &[Colour; 5], random: &mut StdRng) {
    let [_, floor, sofa, light, accent] = *palette;
    canvas.rectangle(0, 340, WIDTH, 140, floor);
    canvas.rectangle(0, 336, WIDTH, 6, shade(floor, 80));
    let window = random.random_range(60..420);
    canvas.rectangle(window, 50, 170, 150, [255, 255, 255]);
    canvas.rectangle(window + 8, 58, 73, 134, [190, 216, 232]);
    canvas.rectangle(window + 89, 58, 73, 134, [204, 226, 238]);
    let left = random.random_range(60..300);
    canvas.rectangle(left, 250, 330, 90, sofa);
    canvas.rectangle(left, 300, 330, 70, shade(sofa, 115));
    canvas.rectangle(left - 24, 270, 34, 104, shade(sofa, 85));
    canvas.rectangle(left + 320, 270, 34, 104, shade(sofa, 85));
    for cushion in 0..random.random_range(1..4) {
        canvas.rectangle(left + 30 + cushion * 95, 264, 60, 48, accent);
    }
    let lamp = (left + 430).min(WIDTH - 50);
    canvas.rectangle(lamp, 180, 6, 190, shade(floor, 50));
    canvas.ellipse(lamp + 3, 176, 44, 30, light);
    canvas.ellipse(left + 170, 424, 210, 26, shade(light, 95));
}

fn kitchen(canvas: &mut Canvas, palette: &[Colour; 5], random: &mut StdRng) {
    let [wall, floor, front, light, accent] = *palette;
    canvas.rectangle(0, 370, WIDTH, 110, floor);
    for row in 0..4 {
        for column in 0..24 {
            canvas.rectangle(column * 31, 180 + row * 18, 29, 16, shade(wall, 106));
        }
    }
    let cupboards = random.random_range(4..7);
    let width = WIDTH / cupboards;
    for cupboard in 0..cupboards {
        canvas.rectangle(cupboard * width + 3, 40, width - 6, 120, front);
        canvas.rectangle(cupboard * width + width / 2 - 10, 148, 20, 4, light);
        canvas.rectangle(cupboard * width + 3, 270, width - 6, 120, shade(front, 90));
        canvas.rectangle(cupboard * width + width / 2 - 10, 282, 20, 4, light);
    }
    canvas.rectangle(0, 252, WIDTH, 18, light);
    let bowl = random.random_range(120..580);
    canvas.ellipse(bowl, 248, 54, 16, accent);
    canvas.ellipse(bowl - 18, 236, 14, 14, [214, 84, 60]);
    canvas.ellipse(bowl + 12, 234, 15, 15, [236, 186, 60]);
    for lamp in 1..4 {
        canvas.rectangle(lamp * 180, 0, 3, 60, [40, 40, 40]);
        canvas.ellipse(lamp * 180 + 1, 70, 26, 18, accent);
    }
}

fn house(canvas: &mut Canvas, palette: &[Colour; 5], random: &mut StdRng) {
    let [wall, floor, roof, light, accent] = *palette;
    for row in 0..320 {
        canvas.rectangle(0, row, WIDTH, 1, blend([150, 196, 228], [236, 242, 244], row, 320));
    }
    canvas.rectangle(0, 320, WIDTH, 160, [126, 156, 98]);
    let left = random.random_range(120..260);
    canvas.rectangle(left, 190, 330, 180, shade(wall, 102));
    for row in 0..90 {
        canvas.rectangle(left + 165 - row * 2, 100 + row, row * 4, 1, roof);
    }
    canvas.rectangle(left + 140, 270, 52, 100, accent);
    for window in [30, 230] {
        canvas.rectangle(left + window, 230, 72, 64, light);
        canvas.rectangle(left + window + 6, 236, 28, 52, [172, 206, 226]);
        canvas.rectangle(left + window + 38, 236, 28, 52, [172, 206, 226]);
    }
    canvas.ellipse(left + 166, 420, 60, 40, floor);
    for _ in 0..random.random_range(2..6) {
        let at = random.random_range(30..WIDTH - 30);
        if at + 60 < left || at > left + 390 {
            canvas.rectangle(at - 5, 290, 10, 70, [104, 82, 62]);
            canvas.ellipse(at, 256, 38, 52, [84, 124, 76]);
        }
    }
}

/// Rows of pixels; shapes are filled span by span.
struct Canvas(Vec<u8>);

impl Canvas {
    fn new(colour: Colour) -> Self {
        Self(colour.repeat(WIDTH * HEIGHT))
    }

    /// What lies outside is left away.
    fn rectangle(&mut self, x: usize, y: usize, width: usize, height: usize, colour: Colour) {
        let end = (x + width).min(WIDTH);
        if x >= end {
            return;
        }
        let span = colour.repeat(end - x);
        for row in y..(y + height).min(HEIGHT) {
            let start = (row * WIDTH + x) * 3;
            self.0[start..start + span.len()].copy_from_slice(&span);
        }
    }

    /// Around its middle, with its two radii.
    fn ellipse(&mut self, x: usize, y: usize, across: usize, down: usize, colour: Colour) {
        for row in 0..=2 * down {
            let away = row.abs_diff(down);
            let half = (across * across * (down * down - away * away)).isqrt() / down.max(1);
            if let (Some(left), Some(top)) = (x.checked_sub(half), (y + row).checked_sub(down)) {
                self.rectangle(left, top, 2 * half, 1, colour);
            }
        }
    }

    fn png(&self) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        let size = |pixels: usize| u32::try_from(pixels).expect("a small picture");
        PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Sub)
            .write_image(&self.0, size(WIDTH), size(HEIGHT), ExtendedColorType::Rgb8)
            .expect("the canvas has the size it says, and memory takes any file");
        file.into_inner()
    }
}

/// The same colour in other light: so many percent of it.
fn shade(colour: Colour, percent: u32) -> Colour {
    colour.map(|part| u8::try_from(u32::from(part) * percent / 100).unwrap_or(u8::MAX))
}

/// Step `at` of `steps` from one colour to another.
fn blend(from: Colour, to: Colour, at: usize, steps: usize) -> Colour {
    std::array::from_fn(|i| {
        let (from, to) = (usize::from(from[i]), usize::from(to[i]));
        u8::try_from((from * (steps - at) + to * at) / steps).unwrap_or(u8::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_drawn_from_its_number_alone() {
        let first = draw(1);
        assert_eq!(first, draw(1));
        assert_ne!(first, draw(2));

        for number in 0..40 {
            let picture = image::load_from_memory(&draw(number)).unwrap();
            assert_eq!((picture.width(), picture.height()), (720, 480));
        }
    }
}

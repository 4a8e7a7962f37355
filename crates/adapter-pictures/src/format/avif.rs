//! AVIF (AV1 Image File Format 1.1 on ISO/IEC 23008-12): items described in `meta`, their bytes in
//! `mdat`.
//!
//! Positions in the file are absolute, so nothing is moved: what is not the picture is
//! overwritten with zeros where it stands, and its box or item renamed to `free`, which every
//! reader skips. Items that draw (`av01`, `grid` and such) stay; Exif, XMP and any other item go,
//! as do bytes that belong to no item.

use std::collections::HashSet;
use std::ops::Range;

use catalog::media::{FileFault, PixelSize};

use super::boxes::{FileBox, boxes, only};
use super::{Clean, Reader};

const FREE: [u8; 4] = *b"free";

/// Items that are drawn, or say how others are.
const DRAWN: [&[u8; 4]; 5] = [b"av01", b"grid", b"iovl", b"iden", b"tmap"];

/// What `meta` may hold. References to other files (`dinf`) are not among it.
const DESCRIPTIONS: [&[u8; 4]; 8] =
    [b"hdlr", b"pitm", b"iloc", b"iinf", b"iprp", b"iref", b"idat", b"grpl"];

/// Properties that draw: size, depth, colour, codec, shape, turn, role, light.
const PROPERTIES: [&[u8; 4]; 17] = [
    b"ispe", b"pixi", b"colr", b"av1C", b"pasp", b"irot", b"imir", b"clap", b"auxC", b"a1op",
    b"a1lx", b"lsel", b"clli", b"mdcv", b"cclv", b"amve", b"reve",
];

/// Where the bytes of an item lie.
struct Extent {
    item: u32,
    /// In `idat` rather than in the file.
    inside: bool,
    range: Range<usize>,
}

pub(super) fn clean(input: &[u8]) -> Result<Clean, FileFault> {
    let mut file = input.to_vec();
    let top = boxes(input, 0..input.len())?;
    if !top.first().is_some_and(|first| first.is(*b"ftyp")) {
        return Err(FileFault::Damaged);
    }
    if top.iter().any(|it| it.is(*b"moov")) {
        return Err(FileFault::Animated);
    }
    let meta = only(&top, *b"meta")?;
    let inner = boxes(input, meta.behind_version()?)?;

    for it in &top {
        if !it.is(*b"ftyp") && !it.is(*b"meta") && !it.is(*b"mdat") {
            erase(&mut file, it);
        }
    }
    for it in &inner {
        if !DESCRIPTIONS.contains(&&it.name) {
            erase(&mut file, it);
        }
    }
    // A name that people gave follows the kind of the handler.
    let handler = only(&inner, *b"hdlr")?;
    let kind = handler.content.start + 8;
    if input.get(kind..kind + 4) != Some(b"pict") {
        return Err(FileFault::Damaged);
    }
    zero(&mut file, kind + 4..handler.content.end);

    let kept = items(input, &mut file, only(&inner, *b"iinf")?)?;
    if kept.is_empty() {
        return Err(FileFault::Damaged);
    }
    let extents = extents(input, only(&inner, *b"iloc")?)?;
    let data: Vec<_> = top.iter().filter(|it| it.is(*b"mdat")).map(|it| &it.content).collect();
    let idat = inner.iter().find(|it| it.is(*b"idat")).map_or(0..0, |it| it.content.clone());
    let mut drawn = Vec::new();
    for extent in extents.into_iter().filter(|extent| kept.contains(&extent.item)) {
        let Range { start, end } = extent.range;
        let range = if extent.inside { idat.start + start..idat.start + end } else { start..end };
        let fits = |within: &Range<usize>| within.start <= range.start && range.end <= within.end;
        let known = if extent.inside { fits(&idat) } else { data.iter().any(|it| fits(it)) };
        if !known {
            return Err(FileFault::Damaged);
        }
        drawn.push(range);
    }
    for part in data.into_iter().chain([&idat]) {
        zero(&mut file, part.clone());
    }
    for range in drawn {
        file[range.clone()].copy_from_slice(&input[range]);
    }

    let pixels = properties(input, &mut file, only(&inner, *b"iprp")?)?;
    Ok(Clean { bytes: file, pixels })
}

fn zero(file: &mut [u8], part: Range<usize>) {
    file[part].fill(0);
}

fn erase(file: &mut [u8], it: &FileBox) {
    file[it.name_at..it.name_at + 4].copy_from_slice(&FREE);
    zero(file, it.content.clone());
}

/// The items that are drawn. The others lose their type, and all of them their names.
fn items(input: &[u8], file: &mut [u8], iinf: &FileBox) -> Result<HashSet<u32>, FileFault> {
    let mut reader = iinf.reader(input);
    let [version, ..] = reader.array::<4>()?;
    let entries = reader.at + if version == 0 { 2 } else { 4 };
    let mut kept = HashSet::new();
    for entry in boxes(input, entries.min(iinf.content.end)..iinf.content.end)? {
        if !entry.is(*b"infe") {
            erase(file, &entry);
            continue;
        }
        let mut reader = entry.reader(input);
        let [version, ..] = reader.array::<4>()?;
        let item = match version {
            2 => u32::from(reader.u16()?),
            3 => reader.u32()?,
            _ => return Err(FileFault::Damaged),
        };
        let protection = reader.u16()?;
        let type_at = reader.at;
        let kind = reader.array::<4>()?;
        if DRAWN.contains(&&kind) && protection == 0 {
            if !kept.insert(item) {
                return Err(FileFault::Damaged);
            }
        } else {
            file[type_at..type_at + 4].copy_from_slice(&FREE);
        }
        zero(file, reader.at..entry.content.end);
    }
    Ok(kept)
}

fn extents(input: &[u8], iloc: &FileBox) -> Result<Vec<Extent>, FileFault> {
    let mut reader = iloc.reader(input);
    let [version, ..] = reader.array::<4>()?;
    if version > 2 {
        return Err(FileFault::Damaged);
    }
    let [sizes, more] = reader.array::<2>()?;
    let (offset_size, length_size) = (sizes >> 4, sizes & 0x0F);
    let (base_size, index_size) = (more >> 4, if version == 0 { 0 } else { more & 0x0F });
    if [offset_size, length_size, base_size, index_size].iter().any(|it| !matches!(it, 0 | 4 | 8)) {
        return Err(FileFault::Damaged);
    }
    let id = |reader: &mut Reader<'_>| {
        if version == 2 { reader.u32() } else { reader.u16().map(u32::from) }
    };
    let mut extents = Vec::new();
    for _ in 0..id(&mut reader)? {
        let item = id(&mut reader)?;
        let method = if version == 0 { 0 } else { reader.u16()? & 0x0F };
        let other_file = reader.u16()?;
        if method > 1 || other_file != 0 {
            return Err(FileFault::Damaged);
        }
        let base = reader.number(base_size)?;
        for _ in 0..reader.u16()? {
            reader.take(usize::from(index_size))?;
            let offset = reader.number(offset_size)?;
            let length = reader.number(length_size)?;
            let start = base.checked_add(offset).ok_or(FileFault::Damaged)?;
            let end = start.checked_add(length).ok_or(FileFault::Damaged)?;
            // Length 0 would mean: all there is.
            if length == 0 || end > input.len() {
                return Err(FileFault::Damaged);
            }
            extents.push(Extent { item, inside: method == 1, range: start..end });
        }
    }
    Ok(extents)
}

/// Erases properties that draw nothing. The largest size is that of the whole picture: the others
/// belong to its tiles.
fn properties(input: &[u8], file: &mut [u8], iprp: &FileBox) -> Result<PixelSize, FileFault> {
    let parts = boxes(input, iprp.content.clone())?;
    for part in parts.iter().filter(|it| !it.is(*b"ipco") && !it.is(*b"ipma")) {
        erase(file, part);
    }
    let mut largest: Option<PixelSize> = None;
    let mut is_turned = false;
    for property in boxes(input, only(&parts, *b"ipco")?.content.clone())? {
        if !PROPERTIES.contains(&&property.name) {
            erase(file, &property);
        }
        let mut reader = property.reader(input);
        if property.is(*b"ispe") {
            reader.take(4)?;
            let pixels = PixelSize { width: reader.u32()?, height: reader.u32()? };
            if largest.is_none_or(|largest| largest.area() < pixels.area()) {
                largest = Some(pixels);
            }
        } else if property.is(*b"irot") {
            is_turned |= reader.u8()? % 2 == 1;
        }
    }
    let pixels = largest.filter(|pixels| pixels.area() > 0).ok_or(FileFault::Damaged)?;
    Ok(if is_turned { pixels.turned() } else { pixels })
}

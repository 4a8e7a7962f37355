//! The boxes of ISO/IEC 14496-12: a length, a name, and a content that may be boxes again.

use std::ops::Range;

use catalog::media::FileFault;

use super::{Reader, size};

/// One box of a file.
#[derive(Debug, Clone)]
pub(super) struct FileBox {
    pub(super) name: [u8; 4],
    /// Where its name stands.
    pub(super) name_at: usize,
    /// Where its content stands.
    pub(super) content: Range<usize>,
}

impl FileBox {
    pub(super) fn is(&self, name: [u8; 4]) -> bool {
        self.name == name
    }

    /// The content behind the version and flags that some boxes begin with.
    pub(super) fn behind_version(&self) -> Result<Range<usize>, FileFault> {
        let start = self.content.start + 4;
        if start > self.content.end { Err(FileFault::Damaged) } else { Ok(start..self.content.end) }
    }

    pub(super) fn reader<'a>(&self, file: &'a [u8]) -> Reader<'a> {
        Reader { input: &file[..self.content.end], at: self.content.start }
    }
}

/// The boxes in a part of a file. They fill it without a gap, or it is damaged.
pub(super) fn boxes(file: &[u8], part: Range<usize>) -> Result<Vec<FileBox>, FileFault> {
    let mut found = Vec::new();
    let mut reader =
        Reader { input: file.get(..part.end).ok_or(FileFault::Damaged)?, at: part.start };
    while !reader.is_at_end() {
        let start = reader.at;
        let length = reader.u32()?;
        let name_at = reader.at;
        let name = reader.array()?;
        let end = match length {
            0 => part.end,
            1 => start.checked_add(reader.number(8)?).ok_or(FileFault::Damaged)?,
            length => start.checked_add(size(length)?).ok_or(FileFault::Damaged)?,
        };
        if end < reader.at || end > part.end {
            return Err(FileFault::Damaged);
        }
        found.push(FileBox { name, name_at, content: reader.at..end });
        reader.at = end;
    }
    Ok(found)
}

/// The only box of this name.
pub(super) fn only(boxes: &[FileBox], name: [u8; 4]) -> Result<&FileBox, FileFault> {
    let mut found = boxes.iter().filter(|it| it.is(name));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (_, _) => Err(FileFault::Damaged),
    }
}

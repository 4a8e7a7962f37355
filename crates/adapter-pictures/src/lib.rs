//! The port [`PictureReader`]: reads, cleans and scales pictures.
//!
//! A file that comes in is never decoded. Its structure is read from the first byte to the last
//! and written again with what draws the picture: no Exif and no place where it was taken, no XMP,
//! no comments, no small copies, nothing behind the end. Three things stay besides the pixels: the
//! colour profile, the density, and which way is up.
//!
//! | format | cleaned by | variants |
//! |---|---|---|
//! | JPEG | writing the segments that a decoder needs; at most 64 scans | yes |
//! | PNG | writing the chunks that a decoder needs; the pixels must inflate to exactly their size | yes |
//! | WebP | writing the chunks that a decoder needs | yes |
//! | AVIF | overwriting every item, property and byte that is not drawn with zeros | no: the original serves |
//! | PDF | not touched; it is served as a download only | no |
//!
//! Decoding happens later, in a job: one picture at a time, within a bound of memory.

mod format;
mod render;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use catalog::media::{
    CleanPicture, FileFault, MediaFormat, MediaLimits, PictureError, PictureReader, Probe,
    RenderedPreview, Shape,
};
use tokio::sync::Semaphore;

use crate::format::Clean;

/// Reads pictures on threads of their own, a few at a time.
#[derive(Debug, Clone)]
pub struct Pictures {
    /// Files of up to 10 MiB that are held in memory to be cleaned.
    cleaning: Arc<Semaphore>,
    /// Pictures of up to 50 megapixels that are decoded.
    rendering: Arc<Semaphore>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self { cleaning: Arc::new(Semaphore::new(4)), rendering: Arc::new(Semaphore::new(1)) }
    }
}

impl Pictures {
    /// A reader that cleans four files and decodes one picture at a time.
    pub fn new() -> Self {
        Self::default()
    }
}

async fn apart<T: Send + 'static>(
    turn: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T, PictureError> + Send + 'static,
) -> Result<T, PictureError> {
    let turn = Arc::clone(turn).acquire_owned().await.map_err(std::io::Error::other)?;
    tokio::task::spawn_blocking(move || {
        let result = work();
        drop(turn);
        result
    })
    .await
    .map_err(std::io::Error::other)?
}

/// The whole file: whoever calls has looked at its size, and this bound holds if it grows.
fn read(path: &Path) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MediaLimits::MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn probe(path: &Path) -> Result<Probe, PictureError> {
    let mut head = Vec::new();
    File::open(path)?.take(16).read_to_end(&mut head)?;
    let format = MediaFormat::of_magic(&head).ok_or(FileFault::UnknownFormat)?;
    let pixels = format::measure(format, &read(path)?).transpose()?;
    Ok(Probe { format, pixels })
}

fn clean(path: &Path, format: MediaFormat) -> Result<CleanPicture, PictureError> {
    let Clean { bytes, pixels } =
        format::clean(format, &read(path)?).ok_or(FileFault::UnknownFormat)??;
    Ok(CleanPicture { file: render::keep(&bytes)?, pixels })
}

#[async_trait]
impl PictureReader for Pictures {
    async fn probe(&self, file: &Path) -> Result<Probe, PictureError> {
        let path: PathBuf = file.to_owned();
        apart(&self.cleaning, move || probe(&path)).await
    }

    async fn clean(&self, file: &Path, format: MediaFormat) -> Result<CleanPicture, PictureError> {
        let path: PathBuf = file.to_owned();
        apart(&self.cleaning, move || clean(&path, format)).await
    }

    async fn render(
        &self,
        file: &Path,
        format: MediaFormat,
        shape: Shape,
    ) -> Result<Option<RenderedPreview>, PictureError> {
        let path: PathBuf = file.to_owned();
        apart(&self.rendering, move || render::render(&path, format, shape)).await
    }
}

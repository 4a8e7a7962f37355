//! The port [`ObjectStore`](catalog::media::ObjectStore): files in a local folder, or in a bucket
//! of any S3.
//!
//! Files are streamed in both directions. A put into a folder is atomic (written aside, then
//! renamed), one into a bucket is too. Nothing here decides who may see a file: keys cannot be
//! guessed, and the record in the database says what is served.

mod settings;
mod storage;
#[cfg(test)]
mod tests;

pub use settings::{Delivery, S3, Settings, SettingsError};
pub use storage::{Storage, StoredObject};

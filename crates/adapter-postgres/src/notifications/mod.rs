//! The ports of `notifications`.

mod directory;
mod mail;
mod repository;

pub use mail::SEND_MAIL;

//! Notifications and mail, with mocked ports.

mod mail;
mod service;

//! The sandbox, as a merchant and a payer see it, and its client, as billing does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bench;
mod breaking;
mod demands;
mod server;
mod shop;

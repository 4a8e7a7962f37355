//! The embedded gateway of development: a payment gateway that moves no money.
//!
//! [`SandboxServer`] is a gateway like others: an HTTP API with a key, idempotency keys, hosted pages
//! for checkout and 3-D Secure, signed messages. It pays by [`TestCard`]s, and is as hostile as
//! [`wire::Hostility`] tells it to be. [`Sandbox`] is the same without a socket of its own. What it knows is behind [`SandboxStore`]. [`SandboxGateway`] is
//! the client of it: billing's port, over HTTP like any other.
//!
//! | token | what happens |
//! |---|---|
//! | `card_success` | it pays |
//! | `card_declined` | it is declined, this time |
//! | `card_lost` | it is declined for good |
//! | `card_insufficient_funds` | it has too little money |
//! | `card_secure` | 3-D Secure, then it pays |
//! | `card_secure_then_declined` | 3-D Secure, then it is declined |
//! | `card_slow` | it pays, and the answer takes five seconds |
//! | `card_lost_answer` | it pays, and the answer never comes |
//! | `card_poor_later` | it pays, and fails at renewals |

mod card;
mod client;
mod server;
mod signature;
mod store;
pub mod wire;

pub use card::TestCard;
pub use client::SandboxGateway;
pub use hostile_http::{Answer, Request};
pub use server::{Sandbox, SandboxServer, SandboxSettings};
pub use store::{MemoryStore, SandboxStore};

//! What gateways that are not real are made of: an HTTP server and a sender of messages, both of
//! which misbehave on command.
//!
//! - [`Server`] serves a [`Site`] on a free port, with the [`Faults`] it was given: an answer that is
//!   lost after its effect, a failure before or after it, half an answer, a lie, a long wait.
//! - [`Courier`] delivers signed messages over HTTP, in the [`Weather`] it was given: twice, late, in
//!   another order, never, or with a signature that does not hold.
//! - [`Page`] is plain, accessible HTML for the pages on which a payer acts.
//!
//! Nothing here knows what a payment is.

mod courier;
mod fault;
mod page;
mod request;
mod server;

pub use courier::{Courier, Delivered, Message, Postbox, Weather};
pub use fault::{Fault, Faults};
pub use page::{Button, Form, Page};
pub use request::{Answer, Request};
pub use server::{Server, Site};

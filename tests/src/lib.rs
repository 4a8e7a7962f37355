//! A whole marketplace in the test's own process, and people who use it over HTTP.
//!
//! [`Marketplace::start`] brings a database of its own, a mail server, the API and a worker. Time
//! stands where [`Marketplace::advance`] moves it. Everything is the code that ships.

mod marketplace;
mod operation;
mod people;
mod person;
mod reply;

pub use marketplace::Marketplace;
pub use operation::Operation;
pub use people::PASSWORD;
pub use person::Person;
pub use reply::Reply;

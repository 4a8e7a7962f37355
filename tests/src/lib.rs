//! A whole marketplace in the test's own process, and people who use it over HTTP.
//!
//! [`Marketplace::start`] brings a database of its own, a mail server, the API and a worker. Time
//! stands where [`Marketplace::advance`] moves it. Everything is the code that ships.

mod calls;
mod marketplace;
mod money;
mod operation;
mod people;
mod person;
mod pictures;
mod promotions;
mod reply;
mod scenes;
mod world;

pub use marketplace::Marketplace;
pub use money::{at_bank, browser, plan, signed};
pub use operation::Operation;
pub use people::PASSWORD;
pub use person::Person;
pub use pictures::{PHOTOGRAPH, files, form, picture};
pub use promotions::{coupon, promotion_product};
pub use reply::Reply;
pub use scenes::{CURATED, VISIT, always_open, berlin, listing_type};
pub use world::{Call, Persona, World};

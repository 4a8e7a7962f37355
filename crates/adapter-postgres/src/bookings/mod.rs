//! The ports of `bookings`.

mod document;
mod listing;
mod payments;
mod reads;
mod repository;
mod row;
mod schedule;

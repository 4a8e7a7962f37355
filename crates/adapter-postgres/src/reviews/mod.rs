//! The ports of `reviews`.

mod booking;
mod rating;
mod read;
mod repository;
mod row;
mod vote;

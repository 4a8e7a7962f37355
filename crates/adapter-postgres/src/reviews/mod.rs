//! The ports of `reviews`.

mod booking;
mod picture;
mod rating;
mod read;
mod repository;
mod row;
mod vote;

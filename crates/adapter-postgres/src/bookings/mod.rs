//! The ports of `bookings`.

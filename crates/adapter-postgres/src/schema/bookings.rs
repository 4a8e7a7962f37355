//! The tables of migration `bookings`.

//! The ports of bookings, on a real PostgreSQL.

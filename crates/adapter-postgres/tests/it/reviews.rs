//! The ports of reviews, on a real PostgreSQL.

//! The ports of platform, on a real PostgreSQL.

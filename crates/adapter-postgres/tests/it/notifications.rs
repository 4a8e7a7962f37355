//! The ports of notifications, on a real PostgreSQL.

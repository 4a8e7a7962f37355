//! The ports of media, on a real PostgreSQL.

//! The ports of catalog, on a real PostgreSQL.

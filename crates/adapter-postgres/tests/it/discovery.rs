//! The ports of discovery, on a real PostgreSQL.

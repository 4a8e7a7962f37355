//! The ports of identity, on a real PostgreSQL.

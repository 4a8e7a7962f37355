//! What people look for.

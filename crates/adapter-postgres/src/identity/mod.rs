//! The ports of `identity`.

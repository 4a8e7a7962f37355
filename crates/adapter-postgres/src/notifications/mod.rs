//! The ports of `notifications`.

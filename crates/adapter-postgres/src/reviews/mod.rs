//! The ports of `reviews`.

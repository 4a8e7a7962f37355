//! The tables of migration `reviews`.

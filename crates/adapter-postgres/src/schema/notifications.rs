//! The tables of migration `notifications`.

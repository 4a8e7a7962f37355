//! The tables of migration `discovery`.

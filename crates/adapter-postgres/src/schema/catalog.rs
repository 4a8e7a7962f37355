//! The tables of migration `catalog`.

//! The tables of migration `identity`.

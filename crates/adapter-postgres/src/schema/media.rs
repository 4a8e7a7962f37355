//! The tables of migration `media`.

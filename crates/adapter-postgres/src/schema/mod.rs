//! The tables as diesel sees them, a module per migration. Kept by hand beside `migrations/`; a
//! test reads every column of every table from a migrated database.

pub(crate) mod billing;
pub(crate) mod bookings;
pub(crate) mod catalog;
pub(crate) mod discovery;
pub(crate) mod identity;
pub(crate) mod media;
pub(crate) mod notifications;
pub(crate) mod platform;
pub(crate) mod promotions;
pub(crate) mod reviews;
pub(crate) mod sandbox;
pub(crate) mod transfers;

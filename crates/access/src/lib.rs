//! Who may do what: the actor, the roles, and the one permission matrix. Nothing else decides.
//!
//! A domain service loads an object, says how the actor stands to it ([`Relation`]), and asks
//! [`decide`]. A list asks [`scope`] for the same action and filters in SQL, so that it never
//! shows what a detail would refuse.

mod action;
mod actor;
mod audit;
mod decision;
mod matrix;

pub use action::Action;
pub use actor::{Actor, Member, Role, Roles};
pub use audit::{AuditEntry, AuditLog};
pub use decision::{Denial, Scope, decide, permits, scope};
pub use matrix::{Grant, Holder, Relation, grants};

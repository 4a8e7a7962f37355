//! Permission without an object that a domain has loaded: for what no domain owns, and before
//! anything is read.

use access::{Action, Actor, Denial, Relation, decide};
use actix_web::http::StatusCode;

use super::Problem;

/// Passes if the actor may, by the matrix. There is no object whose existence could be hidden.
pub(crate) fn permission(actor: &Actor, action: Action) -> Result<(), Problem> {
    permission_to(actor, action, Relation::Stranger)
}

/// The same for whoever stands in this relation to what it is about.
pub(super) fn permission_to(
    actor: &Actor,
    action: Action,
    relation: Relation,
) -> Result<(), Problem> {
    decide(actor, action, relation, true).map_err(|denial| match denial {
        Denial::SignIn => {
            Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in to do this")
        }
        Denial::Forbidden(action) => Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("your roles do not allow {action}"),
        ),
        Denial::Hidden => Problem::not_found("there is nothing at this address"),
    })
}

use kernel::AccountId;

use crate::{Action, Actor, Grant, Holder, Relation, grants};

/// Why the actor may not. A domain turns it into its own error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Nobody is signed in: 401.
    SignIn,
    /// They may see the object, but not do this: 403.
    Forbidden(Action),
    /// They may not even know that it exists: 404.
    Hidden,
}

/// What part of a list the actor may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    All,
    /// What is theirs.
    Own(AccountId),
    /// Nothing.
    Nothing,
}

/// Whether the actor may do this, standing to the object as they do.
pub fn permits(actor: &Actor, action: Action, relation: Relation) -> bool {
    actor.is_system()
        || held(actor, action).any(|grant| grant.relation.is_none_or(|r| r == relation))
}

/// Passes if the actor may; else says how to refuse. `sees` tells whether they may see the object:
/// a stranger learns nothing, not even that it exists.
pub fn decide(actor: &Actor, action: Action, relation: Relation, sees: bool) -> Result<(), Denial> {
    if permits(actor, action, relation) {
        Ok(())
    } else if actor.is_visitor() {
        Err(Denial::SignIn)
    } else if sees {
        Err(Denial::Forbidden(action))
    } else {
        Err(Denial::Hidden)
    }
}

/// The part of a list that the actor may see, for a query to filter by.
pub fn scope(actor: &Actor, action: Action) -> Scope {
    if actor.is_system() || held(actor, action).any(|grant| grant.relation.is_none()) {
        return Scope::All;
    }
    match actor.account() {
        Some(account) if held(actor, action).next().is_some() => Scope::Own(account),
        Some(_) | None => Scope::Nothing,
    }
}

fn held(actor: &Actor, action: Action) -> impl Iterator<Item = &'static Grant> {
    let roles = actor.roles();
    grants(action).iter().filter(move |grant| match grant.holder {
        Holder::Everyone => true,
        Holder::Role(role) => roles.contains(role),
    })
}

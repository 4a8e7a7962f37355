//! The matrix as a reviewed table, and the rules that hold whatever it says.

use std::fmt::Write;

use access::{
    Action, Actor, Denial, Holder, Member, Relation, Role, Roles, Scope, decide, grants, permits,
    scope,
};
use kernel::{AccountId, Ids, SequentialIds, SessionId};

fn member(roles: Roles) -> Actor {
    let ids = SequentialIds::default();
    let _ = ids.next();
    Actor::member(Member {
        account: AccountId::next(&ids),
        session: SessionId::next(&ids),
        roles,
        provider: None,
    })
}

#[test]
fn the_matrix_is_as_reviewed() {
    let mut table = String::new();
    for action in Action::ALL {
        let cells: Vec<String> = grants(*action)
            .iter()
            .map(|grant| {
                let holder = match grant.holder {
                    Holder::Everyone => "everyone",
                    Holder::Role(role) => role.name(),
                };
                grant.relation.map_or(holder.to_owned(), |r| format!("{holder} as {}", r.name()))
            })
            .collect();
        writeln!(table, "{:<28} {}", action.name(), cells.join(", ")).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn names_of_actions_are_unique() {
    let mut names: Vec<_> = Action::ALL.iter().map(|action| action.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Action::ALL.len());
}

#[test]
fn a_visitor_is_asked_to_sign_in_and_a_stranger_learns_nothing() {
    let visitor = Actor::visitor();
    let stranger = member(Roles::client());

    assert_eq!(
        decide(&visitor, Action::BookingRead, Relation::Stranger, false),
        Err(Denial::SignIn)
    );
    assert_eq!(
        decide(&stranger, Action::BookingRead, Relation::Stranger, false),
        Err(Denial::Hidden)
    );
    assert_eq!(
        decide(&stranger, Action::BookingAccept, Relation::Owner, true),
        Err(Denial::Forbidden(Action::BookingAccept))
    );
}

#[test]
fn an_admin_gets_nothing_on_the_paths_of_others() {
    let admin = member(Roles::client().with(Role::Admin).with(Role::Moderator));
    for action in [Action::BookingAccept, Action::ListingUpdate, Action::ReviewUpdate] {
        assert!(!permits(&admin, action, Relation::Stranger), "{action}");
    }
}

#[test]
fn a_list_shows_what_the_matrix_grants() {
    assert_eq!(scope(&member(Roles::client()), Action::AccountAdminister), Scope::Nothing);
    let client = member(Roles::client());
    assert_eq!(scope(&client, Action::BookingRead), Scope::Own(client.account().unwrap()));
    assert_eq!(
        scope(&member(Roles::client().with(Role::Admin)), Action::AccountAdminister),
        Scope::All
    );
    assert_eq!(scope(&Actor::visitor(), Action::ListingRead), Scope::All);
}

//! The life of an account: the table, and the page drawn from it.

use std::fmt::Write;

use access::Roles;
use identity::testing::an_account;
use identity::{
    Account, AccountRecord, Command, IdentityError, PasswordHash, ProfileChange, Status, StatusKind,
};
use kernel::{AccountId, SequentialIds};

use crate::world::{reason, start};

fn account(kind: StatusKind) -> Account {
    let id = AccountId::next(&SequentialIds::default());
    let record = an_account(id, "ada@example.org", start());
    Account::restore_record(match kind {
        StatusKind::Active => record,
        StatusKind::Suspended => {
            AccountRecord { status: Status::Suspended { at: start(), reason: reason() }, ..record }
        }
        StatusKind::Erased => AccountRecord {
            status: Status::Erased { at: start() },
            email: None,
            password: None,
            ..record
        },
    })
}

fn give(account: &mut Account, command: Command) -> Result<(), IdentityError> {
    match command {
        Command::Suspend => account.suspend(reason(), start()).map(|_| ()),
        Command::Restore => account.restore().map(|_| ()),
        Command::ChangeRoles => account.change_roles(Roles::client()).map(|_| ()),
        Command::UpdateProfile => account.update_profile(ProfileChange::default()).map(|_| ()),
        Command::VerifyEmail => account.verify_email(start()).map(|_| ()),
        Command::ChangePassword => {
            account.change_password(PasswordHash::new("plain:another".to_owned())).map(|_| ())
        }
        Command::Erase => account.erase(start()).map(|_| ()),
    }
}

/// Where a command leads from a state; `None` if it is refused.
fn leads_to(from: StatusKind, command: Command) -> Option<StatusKind> {
    let mut account = account(from);
    let before = account.clone();
    match give(&mut account, command) {
        Ok(()) => Some(account.status().kind()),
        Err(IdentityError::IllegalTransition { allowed, .. }) => {
            assert_eq!(account, before, "a refused command changes nothing");
            assert!(!allowed.contains(&command.name()));
            None
        }
        Err(error) => panic!("{} {from}: {error}", command.name()),
    }
}

#[test]
fn every_command_leads_where_the_table_says() {
    let mut table = String::new();
    for command in Command::ALL {
        for from in StatusKind::ALL {
            let to = leads_to(from, command);
            assert_eq!(to.is_some(), account(from).allowed().contains(&command));
            let to = to.map_or("-", StatusKind::name);
            writeln!(table, "{:<15} {:<9} -> {to}", command.name(), from.name()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_ends_sessions_counts_up_the_token_version_and_nothing_else_does() {
    for command in Command::ALL {
        for from in StatusKind::ALL {
            let mut account = account(from);
            let before = account.token_version();
            let done = give(&mut account, command).is_ok();
            let ends =
                matches!(command, Command::Suspend | Command::ChangePassword | Command::Erase);
            assert_eq!(account.token_version() > before, done && ends, "{command:?} {from}");
        }
    }
}

#[test]
fn nothing_of_the_person_is_left_after_erasure() {
    let mut account = account(StatusKind::Active);
    account.erase(start()).unwrap();

    let record = account.record();
    assert_eq!((record.email.as_ref(), record.password.as_ref()), (None, None));
    assert_eq!(record.profile.display_name.as_str(), "Erased account");
    assert_eq!((record.roles, record.email_verified_at), (Roles::client(), None));
}

#[test]
fn the_page_shows_the_life_that_the_code_allows() {
    let mut diagram = String::from("stateDiagram-v2\n");
    diagram.push_str("    [*] --> active: sign_up (visitor), create_admin (operator)\n");
    for from in StatusKind::ALL {
        for command in Command::ALL {
            if let Some(to) = leads_to(from, command).filter(|to| *to != from) {
                let (name, by) = (command.name(), command.by());
                writeln!(diagram, "    {from} --> {to}: {name} ({by})").unwrap();
            }
        }
        if account(from).allowed().is_empty() {
            writeln!(diagram, "    {from} --> [*]").unwrap();
        }
    }
    let page = format!("{PAGE}\n```mermaid\n{diagram}```\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lifecycles/account.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, page, "stale: UPDATE_DOCS=1 cargo test -p mercato-identity");
}

const PAGE: &str = "\
# The life of an account

Drawn from the code by a test of the crate `identity`; change it there.

An account is `active` from the moment somebody signs up, also before the mail address is verified:
whether an unverified address may sign in is a rule of the marketplace, not a state. An admin keeps
a `suspended` account from signing in, with a reason; its sessions end within a second, and it signs
in anew once it is restored. An `erased` account has no address, no password and no name, and
nothing leads back.

Nobody suspends themselves, and nobody takes the last active admin away.

# The life of a session

A session is one device that signed in. It lives as long as its refresh token is exchanged within 30
days, and ends for good when the person signs out there or ends it from another device, when the
password changes, when the account is suspended or erased, and when a refresh token that was
exchanged before is shown again: then two hold it, and one of them stole it. Only the client that
exchanged it, should it have lost the answer, gets the same successor again for ten seconds.
";

use std::collections::BTreeSet;
use std::fmt::Write;

use super::*;
use crate::http::openapi;

/// Method, path and id of every operation, in the order of their paths.
fn operations() -> Vec<(&'static str, String, String)> {
    let document = openapi();
    let mut found = Vec::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ] {
            if let Some(operation) = operation {
                let id = operation.operation_id.clone().unwrap_or_default();
                found.push((method, path.clone(), id));
            }
        }
    }
    found
}

#[test]
fn every_operation_has_a_line_and_every_line_an_operation() {
    let operations = operations();
    let served: BTreeSet<&str> = operations.iter().map(|(_, _, id)| id.as_str()).collect();
    let lines: BTreeSet<&str> = PERMISSIONS.iter().map(|line| line.operation).collect();

    assert_eq!(served.len(), operations.len(), "an operation id is used twice");
    assert_eq!(lines.len(), PERMISSIONS.len(), "an operation has two lines");
    let without: Vec<_> = served.difference(&lines).collect();
    assert!(without.is_empty(), "these need a line in http/permissions.rs: {without:?}");
    let outdated: Vec<_> = lines.difference(&served).collect();
    assert!(outdated.is_empty(), "these lines have no operation: {outdated:?}");
}

#[test]
fn the_page_of_permissions_is_in_step() {
    let page = page();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/permissions.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "stale: UPDATE_DOCS=1 cargo test -p mercato permissions");
}

fn page() -> String {
    let mut page = String::from(
        "# Permissions\n\n\
         Who may do what, rendered from the matrix in [`crates/access/src/matrix.rs`](../crates/access/src/matrix.rs) and the\n\
         table of operations in [`apps/mercato/src/http/permissions.rs`](../apps/mercato/src/http/permissions.rs) by a test;\n\
         change it there. Another test walks every operation as every kind of person, and compares.\n\n\
         A refusal is 401 for a visitor, 403 for whoever sees the object, and 404 for whoever does not: a stranger\n\
         learns nothing, not even that it exists. The token of a suspended account is answered 401, but by calls that sign in\n\
         or show a secret of their own (`session.open`), which look at no token. An admin has no rights on a person's own\n\
         paths: admins act through calls of their own, which are written to the audit log.\n\n\
         ## The matrix\n\n\
         `all` is everyone in that column, whatever the object. Every account is a client; the other roles come on top.\n\n\
         | action | visitor | client | provider | moderator | admin | meaning |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for action in Action::ALL {
        write!(page, "| `{}`", action.name()).unwrap();
        let everyone = is_open_to_visitors(*action);
        write!(page, " | {}", if everyone { "all" } else { "" }).unwrap();
        for role in Role::ALL {
            let cells: Vec<&str> = grants(*action)
                .iter()
                .filter_map(|grant| match grant.holder {
                    Holder::Everyone => Some("all"),
                    Holder::Role(held) if held == role => {
                        Some(grant.relation.map_or("all", Relation::name))
                    }
                    Holder::Role(_) => None,
                })
                .collect();
            write!(page, " | {}", cells.join(", ")).unwrap();
        }
        writeln!(page, " | {} |", action.meaning()).unwrap();
    }
    page.push_str(
        "\n## The operations\n\n\
         | call | operation | action | object | for |\n\
         |---|---|---|---|---|\n",
    );
    for (method, path, id) in operations() {
        let Some(line) = permission_of(&id) else { continue };
        writeln!(
            page,
            "| {method} {} | `{id}` | `{}` | {} | {} |",
            path.trim_start_matches("/api/v1"),
            line.action.name(),
            line.object.name(),
            audience(line),
        )
        .unwrap();
    }
    page
}

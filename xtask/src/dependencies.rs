//! The direction of dependencies: app → adapters → domains → access → kernel, never sideways or up.
//!
//! What is checked are the dependencies that each `Cargo.toml` declares, for every platform and feature.

use std::{collections::BTreeSet, process::ExitCode};

use cargo_metadata::{DependencyKind, Metadata};

use crate::say;

/// Names that stand for several in [`TABLE`] and in [`GUARDED`].
const GROUPS: [(&str, &str); 4] = [
    ("domains", "identity catalog bookings billing reviews promotions notifications"),
    (
        "adapters",
        "adapter-cloudpayments adapter-credentials adapter-mail adapter-manual adapter-pictures adapter-postgres adapter-sandbox adapter-storage adapter-stripe",
    ),
    (
        "database",
        "deadpool deadpool-postgres diesel diesel-async diesel_migrations graphile_worker_migrations tokio-postgres tokio-postgres-rustls",
    ),
    (
        "web",
        "actix-cors actix-multipart actix-web tracing-actix-web utoipa utoipa-actix-web utoipa-swagger-ui",
    ),
];

/// One line for each crate of the workspace:
/// the crate | crates of ours that it may use | guarded crates that it may use | further crates of ours for its tests.
#[rustfmt::skip]
const TABLE: &str = "
    kernel              |                           |                           |
    access              | kernel                    |                           |

    identity            | access kernel             |                           |
    catalog             | access kernel             |                           |
    bookings            | access kernel             |                           |
    billing             | access kernel             |                           |
    reviews             | access kernel             |                           |
    promotions          | access kernel             |                           |
    notifications       | access kernel             |                           |

    adapter-credentials | access identity kernel    | argon2 jsonwebtoken tokio |
    adapter-mail        | notifications kernel      | lettre tokio              | test-support
    adapter-manual      | access billing kernel     |                           |
    adapter-pictures    | catalog kernel            | image tokio               |
    adapter-storage     | catalog kernel            | object_store tokio        | test-support
    adapter-cloudpayments | billing gateway-client kernel | reqwest             | gateway-fakes
    adapter-sandbox     | billing gateway-client hostile-http kernel | reqwest tokio | gateway-fakes
    adapter-stripe      | billing gateway-client kernel | reqwest               | gateway-fakes
    adapter-postgres    | access domains kernel     | database graphile_worker tokio | embedded-postgres test-support
    gateway-client      | billing                   | reqwest tokio             | hostile-http
    hostile-http        | kernel                    | reqwest tokio             |

    embedded-postgres   |                           | tokio tokio-postgres      |
    gateway-fakes       | billing hostile-http kernel | tokio                   |
    test-support        | adapter-postgres embedded-postgres kernel | tokio tokio-postgres |

    mercato             | access adapters domains embedded-postgres gateway-client kernel | graphile_worker image reqwest tokio tokio-postgres web | test-support
    tests               | access domains gateway-fakes kernel mercato test-support | reqwest tokio tokio-postgres |
    bench               | adapter-postgres embedded-postgres kernel test-support | actix-web reqwest tokio tokio-postgres |
    xtask               | embedded-postgres         | tokio                     |
";

/// Crates that only those may use who are named for them in [`TABLE`]. In tests everybody may.
const GUARDED: &str = "argon2 database graphile_worker image jsonwebtoken lettre mockall object_store reqwest sqlx tokio web";

/// The feature that exports mocks; it alone may bring in `mockall`.
const TESTING: &str = "testing";

/// A crate of the workspace as its `Cargo.toml` describes it.
struct Manifest {
    name: String,
    dependencies: Vec<Declared>,
    /// Each feature with what it switches on.
    features: Vec<(String, Vec<String>)>,
}

struct Declared {
    name: String,
    kind: DependencyKind,
    optional: bool,
}

/// A line of [`TABLE`].
struct Rule<'a> {
    name: &'a str,
    ours: BTreeSet<&'a str>,
    guarded: BTreeSet<&'a str>,
    in_tests: BTreeSet<&'a str>,
}

pub(crate) fn run(workspace: &Metadata) -> ExitCode {
    let manifests = manifests(workspace);
    let refusals = refusals(TABLE, &manifests);
    for refusal in &refusals {
        say(refusal);
    }
    if refusals.is_empty() {
        say(&format!("the dependencies of {} crates point the right way", manifests.len()));
        return ExitCode::SUCCESS;
    }
    say(
        "the rules are in xtask/src/dependencies.rs, their reasons in docs/adr/0003-direction-of-dependencies.md",
    );
    ExitCode::FAILURE
}

/// Everything that the table does not allow, a sentence each.
fn refusals(table: &str, manifests: &[Manifest]) -> Vec<String> {
    let rules: Vec<Rule<'_>> = table.lines().filter_map(rule).collect();
    let ours: BTreeSet<&str> = manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let mut refusals = Vec::new();
    for manifest in manifests {
        match rules.iter().find(|rule| rule.name == manifest.name) {
            Some(rule) => refusals.extend(refusals_of(manifest, rule, &ours)),
            None => refusals.push(format!("{} has no line in the table", manifest.name)),
        }
        refusals.extend(ungated_mocks(manifest));
    }
    let gone = rules.iter().filter(|rule| !ours.contains(rule.name));
    refusals.extend(
        gone.map(|rule| format!("{} has a line in the table, but does not exist", rule.name)),
    );
    refusals
}

fn refusals_of(manifest: &Manifest, rule: &Rule<'_>, ours: &BTreeSet<&str>) -> Vec<String> {
    let name = &manifest.name;
    let verdict = |declared: &Declared| {
        let used = declared.name.as_str();
        let for_tests = declared.kind == DependencyKind::Development;
        if ours.contains(used) {
            let also_in_tests = for_tests && (rule.in_tests.contains(used) || used == name);
            return (!rule.ours.contains(used) && !also_in_tests)
                .then(|| format!("{name} may not use {used}"));
        }
        let guarded = expanded(GUARDED).contains(used) && used != "mockall" && !for_tests;
        (guarded && !rule.guarded.contains(used))
            .then(|| format!("{name} may not use {used}, which is guarded"))
    };
    manifest.dependencies.iter().filter_map(verdict).collect()
}

/// `mockall` is for tests, ours and those of other people: never in what is shipped.
fn ungated_mocks(manifest: &Manifest) -> Option<String> {
    let name = &manifest.name;
    let shipped = |declared: &&Declared| {
        declared.name == "mockall" && declared.kind != DependencyKind::Development
    };
    let mockall = manifest.dependencies.iter().find(shipped)?;
    let switches_on = |parts: &[String], wanted: &[&str]| {
        parts.iter().any(|part| wanted.contains(&part.as_str()))
    };
    let leak = manifest.features.iter().find(|(feature, parts)| {
        // Cargo names a feature after an optional dependency that no other feature calls `dep:`.
        feature == "mockall"
            || (feature != TESTING
                && switches_on(parts, &["dep:mockall", "mockall", "mockall?", TESTING]))
    });
    match leak {
        _ if !mockall.optional => {
            Some(format!("{name} may use mockall only behind its feature `{TESTING}`"))
        }
        Some((feature, _)) => Some(format!("{name} lets its feature `{feature}` bring in mockall")),
        None => None,
    }
}

fn rule(line: &str) -> Option<Rule<'_>> {
    let mut columns = line.split('|').map(str::trim);
    let name = columns.next().filter(|name| !name.is_empty())?;
    let mut names = || expanded(columns.next().unwrap_or_default());
    Some(Rule { name, ours: names(), guarded: names(), in_tests: names() })
}

/// The names in a text, those of groups replaced by their members.
fn expanded(text: &str) -> BTreeSet<&str> {
    let members = |word| {
        GROUPS.iter().find(|(group, _)| *group == word).map_or(word, |(_, members)| *members)
    };
    text.split_whitespace().flat_map(|word| members(word).split_whitespace()).collect()
}

fn manifests(workspace: &Metadata) -> Vec<Manifest> {
    let manifest = |package: &cargo_metadata::Package| Manifest {
        name: short_name(&package.name),
        dependencies: package
            .dependencies
            .iter()
            .map(|declared| Declared {
                name: short_name(&declared.name),
                kind: declared.kind,
                optional: declared.optional,
            })
            .collect(),
        features: package.features.clone().into_iter().collect(),
    };
    workspace.workspace_packages().into_iter().map(manifest).collect()
}

/// The folder's name: `bookings` for `mercato-bookings`.
fn short_name(package: &str) -> String {
    package.strip_prefix("mercato-").unwrap_or(package).to_owned()
}

#[cfg(test)]
mod tests {
    use cargo_metadata::MetadataCommand;

    use super::*;

    const RULES: &str = "
        kernel   |        |       |
        catalog  | kernel |       |
        bookings | kernel |       |
        adapter  | kernel catalog | diesel | bookings
    ";

    fn declared(name: &str, kind: DependencyKind) -> Declared {
        Declared { name: name.to_owned(), kind, optional: false }
    }

    fn manifest(name: &str, dependencies: Vec<Declared>) -> Manifest {
        Manifest { name: name.to_owned(), dependencies, features: Vec::new() }
    }

    /// What is said of a workspace that is in order but for one crate.
    fn refusals_with(changed: Manifest) -> Vec<String> {
        let names = ["kernel", "catalog", "bookings", "adapter"];
        let mut manifests: Vec<Manifest> = names.map(|name| manifest(name, Vec::new())).into();
        manifests.retain(|manifest| manifest.name != changed.name);
        manifests.push(changed);
        refusals(RULES, &manifests)
    }

    #[test]
    fn this_workspace_keeps_the_rules() {
        let workspace = MetadataCommand::new().no_deps().exec().unwrap();

        assert_eq!(refusals(TABLE, &manifests(&workspace)), Vec::<String>::new());
    }

    #[test]
    fn the_same_workspace_with_one_forbidden_arrow_is_refused() {
        let workspace = MetadataCommand::new().no_deps().exec().unwrap();
        let mut manifests = manifests(&workspace);
        let bookings = manifests.iter_mut().find(|manifest| manifest.name == "bookings").unwrap();
        bookings.dependencies.push(declared("diesel", DependencyKind::Normal));
        bookings.dependencies.push(declared("catalog", DependencyKind::Normal));

        let expected =
            ["bookings may not use diesel, which is guarded", "bookings may not use catalog"];
        assert_eq!(refusals(TABLE, &manifests), expected);
    }

    #[test]
    fn a_domain_may_not_use_its_sibling_not_even_in_tests() {
        for kind in [DependencyKind::Normal, DependencyKind::Build, DependencyKind::Development] {
            let refusals = refusals_with(manifest("bookings", vec![declared("catalog", kind)]));

            assert_eq!(refusals, ["bookings may not use catalog"], "{kind:?}");
        }
    }

    #[test]
    fn a_guarded_crate_is_for_those_named_and_for_tests() {
        let with = |name, kind| refusals_with(manifest(name, vec![declared("diesel", kind)]));

        assert_eq!(
            with("catalog", DependencyKind::Normal),
            ["catalog may not use diesel, which is guarded"]
        );
        assert!(with("adapter", DependencyKind::Normal).is_empty());
        assert!(with("catalog", DependencyKind::Development).is_empty());
    }

    #[test]
    fn what_is_for_tests_is_not_for_use() {
        let with = |kind| refusals_with(manifest("adapter", vec![declared("bookings", kind)]));

        assert!(with(DependencyKind::Development).is_empty());
        assert_eq!(with(DependencyKind::Normal), ["adapter may not use bookings"]);
    }

    #[test]
    fn a_crate_must_have_a_line_and_a_line_a_crate() {
        let refusals = refusals("catalog | |", &[manifest("auctions", Vec::new())]);

        let expected = [
            "auctions has no line in the table",
            "catalog has a line in the table, but does not exist",
        ];
        assert_eq!(refusals, expected);
    }

    #[test]
    fn mocks_come_only_with_the_feature_for_testing() {
        let with = |optional, features: &[(&str, &str)]| {
            let mut catalog =
                manifest("catalog", vec![declared("mockall", DependencyKind::Normal)]);
            catalog.dependencies[0].optional = optional;
            catalog.features = features
                .iter()
                .map(|(name, part)| ((*name).into(), vec![(*part).into()]))
                .collect();
            refusals_with(catalog)
        };

        assert!(with(true, &[("testing", "dep:mockall")]).is_empty());
        assert_eq!(with(false, &[]), ["catalog may use mockall only behind its feature `testing`"]);
        assert_eq!(
            with(true, &[("extra", "dep:mockall")]),
            ["catalog lets its feature `extra` bring in mockall"]
        );
        assert_eq!(
            with(true, &[("default", "testing")]),
            ["catalog lets its feature `default` bring in mockall"]
        );
    }
}

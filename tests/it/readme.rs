//! What the README says of the project is so. Its tour is walked in `apps/mercato/tests/it/tour.rs`.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands between `before` and `after`, each time.
fn between<'t>(text: &'t str, before: &str, after: &str) -> Vec<&'t str> {
    text.split(before).skip(1).filter_map(|rest| Some(rest.split_once(after)?.0)).collect()
}

#[test]
fn the_test_with_mocks_is_one_that_runs() {
    let readme = read("README.md");
    let printed = between(&readme, "```rust\n", "```");

    assert_eq!(printed, [read("crates/bookings/tests/it/mocks.rs")]);
    assert!(read("crates/bookings/tests/it/main.rs").contains("\nmod mocks;\n"));
}

#[test]
fn the_crates_and_programs_that_it_names_exist() {
    let readme = read("README.md");
    let manifests: Vec<String> = fs::read_dir(root().join("crates"))
        .expect("there are crates")
        .map(|entry| read(entry.expect("a folder").path().join("Cargo.toml")))
        .collect();
    let manifest_of = |package: &str| {
        let name = format!("name = \"{package}\"");
        let found = manifests.iter().find(|manifest| manifest.contains(&name));
        found.unwrap_or_else(|| panic!("there is no package {package}"))
    };

    for line in readme.lines().filter(|line| line.contains("{ package = ")) {
        let alias = line.split_once(" = ").expect("a dependency").0;
        let manifest = manifest_of(between(line, "package = \"", "\"")[0]);
        assert!(manifest.contains(&format!("[lib]\nname = \"{alias}\"")), "{line}");
        for feature in between(line, "features = [\"", "\"") {
            assert!(manifest.contains(&format!("\n{feature} = [")), "{line}");
        }
    }
    let programs = between(&readme, "cargo run -p mercato-", "\n");
    assert!(!programs.is_empty());
    for program in programs {
        let (krate, example) = program.split_once(" --example ").expect("a program");
        let _ = manifest_of(&format!("mercato-{krate}"));
        assert!(read(format!("crates/{krate}/examples/{example}.rs")).contains("fn main()"));
    }
}

#[test]
fn every_page_and_every_command_that_it_names_exists() {
    let readme = read("README.md");
    for target in between(&readme, "](", ")").into_iter().filter(|to| !to.contains("://")) {
        assert!(root().join(target).exists(), "README.md: {target}");
    }
    let makefile = read("Makefile");
    for target in between(&readme, "`make ", "`") {
        assert!(makefile.contains(&format!("\n{target}:")), "README.md: make {target}");
    }
}

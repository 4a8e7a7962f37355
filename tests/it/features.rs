//! `docs/features.md` speaks of calls and tests that exist, and of every feature.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scenarios::Operation;

/// Every feature that the page must have a row for.
const FEATURES: [&str; 23] = [
    "H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8", "H9", "H10", "S1", "S2", "S3", "S4", "S5",
    "S6", "V1", "V2", "V3", "V4", "V5", "V6", "B2",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

struct Row {
    feature: String,
    calls: String,
    tests: String,
}

fn rows() -> Vec<Row> {
    let page = fs::read_to_string(root().join("docs/features.md")).expect("the page exists");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| feature"));
    rows.map(|line| {
        let columns: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [feature, calls, tests] = columns[..] else { panic!("not three cells: {line}") };
        Row { feature: feature.to_owned(), calls: calls.to_owned(), tests: tests.to_owned() }
    })
    .collect()
}

/// What stands in back-ticks.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_feature_has_a_row_with_its_calls_and_tests() {
    let rows = rows();
    for feature in FEATURES {
        let named = rows.iter().filter(|row| row.feature.split(' ').next() == Some(feature));
        assert_eq!(named.count(), 1, "docs/features.md: {feature}");
    }
    for Row { feature, calls, tests } in &rows {
        assert!(!calls.is_empty() && !code(tests).is_empty(), "{feature}: a cell is empty");
    }
}

#[test]
fn every_call_that_it_names_exists() {
    for Row { feature, calls, .. } in rows() {
        // `PUT`, `DELETE /x`: a method by itself belongs to the next path.
        let mut methods: Vec<&str> = Vec::new();
        // `POST /x/accept`, `/decline`: a path may be written from where it parts from the last.
        let mut folder = String::new();
        for text in code(&calls) {
            let (method, path) = text.split_once(' ').unwrap_or(("", text));
            if method.is_empty() && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
                methods.push(text);
            }
            if !path.starts_with('/') {
                continue;
            }
            methods.push(method);
            let path = path.split('?').next().unwrap_or_default();
            let beside = format!("{folder}{path}");
            for method in methods.drain(..) {
                let is_there = exists(method, path) || method.is_empty() && exists("", &beside);
                assert!(is_there, "{feature}: there is no {method} {path}");
            }
            let whole = if exists("", path) { path } else { &beside };
            folder = whole.rsplit_once('/').expect("a path").0.to_owned();
        }
        assert!(methods.is_empty(), "{feature}: {methods:?} without a path");
    }
}

/// Whether there is a call; without a method, with any. `/x/*` is any below `/x`.
fn exists(method: &str, path: &str) -> bool {
    ["/docs/", "/openapi.json"].contains(&path)
        || Operation::all().iter().any(|operation| {
            let own = operation.path.trim_start_matches("/api/v1");
            let is_here = match path.strip_suffix('*') {
                Some(folder) => own.starts_with(folder),
                None => own == path,
            };
            is_here && (method.is_empty() || operation.method == method)
        })
}

#[test]
fn every_test_that_it_names_exists() {
    let mut files = Vec::new();
    collect(&root().join("tests/it"), &mut files);
    collect(&root().join("apps/mercato/tests/it"), &mut files);
    for member in fs::read_dir(root().join("crates")).expect("the folder exists") {
        let tests = member.expect("an entry").path().join("tests/it");
        if tests.is_dir() {
            collect(&tests, &mut files);
        }
    }
    let sources: Vec<(String, String)> = files
        .iter()
        .map(|file| (file.display().to_string(), fs::read_to_string(file).expect("a source file")))
        .collect();
    let mut named = BTreeSet::new();
    for Row { feature, tests, .. } in rows() {
        let mut file: Option<&(String, String)> = None;
        for name in code(&tests) {
            if Path::new(name).extension().is_some_and(|extension| extension == "rs") {
                let own = name.starts_with("crates/") || name.starts_with("apps/");
                let end = if own { format!("/{name}") } else { format!("/tests/it/{name}") };
                file = sources.iter().find(|(path, _)| path.ends_with(&end));
                assert!(file.is_some(), "{feature}: there is no {name}");
            } else {
                let (path, source) = file.expect("a test stands behind its file");
                assert!(source.contains(&format!("fn {name}(")), "{feature}: {path}: {name}");
                named.insert(name.to_owned());
            }
        }
    }
    assert!(!named.is_empty());
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

//! `docs/errors.md` and the code say the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_code_is_explained_and_every_explanation_has_a_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    collect(&root.join("crates"), &mut files);
    collect(&root.join("apps"), &mut files);
    let given: BTreeSet<String> = files
        .iter()
        .flat_map(|file| codes(&fs::read_to_string(file).expect("a source file is text")))
        .collect();
    let page = fs::read_to_string(root.join("docs/errors.md")).expect("the page exists");
    let rows: Vec<String> = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    let explained: BTreeSet<String> = rows.iter().cloned().collect();
    assert_eq!(explained.len(), rows.len(), "a code is explained twice");

    let unexplained: Vec<_> = given.difference(&explained).collect();
    assert!(unexplained.is_empty(), "docs/errors.md lacks {unexplained:?}");
    let outdated: Vec<_> = explained.difference(&given).collect();
    assert!(outdated.is_empty(), "nothing gives {outdated:?}");
}

/// The codes that a source file gives: those of its `Failure`s, and those of its `Problem`s.
fn codes(source: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for part in source.split("fn code(&self) -> &'static str {").skip(1) {
        let body = part.split("\n    }\n").next().unwrap_or_default();
        codes.extend(texts(body));
    }
    for start in ["Problem::malformed(", "Problem::new("] {
        for call in source.split(start).skip(1) {
            // `Problem::new` takes a status first; both end with a sentence for people.
            let first = texts(call.split(';').next().unwrap_or_default()).into_iter().next();
            codes.extend(first.filter(|text| is_code(text)));
        }
    }
    // Those that `Problem` gives by itself.
    for call in source.split("Self::new(StatusCode::").skip(1) {
        codes.extend(texts(call).into_iter().next().filter(|text| is_code(text)));
    }
    codes
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.')
}

/// The texts between quotes.
fn texts(code: &str) -> Vec<String> {
    code.split('"').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the folder is there");
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.ends_with("tests") || path.ends_with("tests.rs") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

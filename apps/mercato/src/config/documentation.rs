//! The one commented file is the reference; the page for people is rendered from it.

#[cfg(test)]
use std::fmt::Write as _;

/// Every setting with its meaning and its default: a file that can be used as it is.
pub const EXAMPLE: &str = include_str!("../../../../config/mercato.toml");

/// One documented setting.
#[cfg(test)]
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The section; empty at the top.
    pub(super) section: String,
    /// The key within it.
    pub(super) key: String,
    /// The default as TOML; an example if `optional`.
    pub(super) value: String,
    /// Whether it is unset by default (`#key = example`).
    pub(super) optional: bool,
    /// What it means.
    pub(super) meaning: String,
}

/// Reads the entries and the introduction of each section.
#[cfg(test)]
pub(super) fn entries(file: &str) -> (Vec<Entry>, Vec<(String, String)>) {
    let mut section = String::new();
    let mut words: Vec<&str> = Vec::new();
    let (mut entries, mut sections) = (Vec::new(), Vec::new());
    for line in file.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            words.push(text);
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            sections.push((section.clone(), words.join(" ")));
            words.clear();
        } else if let Some((key, value)) = line.split_once(" = ") {
            entries.push(Entry {
                section: section.clone(),
                key: key.trim_start_matches('#').to_owned(),
                value: value.to_owned(),
                optional: key.starts_with('#'),
                meaning: words.join(" "),
            });
            words.clear();
        } else {
            words.clear();
        }
    }
    (entries, sections)
}

/// `docs/configuration.md`.
#[cfg(test)]
pub(super) fn render(file: &str) -> String {
    let (entries, sections) = entries(file);
    let mut page = String::from(INTRODUCTION);
    let top = std::iter::once((String::new(), "What holds for all of it.".to_owned()));
    for (section, about) in top.chain(sections) {
        let title = if section.is_empty() { "top of the file" } else { &section };
        let _ = write!(
            page,
            "\n## {title}\n\n{about}\n\n| key | variable | default | meaning |\n|---|---|---|---|\n"
        );
        for entry in entries.iter().filter(|entry| entry.section == section) {
            let path = if section.is_empty() {
                entry.key.to_uppercase()
            } else {
                let section = section.to_uppercase().replace('.', "__");
                format!("{section}__{}", entry.key.to_uppercase())
            };
            let value = if entry.optional {
                format!("none (example: `{}`)", entry.value)
            } else {
                format!("`{}`", entry.value)
            };
            let _ = writeln!(
                page,
                "| `{}` | `MERCATO__{path}` | {value} | {} |",
                entry.key,
                entry.meaning.replace('|', "\\|")
            );
        }
    }
    page
}

#[cfg(test)]
const INTRODUCTION: &str = "\
# Configuration

Rendered from [`config/mercato.toml`](../config/mercato.toml), the file that documents every setting and can be used as it is.

Each place overrides the one before: the defaults, one TOML file (`--config FILE`, `MERCATO_CONFIG`, else `mercato.toml` in the current folder if it exists), environment variables, flags
(`--set section.key=value`).

- A variable is `MERCATO__SECTION__KEY`; lists are separated by commas. `DATABASE_URL` stands for `MERCATO__DATABASE__URL`.
- Every variable also exists with `_FILE` at its end: it names a file whose content is the value, as Docker and Kubernetes hand secrets over.
- A key that does not exist is an error that names it.
- `mercato config print` shows what is in force, secrets masked; `mercato config example` prints the commented file.
- `environment = \"production\"` refuses demo secrets, demo data and simulated time.
";

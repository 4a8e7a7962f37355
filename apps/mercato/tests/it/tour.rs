//! The tour of the README, pasted into a shell as it is printed.

use std::process::Command;

use serde_json::Value;
use test_support::TestDatabase;

use crate::process::Process;

/// Where the README says that the marketplace is.
const PRINTED: &str = "http://127.0.0.1:8080";

/// Tells the status of every call on standard error, and ends every answer's line.
const WATCHED: &str = r#"
curl() {
    command curl --write-out '%{stderr}%{http_code}\n' "$@"
    local ended=$?
    echo
    return $ended
}
"#;

/// The status of every call of the tour, in order; the last one is refused on purpose.
const STATUSES: [&str; 15] = [
    "200", "200", "201", "200", "200", "200", "201", "200", "200", "200", "200", "201", "200",
    "200", "409",
];

/// The shell blocks of the section.
fn blocks<'a>(readme: &'a str, title: &str) -> Vec<&'a str> {
    let section = readme.split(&format!("\n## {title}\n")).nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap()).collect()
}

#[tokio::test]
async fn the_tour_of_the_readme_leads_where_it_says() {
    let database = TestDatabase::new().await;
    let url = Some(database.url());
    let few = ["seed", "--users", "8", "--listings", "2", "--bookings", "0"];
    let mut seeding = Process::start(url, &few);
    assert!(seeding.end().success(), "{}", seeding.errors());
    let mut server = Process::start(url, &["serve"]);
    let line = server.line_with("API");
    let base = line.split_whitespace().nth(1).unwrap().trim_end_matches("/api/v1").to_owned();
    let readme = include_str!("../../../../README.md");
    let tour = blocks(readme, "A tour").concat();
    assert!(tour.contains(PRINTED));

    let script = format!("set -eu\n{WATCHED}{}", tour.replace(PRINTED, &base));
    let shell = tokio::task::spawn_blocking(move || {
        Command::new("bash").args(["-c", &script]).output().unwrap()
    });
    let output = shell.await.unwrap();

    let errors = String::from_utf8(output.stderr).unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{errors}\n{answers}");
    assert_eq!(errors.lines().collect::<Vec<_>>(), STATUSES, "{answers}");
    let answers: Vec<Value> = answers
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [found, kept, .., listing, refusal] = &answers[1..] else { panic!("{answers:#?}") };
    assert_eq!(found["data"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(kept["is_favorite"], true);
    assert_eq!(listing["id"], found["data"][0]["id"]);
    assert_eq!(listing["status"], "published");
    assert_eq!(listing["rating"]["count"], 1, "{listing}");
    assert_eq!(refusal["code"], "illegal_transition");
}

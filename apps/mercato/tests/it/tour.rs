//! The tour of the README, pasted into a shell as it is printed.

use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;
use test_support::TestDatabase;

use crate::process::Process;

/// Where the README says that the marketplace is.
const PRINTED: &str = "http://127.0.0.1:8080";

/// Tells the status of every call on standard error, and ends every answer's line.
const WATCHED: &str = r#"
curl() {
    # Waiting for something asks any number of times.
    if [ "${FUNCNAME[1]:-}" = stands ]; then
        command curl "$@"
        return
    fi
    command curl --write-out '%{stderr}%{http_code}\n' "$@"
    local ended=$?
    echo
    return $ended
}
"#;

/// The status of every call of the tour that shows one, in order; the last is refused on purpose.
const STATUSES: [&str; 23] = [
    "200", "200", "201", "200", "200", "200", "201", "200", "200", "200", "200", "201", "200",
    "200", "201", "200", "200", "201", "201", "200", "200", "200", "409",
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
    // Its own port: the gateway sends payers to an address that has to be known beforehand.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut server = Process::start(url, &["serve", "--address", &free]);
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
    let [found, kept, .., listing, _, _, balance, refusal] = &answers[1..] else {
        panic!("{answers:#?}")
    };
    assert_eq!(found["data"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!(kept["is_favorite"], true);
    assert_eq!(listing["id"], found["data"][0]["id"]);
    assert_eq!(listing["status"], "published");
    assert_eq!(listing["rating"]["count"], 1, "{listing}");
    // 90.00 EUR without 10 % commission and 19 % tax on it.
    assert_eq!(balance["data"][0]["pending"]["amount"], 7929, "{balance}");
    assert_eq!(refusal["code"], "illegal_transition");
}

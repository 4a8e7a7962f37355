//! Every command in every state, as one reviewed table, and the diagram drawn from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use reviews::testing::{a_review, two_sided};
use reviews::{Counterpart, Edit, Policy, Reason, Review, ReviewRecord, Status};

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_790_000_000, 0).expect("a valid time");

/// Who or what gives a command.
const BY_AUTHOR: &str = "author";
const BY_MODERATOR: &str = "moderator";
const BY_CLOCK: &str = "clock";
const BY_OTHER_SIDE: &str = "other side";

type Command = fn(&mut Review, &Policy, Counterpart, DateTime<Utc>) -> bool;

fn commands() -> [(&'static str, &'static str, Command); 8] {
    [
        ("submit", BY_AUTHOR, |r, policy, _, now| r.submit(policy, now).is_ok()),
        ("confirm", BY_AUTHOR, |r, policy, other, now| r.confirm(policy, other, now).is_ok()),
        ("edit", BY_AUTHOR, |r, policy, other, now| {
            r.edit(Edit::default(), policy, other, now).is_ok()
        }),
        ("approve", BY_MODERATOR, |r, policy, other, now| r.approve(policy, other, now).is_ok()),
        ("hide", BY_MODERATOR, |r, _, _, now| r.hide(reason(), now).is_ok()),
        ("restore", BY_MODERATOR, |r, policy, other, now| {
            r.restore_shown(policy, other, now).is_ok()
        }),
        ("reveal", BY_OTHER_SIDE, |r, _, other, now| r.reveal(other, now).is_some()),
        ("discard", BY_CLOCK, |r, _, _, now| r.discard(now).is_some()),
    ]
}

fn reason() -> Reason {
    Reason::from_stored("insulting".to_owned())
}

fn states() -> Vec<Vec<Status>> {
    let confirmed_at = NOW - TimeDelta::hours(1);
    let hidden =
        |published_at| Status::Hidden { confirmed_at, published_at, at: NOW, reason: reason() };
    vec![
        vec![Status::Draft],
        vec![Status::PendingConfirmation { confirm_by: NOW + TimeDelta::days(7) }],
        vec![Status::PendingModeration { confirmed_at }],
        vec![Status::Held { confirmed_at }],
        vec![Status::Published { confirmed_at, at: confirmed_at }],
        vec![hidden(None), hidden(Some(confirmed_at))],
        vec![Status::Discarded { at: NOW }],
    ]
}

/// Where each command leads from each state, over all policies, all states of the other side,
/// and before and after every deadline.
fn transitions() -> BTreeMap<(usize, usize), BTreeSet<usize>> {
    let policies = [
        Policy::default(),
        two_sided(),
        Policy { moderation: true, ..Policy::default() },
        Policy { moderation: true, ..two_sided() },
    ];
    let others = [Counterpart::Missing, Counterpart::In, Counterpart::Shown];
    let times = [NOW, NOW + TimeDelta::days(60)];
    let mut found: BTreeMap<(usize, usize), BTreeSet<usize>> = BTreeMap::new();
    for (c, (_, _, command)) in commands().into_iter().enumerate() {
        for (s, samples) in states().into_iter().enumerate() {
            let to = found.entry((c, s)).or_default();
            for status in samples {
                for policy in &policies {
                    for other in others {
                        for now in times {
                            let mut review = Review::restore(ReviewRecord {
                                status: status.clone(),
                                ..a_review(NOW)
                            });
                            if command(&mut review, policy, other, now) {
                                to.insert(index(review.status()));
                            }
                        }
                    }
                }
            }
        }
    }
    found
}

fn index(status: &Status) -> usize {
    Status::NAMES.iter().position(|name| *name == status.name()).expect("every state is named")
}

#[test]
fn transitions_are_as_reviewed() {
    let mut table = String::new();
    for ((c, s), to) in transitions() {
        let names: Vec<&str> = to.iter().map(|to| Status::NAMES[*to]).collect();
        let names = if names.is_empty() { "-".to_owned() } else { names.join(" | ") };
        writeln!(table, "{:<8} {:<20} -> {names}", commands()[c].0, Status::NAMES[s]).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_state_is_reached_and_all_but_the_last_are_left() {
    let transitions = transitions();
    let mut reached = BTreeSet::from([0]);
    loop {
        let before = reached.len();
        for ((_, from), to) in &transitions {
            if reached.contains(from) {
                reached.extend(to);
            }
        }
        if reached.len() == before {
            break;
        }
    }
    assert_eq!(reached.len(), Status::NAMES.len(), "unreachable states");

    for (from, name) in Status::NAMES.iter().enumerate() {
        let left =
            transitions.iter().any(|((_, s), to)| *s == from && to.iter().any(|t| *t != from));
        assert_eq!(left, *name != "discarded", "{name}");
    }
}

#[test]
fn the_diagram_is_in_step() {
    let mut diagram =
        String::from("stateDiagram-v2\n    [*] --> draft: write (client, provider)\n");
    for ((c, s), to) in transitions() {
        let (name, by, _) = commands()[c];
        for to in to.into_iter().filter(|to| *to != s) {
            let by = if name == "reveal" { "other side, or the clock" } else { by };
            let (from, to) = (Status::NAMES[s], Status::NAMES[to]);
            writeln!(diagram, "    {from} --> {to}: {name} ({by})").unwrap();
        }
    }
    diagram.push_str("    discarded --> [*]\n");
    let page = format!("{INTRODUCTION}\n```mermaid\n{diagram}```\n");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lifecycles/review.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }

    let written = std::fs::read_to_string(path).unwrap_or_default();

    assert_eq!(written, page, "run the tests with UPDATE_DOCS=1 and look at the difference");
}

const INTRODUCTION: &str = "# The life of a review

Drawn from the code by a test of the crate `reviews`; change it there.

A side of a completed booking writes one review within the window (14 days), hands it in, and
confirms it, signed in or by the link in its mail. What follows depends on the marketplace:

- where moderators look first, it waits in `pending_moderation`;
- where both sides review blindly, it is `held` until the other side's is in or the window is over;
- otherwise it is `published` at once.

Only a `published` review is read by everyone, and only one by a client counts in the rating of the
listing and its provider. An edit (48 hours) of a review that a moderator approved goes back to the
moderator. What is not handed in or confirmed in time is `discarded`, and may be written again
while the window is open.
";

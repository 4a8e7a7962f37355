//! Every command in every state, as reviewed tables, and the pages that are drawn from them.

use std::fmt::Write;
use std::path::Path;

use catalog::testing::{a_listing, a_listing_type, a_provider, some_content};
use catalog::{
    CatalogError, Cause, Change, ChangeRequest, ChangeRequestStatus, ContentPatch, Listing,
    ListingRecord, ListingStatus, ListingType, Provider, ProviderStatus, Reason, Verification,
};
use chrono::{DateTime, Utc};
use kernel::{AccountId, ChangeRequestId, Failure, SystemIds};
use serde_json::json;

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).expect("a valid time");
const CAUSE: Cause = Cause { actor: None, now: NOW };

fn reason() -> Reason {
    Reason::from_stored("Not a lamp.".to_owned())
}

fn a_type(moderation: &str) -> ListingType {
    a_listing_type(json!({
        "key": "project", "title": "Project", "plural": "Projects", "moderation": moderation,
    }))
}

fn states() -> [ListingStatus; 6] {
    [
        ListingStatus::Draft,
        ListingStatus::PendingReview { since: NOW },
        ListingStatus::Published,
        ListingStatus::Paused,
        ListingStatus::Rejected { at: NOW, reason: reason() },
        ListingStatus::Archived { at: NOW },
    ]
}

fn listing(status: ListingStatus) -> Listing {
    let published_at = matches!(status, ListingStatus::Published | ListingStatus::Paused);
    Listing::restore(ListingRecord {
        published_at: published_at.then_some(NOW),
        status,
        ..a_listing(NOW)
    })
}

fn retitled() -> ContentPatch {
    ContentPatch { title: Change::Set("Another title".to_owned()), ..<_>::default() }
}

type Command = fn(&mut Listing, &ListingType) -> Result<(), CatalogError>;

const COMMANDS: [(&str, &str, Command); 8] = [
    ("edit", "provider", |l, t| l.edit(t, &retitled(), None, CAUSE).map(drop)),
    ("publish", "provider", |l, t| l.publish(t, NOW).map(drop)),
    ("withdraw", "provider", |l, _| l.withdraw(NOW).map(drop)),
    ("pause", "provider", |l, _| l.pause(NOW).map(drop)),
    ("resume", "provider", |l, t| l.resume(t, NOW).map(drop)),
    ("archive", "provider", |l, _| l.archive(NOW).map(drop)),
    ("approve", "moderator", |l, _| l.approve(NOW).map(drop)),
    ("reject", "moderator", |l, _| l.reject(reason(), NOW).map(drop)),
];

/// From, command, by, to; under a way of moderation.
fn transitions(moderation: &str) -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let listing_type = a_type(moderation);
    let mut lines = Vec::new();
    for status in states() {
        for (command, by, act) in COMMANDS {
            let mut it = listing(status.clone());
            match act(&mut it, &listing_type) {
                Ok(()) => lines.push((status.name(), command, by, it.status().name())),
                Err(error) => assert_eq!(error.code(), "illegal_transition", "{command} {error}"),
            }
        }
    }
    lines
}

#[test]
fn transitions_of_a_listing() {
    let mut table = String::new();
    for (from, command, _, to) in transitions("before") {
        writeln!(table, "{from:<14} {command:<9} -> {to}").unwrap();
    }
    insta::assert_snapshot!(table, @r"
    draft          edit      -> draft
    draft          publish   -> pending_review
    draft          archive   -> archived
    pending_review withdraw  -> draft
    pending_review archive   -> archived
    pending_review approve   -> published
    pending_review reject    -> rejected
    published      edit      -> published
    published      pause     -> paused
    published      archive   -> archived
    published      reject    -> rejected
    paused         edit      -> paused
    paused         resume    -> published
    paused         archive   -> archived
    paused         reject    -> rejected
    rejected       edit      -> draft
    rejected       withdraw  -> draft
    rejected       archive   -> archived
    ");
}

#[test]
fn a_refusal_names_what_is_possible() {
    for status in states() {
        let name = status.name();
        let possible: Vec<_> = transitions("before")
            .into_iter()
            .filter(|(from, ..)| *from == name)
            .map(|(_, command, ..)| command)
            .collect();
        for (command, _, act) in COMMANDS {
            if let Err(error) = act(&mut listing(status.clone()), &a_type("before")) {
                assert_eq!(error.allowed().unwrap(), possible, "{command} {name}");
            }
        }
    }
}

#[test]
fn who_looks_afterwards_finds_what_is_public_in_the_queue() {
    let listing_type = a_type("after");
    let mut it = listing(ListingStatus::Draft);

    it.publish(&listing_type, NOW).unwrap();
    assert_eq!(it.record().unreviewed_since, Some(NOW));
    it.approve(NOW).unwrap();
    assert_eq!(it.record().unreviewed_since, None);
    it.edit(&listing_type, &retitled(), None, CAUSE).unwrap();

    assert_eq!(it.record().unreviewed_since, Some(NOW));
    assert_eq!(it.status(), &ListingStatus::Published);
}

#[test]
fn an_edit_that_changes_nothing_leaves_no_trace() {
    let mut it = listing(ListingStatus::Rejected { at: NOW, reason: reason() });
    let same =
        ContentPatch { title: Change::Set(some_content().title.to_string()), ..<_>::default() };

    let edit = it.edit(&a_type("none"), &same, None, CAUSE).unwrap();

    assert!(edit.events.is_empty());
    assert_eq!((it.version(), it.status().name()), (1, "rejected"));
}

fn verifications() -> [Verification; 3] {
    [
        Verification::Unverified,
        Verification::Pending { since: NOW },
        Verification::Verified { at: NOW },
    ]
}

fn provider_transitions() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    let renamed =
        catalog::ProfilePatch { name: Change::Set("Another name".to_owned()), ..<_>::default() };
    let mut lines = Vec::new();
    for verification in verifications() {
        let from = verification.name();
        let mut line = |command, by, act: &dyn Fn(&mut Provider) -> bool| {
            let mut provider = Provider { verification: verification.clone(), ..a_provider(NOW) };
            if act(&mut provider) {
                lines.push((from, command, by, provider.verification.name()));
            }
        };
        line("rename", "provider", &|p| p.edit(&renamed, NOW).is_ok());
        line("request_verification", "provider", &|p| p.request_verification(NOW).is_ok());
        line("verify", "moderator", &|p| p.verify(NOW).is_ok());
        line("refuse_verification", "moderator", &|p| p.refuse_verification(NOW).is_ok());
    }
    lines
}

#[test]
fn transitions_of_a_verification() {
    let mut table = String::new();
    for (from, command, _, to) in provider_transitions() {
        writeln!(table, "{from:<10} {command:<20} -> {to}").unwrap();
    }
    insta::assert_snapshot!(table, @r"
    unverified rename               -> unverified
    unverified request_verification -> pending
    unverified verify               -> verified
    pending    rename               -> unverified
    pending    verify               -> verified
    pending    refuse_verification  -> unverified
    verified   rename               -> unverified
    verified   refuse_verification  -> unverified
    ");
}

#[test]
fn a_provider_is_suspended_and_restored_once() {
    let mut provider = a_provider(NOW);

    assert!(provider.restore(NOW).is_err());
    provider.suspend(reason(), NOW).unwrap();
    assert!(provider.suspend(reason(), NOW).is_err());
    provider.restore(NOW).unwrap();

    assert_eq!(provider.status, ProviderStatus::Active);
    assert_eq!(provider.version, 3);
}

/// A change of a public listing that waits.
fn a_change() -> ChangeRequest {
    let mut public = listing(ListingStatus::Published);
    let edit = public.edit(&a_type("before"), &retitled(), None, CAUSE).unwrap();
    ChangeRequest {
        id: ChangeRequestId::next(&SystemIds),
        listing: public.id(),
        provider: public.record().provider,
        changes: edit.pending.unwrap(),
        requested_by: AccountId::next(&SystemIds),
        requested_at: NOW,
        status: ChangeRequestStatus::Pending,
        version: 1,
    }
}

type Decision = fn(&mut ChangeRequest) -> Result<(), CatalogError>;

const DECISIONS: [(&str, &str, Decision); 4] = [
    ("approve", "moderator", |it| it.approve(None, NOW)),
    ("reject", "moderator", |it| it.reject(None, reason(), NOW)),
    ("withdraw", "provider", |it| it.withdraw(NOW)),
    ("supersede", "provider, by another edit", |it| it.supersede(NOW)),
];

fn change_transitions() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    DECISIONS
        .into_iter()
        .map(|(command, by, act)| {
            let mut change = a_change();
            act(&mut change).unwrap();
            for (_, _, again) in DECISIONS {
                assert!(again(&mut change).is_err(), "{command} is the end");
            }
            ("pending", command, by, change.status.name())
        })
        .collect()
}

#[test]
fn a_change_is_decided_once() {
    let ends: Vec<_> = change_transitions().into_iter().map(|(_, _, _, to)| to).collect();

    assert_eq!(ends, ["approved", "rejected", "withdrawn", "superseded"]);
}

/// A page of `docs/lifecycles`: what is said of it, the diagram, and the table of commands.
fn page(intro: &str, start: &str, lines: &[(&str, &str, &str, &str)]) -> String {
    let mut diagram = format!("    [*] --> {start}\n");
    let mut table = String::new();
    let mut ends: Vec<&str> = Vec::new();
    for (from, command, by, to) in lines {
        if from != to {
            writeln!(diagram, "    {from} --> {to}: {command}").unwrap();
        }
        writeln!(table, "| `{from}` | `{command}` | {by} | `{to}` |").unwrap();
        let leads_on = lines.iter().any(|(other, ..)| other == to);
        if !leads_on && !ends.contains(to) {
            ends.push(to);
        }
    }
    for end in ends {
        writeln!(diagram, "    {end} --> [*]").unwrap();
    }
    format!(
        "{intro}\n```mermaid\nstateDiagram-v2\n{diagram}```\n\n\
         | from | command | by | to |\n|---|---|---|---|\n{table}"
    )
}

fn compare(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lifecycles").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "stale: UPDATE_DOCS=1 cargo test -p mercato-catalog lifecycles");
}

#[test]
fn the_page_of_listings_is_as_the_code() {
    let intro = "# The life of a listing\n\n\
        Drawn from the code by a test of the crate `catalog`; change it there.\n\n\
        Shown where moderators look first. Where they look afterwards or not at all, `publish` leads\n\
        from `draft` to `published` at once; where they look afterwards, it waits in their queue\n\
        while it is public, and `approve` takes it from there.\n\n\
        Everyone sees what is `published`, while its provider is active. An edit of what was public\n\
        and needs a moderator first becomes a [change request](change_request.md). What something\n\
        refers to, such as a booking, is archived when its provider removes it; the rest is gone.\n";
    compare("listing.md", &page(intro, "draft: create", &transitions("before")));
}

#[test]
fn the_page_of_change_requests_is_as_the_code() {
    let intro = "# The life of a change request\n\n\
        Drawn from the code by a test of the crate `catalog`; change it there.\n\n\
        An edit of a public [listing](listing.md) whose type is moderated before. The public version\n\
        stays as it is until a moderator decides; what the type declares harmless (stock, a price\n\
        that moves by up to a fifth, single attributes) applies at once and never waits. A listing\n\
        has one change that waits at most: another edit takes it up and goes on from it. When the\n\
        listing is archived, refused or removed, the change is withdrawn with it.\n";
    compare("change_request.md", &page(intro, "pending: edit", &change_transitions()));
}

#[test]
fn the_page_of_verifications_is_as_the_code() {
    let intro = "# The life of a provider's verification\n\n\
        Drawn from the code by a test of the crate `catalog`; change it there.\n\n\
        Whether the marketplace knows that a provider is who it says it is. What was verified is its\n\
        name: a new name has to be verified again. Suspending a provider takes it and its listings\n\
        off the market and changes nothing here.\n";
    let page = page(intro, "unverified: register", &provider_transitions());
    compare("provider_verification.md", &page);
}

//! `docs/lifecycles/{payment,subscription,payout,webhook}.md`, rendered from the code.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use billing::testing::a_subscription;
use billing::{INQUIRY_STEPS, PayoutState, Status, SubscriptionState, Webhook, WebhookState};

use crate::lifecycles::{
    Table, payment_commands, payment_facts, payout_table, subscription_samples, subscription_table,
    webhook_table,
};
use crate::world::NOW;

#[test]
fn the_docs_show_the_lifecycles_as_they_are() {
    let facts = payment_facts();
    let both = merged(&[payment_commands(), facts.clone()]);
    let payment = include_str!("payment.template.md")
        .replace("{diagram}", &diagram(&both, &["created"], &["failed", "voided", "refunded"]))
        .replace("{commands}", &rows(&payment_commands(), &Status::ALL.map(Status::name)))
        .replace("{facts}", &rows(&facts, &Status::ALL.map(Status::name)))
        .replace("{steps}", &steps());
    let table = subscription_table();
    let subscription = include_str!("subscription.template.md")
        .replace("{diagram}", &diagram(&table, &["incomplete", "trialing"], &["expired"]))
        .replace("{inputs}", &rows(&table, &SubscriptionState::NAMES))
        .replace("{access}", &access());
    let table = payout_table();
    let ends = ["paid", "failed", "cancelled"];
    let payout = include_str!("payout.template.md")
        .replace("{diagram}", &diagram(&table, &["awaiting_approval", "ready"], &ends))
        .replace("{commands}", &rows(&table, &PayoutState::NAMES));
    let table = webhook_table();
    let webhook = include_str!("webhook.template.md")
        .replace("{diagram}", &diagram(&table, &["received"], &["applied", "ignored"]))
        .replace("{commands}", &rows(&table, &WebhookState::NAMES))
        .replace("{attempts}", &Webhook::MAX_ATTEMPTS.to_string());
    for (name, page) in [
        ("payment", payment),
        ("subscription", subscription),
        ("payout", payout),
        ("webhook", webhook),
    ] {
        compare(name, &page);
    }
}

fn compare(name: &str, rendered: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lifecycles");
    let path = folder.join(format!("{name}.md"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, rendered).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == rendered, "{name}: UPDATE_DOCS=1 cargo test -p mercato-billing docs");
}

fn merged(tables: &[Table]) -> Table {
    let mut all = Table::new();
    for ((from, command), to) in tables.iter().flatten() {
        all.entry((from, command)).or_default().extend(to);
    }
    all
}

fn diagram(table: &Table, starts: &[&str], ends: &[&str]) -> String {
    let mut edges: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for ((from, command), to) in table {
        for to in to.iter().filter(|to| *to != from) {
            edges.entry((from, to)).or_default().push(command);
        }
    }
    let mut text = String::from("stateDiagram-v2\n");
    for start in starts {
        writeln!(text, "    [*] --> {start}").unwrap();
    }
    for ((from, to), labels) in edges {
        writeln!(text, "    {from} --> {to}: {}", labels.join(", ")).unwrap();
    }
    for end in ends {
        writeln!(text, "    {end} --> [*]").unwrap();
    }
    text.trim_end().to_owned()
}

fn rows(table: &Table, states: &[&str]) -> String {
    let mut text = String::from("| from | by | to |\n|---|---|---|\n");
    for state in states {
        for ((_, command), to) in table.iter().filter(|((from, _), _)| from == state) {
            let to = to.iter().map(|to| format!("`{to}`")).collect::<Vec<_>>().join(" or ");
            writeln!(text, "| `{state}` | {} | {to} |", command.replace('_', " ")).unwrap();
        }
    }
    text.trim_end().to_owned()
}

fn steps() -> String {
    let shown = INQUIRY_STEPS.map(|step| match step.num_minutes() {
        minutes if minutes < 60 => format!("{minutes} minutes"),
        minutes if minutes < 1_440 => format!("{} hour", minutes / 60),
        minutes => format!("day {}", minutes / 1_440),
    });
    shown.join(", ")
}

fn access() -> String {
    let mut text = String::from("| state | access |\n|---|---|\n");
    for state in subscription_samples() {
        let terms = a_subscription(NOW, state.clone()).terms;
        let detail = match &state {
            SubscriptionState::Trialing { card, .. } => {
                if *card {
                    ", with a card"
                } else {
                    ", without a card"
                }
            }
            SubscriptionState::Active { cancel_at_period_end: true, .. } => ", to be cancelled",
            _ => "",
        };
        let until = match &state {
            SubscriptionState::Trialing { card: true, .. } => "until the grace after the trial",
            SubscriptionState::Trialing { .. } => "until the trial ends",
            SubscriptionState::Active { cancel_at_period_end: false, .. } => {
                "until the grace after the period: a late renewal costs nobody their access"
            }
            SubscriptionState::Active { .. } => "until the period ends",
            SubscriptionState::PastDue { .. } => "until the grace ends",
            SubscriptionState::Canceled { .. } => "until what is paid, or the trial, ends",
            SubscriptionState::Incomplete { .. }
            | SubscriptionState::Paused { .. }
            | SubscriptionState::Suspended { .. }
            | SubscriptionState::Expired { .. } => "none",
        };
        assert_eq!(until == "none", state.access_until(&terms).is_none());
        let line = format!("| `{}`{detail} | {until} |\n", state.name());
        if !text.contains(&line) {
            text.push_str(&line);
        }
    }
    text.trim_end().to_owned()
}

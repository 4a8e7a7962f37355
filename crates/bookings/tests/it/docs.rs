//! `docs/lifecycles/booking.md`, rendered from the code.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use bookings::testing::one_in_each_state;
use bookings::{Booking, Policy, Status};

use crate::lifecycle::{NOW, transitions};

#[test]
fn the_docs_show_the_lifecycle_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lifecycles/booking.md");
    let rendered = render();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &rendered).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == rendered, "stale: UPDATE_DOCS=1 cargo test -p mercato-bookings docs");
}

fn render() -> String {
    let template = include_str!("booking.template.md");
    template
        .replace("{diagram}", &diagram())
        .replace("{commands}", &commands())
        .replace("{deadlines}", &deadlines())
        .replace("{states}", &states())
}

fn diagram() -> String {
    let mut edges: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for ((from, command, _), to) in transitions() {
        for to in to {
            let labels = edges.entry((from, to)).or_default();
            if !labels.iter().any(|label| label == command.name()) {
                labels.push(command.name().to_owned());
            }
        }
    }
    let mut text = String::from("stateDiagram-v2\n");
    text += "    [*] --> awaiting_payment: submit, with payments\n";
    text += "    [*] --> requested: submit\n";
    for ((from, to), labels) in edges {
        writeln!(text, "    {from} --> {to}: {}", labels.join(", ")).unwrap();
    }
    for record in one_in_each_state(NOW).iter().filter(|record| record.status.is_final()) {
        writeln!(text, "    {} --> [*]", record.status.name()).unwrap();
    }
    text.trim_end().to_owned()
}

fn commands() -> String {
    let mut text = String::from("| from | command | by | to |\n|---|---|---|---|\n");
    let table = transitions();
    for state in Status::NAMES {
        for ((_, command, by), to) in table.iter().filter(|((from, _, _), _)| *from == state) {
            let to = to.iter().map(|to| format!("`{to}`")).collect::<Vec<_>>().join(" or ");
            writeln!(text, "| `{state}` | `{}` | {} | {to} |", command.name(), by.name()).unwrap();
        }
    }
    text.trim_end().to_owned()
}

fn deadlines() -> String {
    let mut text =
        String::from("| state | deadline | timer | reminder a day before |\n|---|---|---|---|\n");
    for record in one_in_each_state(NOW) {
        let booking = Booking::restore(record);
        for (kind, _) in booking.deadlines() {
            let shown = |timer: Option<&str>| timer.map_or("–".to_owned(), |t| format!("`{t}`"));
            writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                booking.status().name(),
                kind.name(),
                shown(kind.timer()),
                shown(kind.reminder()),
            )
            .unwrap();
        }
    }
    let policy = Policy::default();
    write!(
        text,
        "\nUnless the profile says otherwise: {} minutes for the payment, {} hours for an answer, \
         {} days for the confirmation,\n{} days for a moderator's decision, {} days from the \
         agreement to the report.",
        policy.hold_minutes,
        policy.answer_hours,
        policy.confirm_days,
        policy.dispute_days,
        policy.stale_days,
    )
    .unwrap();
    text
}

fn states() -> String {
    let mut text = String::from("| state | holds the slot | final |\n|---|---|---|\n");
    for record in one_in_each_state(NOW) {
        let yes = |it: bool| if it { "yes" } else { "no" };
        let status = &record.status;
        let (holds, last) = (yes(status.holds_slot()), yes(status.is_final()));
        writeln!(text, "| `{}` | {holds} | {last} |", status.name()).unwrap();
    }
    text.trim_end().to_owned()
}

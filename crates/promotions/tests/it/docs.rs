//! `docs/lifecycles/promotion.md` and `docs/lifecycles/coupon_use.md`, rendered from the code.

use std::fmt::Write;
use std::path::Path;

use promotions::testing::{a_paid_promotion, a_promotion};
use promotions::{Command, Happening, Policy, Promotion, Status};

use crate::lifecycle::{NOW, days, passages, transitions, use_transitions};

#[test]
fn the_docs_show_the_lifecycles_as_they_are() {
    compare("promotion.md", &promotion());
    compare("coupon_use.md", &coupon_use());
}

fn compare(page: &str, rendered: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lifecycles");
    let path = folder.join(page);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, rendered).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == rendered, "stale: UPDATE_DOCS=1 cargo test -p mercato-promotions docs");
}

fn promotion() -> String {
    include_str!("promotion.template.md")
        .replace("{diagram}", &diagram())
        .replace("{commands}", &commands())
        .replace("{timers}", &timers())
        .replace("{events}", &events())
        .replace("{minutes}", &Policy::default().payment_minutes.to_string())
        .replace("{percent}", &Policy::default().refund_percent.to_string())
}

fn diagram() -> String {
    let mut text = String::from("stateDiagram-v2\n    [*] --> pending_payment: buy\n");
    text += "    [*] --> scheduled: buy, with nothing left to pay\n";
    text += "    [*] --> active: buy, with nothing left to pay\n";
    let table = transitions();
    for from in Status::ALL {
        for to in Status::ALL {
            let labels: Vec<_> = Command::ALL
                .iter()
                .filter(|command| {
                    table.get(&(from, **command)).is_some_and(|found| found.contains(&to))
                })
                .map(|command| command.name())
                .collect();
            if !labels.is_empty() {
                let (from, to) = (from.name(), to.name());
                writeln!(text, "    {from} --> {to}: {}", labels.join(", ")).unwrap();
            }
        }
    }
    for (from, to) in passages() {
        let (from, to) = (from.name(), to.name());
        writeln!(text, "    {from} --> {to}: by the clock alone").unwrap();
    }
    for status in Status::ALL.iter().filter(|status| status.is_final()) {
        writeln!(text, "    {} --> [*]", status.name()).unwrap();
    }
    text.trim_end().to_owned()
}

fn commands() -> String {
    let mut text = String::from("| from | command | by | to |\n|---|---|---|---|\n");
    for ((from, command), to) in transitions().into_iter().filter(|(_, to)| !to.is_empty()) {
        let to = to.iter().map(|to| format!("`{}`", to.name())).collect::<Vec<_>>().join(" or ");
        let (from, name, by) = (from.name(), command.name(), command.side().name());
        writeln!(text, "| `{from}` | `{name}` | {by} | {to} |").unwrap();
    }
    text.trim_end().to_owned()
}

fn timers() -> String {
    let mut text = String::from("| timer | when |\n|---|---|\n");
    let unpaid = Promotion::restore(a_promotion(NOW));
    let paid = Promotion::restore(a_paid_promotion(NOW, NOW + days(1)));
    for timer in unpaid.timers().into_iter().chain(paid.timers()) {
        let when = match timer.kind {
            "promotion.payment_due" => "the time to pay is over",
            "promotion.start" => "the start",
            "promotion.expires_in_3_days" => "three days before the end",
            "promotion.expires_in_1_day" => "a day before the end",
            "promotion.expire" => "the end",
            other => panic!("{other} is not explained"),
        };
        writeln!(text, "| `{}` | {when} |", timer.kind).unwrap();
    }
    text.trim_end().to_owned()
}

fn events() -> String {
    let names: Vec<_> =
        Happening::ALL.iter().map(|what| format!("`{}`", what.event_name())).collect();
    names.join(", ")
}

fn coupon_use() -> String {
    let mut diagram = String::from("stateDiagram-v2\n    [*] --> reserved: reserve\n");
    for (from, command, by, to) in use_transitions() {
        if let Some(to) = to {
            writeln!(diagram, "    {from} --> {to}: {command} ({by})").unwrap();
        }
    }
    diagram += "    redeemed --> [*]\n    released --> [*]";
    include_str!("coupon_use.template.md").replace("{diagram}", &diagram)
}

//! Who is told of an event, and in which words. Links this crate alone.
//!
//! `cargo run -p mercato-notifications --example who_is_told`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use chrono_tz::Tz;
use kernel::{AccountId, Clock, Locale, SystemClock, SystemIds};
use notifications::testing::an_event;
use notifications::{Facts, To, Unsubscribe, UnsubscribeKey, Wordings, rules};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let (client, provider) = (AccountId::next(&SystemIds), AccountId::next(&SystemIds));
    let payload = json!({
        "client_account_id": client,
        "provider_account_id": provider,
        "slot_start": "2026-12-01T09:00:00Z",
        "refund": {"amount": 12000, "currency": "EUR"},
    });
    let event = an_event("booking.cancelled.v1", "bkg_1", payload, SystemClock.now());
    let key = UnsubscribeKey::new([42; 32]);

    for rule in rules(&event.name) {
        let Some(To::Account(account)) = rule.recipient(&event) else { continue };
        println!("{account} is told through {:?}", rule.channels);
        for tag in ["en", "de"] {
            let facts = Facts {
                payload: &event.payload,
                listing_title: Some("Loft in Berlin"),
                time_zone: Tz::Europe__Berlin,
            };
            let locale: Locale = tag.parse()?;
            if let Some(words) = Wordings::shipped().words(&locale, &rule.text, &facts) {
                println!("  {tag}: {} {}", words.title, words.body.join(" "));
            }
        }
        let token = key.token(&Unsubscribe { account, topic: rule.topic });
        println!("  stops with {token}");
    }
    Ok(())
}

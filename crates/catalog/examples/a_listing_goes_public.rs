//! The catalogue alone, without a database: a listing type is declared, a listing is written,
//! refused with everything it lacks, mended, moderated and changed.
//!
//! `cargo run -p mercato-catalog --example a_listing_goes_public`

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdout};

use catalog::{Cause, Change, Content, ContentPatch, GivenMoney, Listing, ListingType};
use kernel::{Clock, ListingId, ProviderId, SystemClock, SystemIds};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = stdout();
    let declaration = serde_json::from_value(json!({
        "key": "lamp",
        "title": "Lamp",
        "plural": "Lamps",
        "moderation": "before",
        "price_required": true,
        "attributes": [
            { "key": "watts", "label": "Power", "kind": "integer", "min": 1, "max": 100, "required": true },
        ],
    }))?;
    let lamps = ListingType::new(declaration).map_err(|errors| errors.to_string())?;

    let cause = Cause { actor: None, now: SystemClock.now() };
    let wanted = ContentPatch {
        title: Change::Set("Desk lamp, Bauhaus".to_owned()),
        attributes: BTreeMap::from([("watts".to_owned(), json!(40))]),
        ..ContentPatch::default()
    };
    let content = Content::draft(&lamps, &wanted).map_err(|errors| errors.to_string())?;
    let (id, provider) = (ListingId::next(&SystemIds), ProviderId::next(&SystemIds));
    let (mut lamp, _) = Listing::draft(id, provider, &lamps, content, cause);
    writeln!(out, "{} is a {}", lamp.record().slug, lamp.status().name())?;

    if let Err(refusal) = lamp.publish(&lamps, cause.now) {
        writeln!(out, "refused: {refusal}")?;
    }
    let price = GivenMoney { amount: 12_900, currency: "EUR".to_owned() };
    let priced = ContentPatch { price: Change::Set(price), ..ContentPatch::default() };
    lamp.edit(&lamps, &priced, None, cause)?;
    lamp.publish(&lamps, cause.now)?;
    lamp.approve(cause.now)?;
    writeln!(out, "mended and approved: it is {}", lamp.status().name())?;

    let retitled = ContentPatch {
        title: Change::Set("Buy my watches".to_owned()),
        stock: Change::Set(3),
        ..ContentPatch::default()
    };
    let edit = lamp.edit(&lamps, &retitled, None, cause)?;
    writeln!(out, "at once: a stock of {:?}", lamp.content().stock)?;
    for line in edit.pending.iter().flat_map(catalog::ChangeSet::differences) {
        writeln!(out, "waits for a moderator: {} -> {}", line.before, line.after)?;
    }
    Ok(())
}

//! Who takes part, and what there is to pay for.

use anyhow::Context;
use identity::{DisplayName, NewPassword};
use reqwest::Method;
use serde_json::{Value, json};

use super::caller::{Answer, Network, PASSWORD, Person};
use super::dice::Dice;
use crate::wiring::Services;

/// A provider with something to book and something to subscribe to.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) person: Person,
    pub(super) listing: String,
    /// Cheap and dear, by the day, week and month, with a trial and without.
    pub(super) plans: Vec<String>,
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) network: Network,
    pub(super) admin: Person,
    pub(super) providers: Vec<Provider>,
    pub(super) clients: Vec<Person>,
    /// What the marketplace sells to providers.
    pub(super) own_plans: Vec<String>,
}

/// Each with a bank of another kind.
const BANKS: [&str; 3] = ["bank_good", "bank_slow", "bank_closed"];

const ADMIN: &str = "admin@example.org";

impl Market {
    /// Brings everybody in while the weather is fair.
    pub(super) async fn furnish(
        network: Network,
        services: &Services,
        clients: usize,
        dice: &mut Dice,
    ) -> anyhow::Result<Self> {
        let (email, password) = (ADMIN.parse()?, NewPassword::new(PASSWORD)?);
        services.accounts.create_admin(email, &password, DisplayName::new("Grace Hopper")?).await?;
        let mut admin = Person::visitor(&network, 0, ADMIN.to_owned());
        sign_in(&mut admin, dice).await?;
        let mut providers = Vec::new();
        for (number, bank) in BANKS.into_iter().enumerate() {
            providers.push(provider(&network, &admin, number, bank, dice).await?);
        }
        let mut people = Vec::new();
        for number in 0..clients.max(1) {
            people.push(sign_up(&network, 100 + number, "client", dice).await?);
        }
        let mut own_plans = Vec::new();
        for (name, price) in [("Selling", 1_500), ("Selling more", 4_500)] {
            let plan = plan(name, price, "month", 0);
            let made = admin.post("furnish", dice, "admin/plans", plan).await;
            own_plans.push(made_id(made, "a plan of the marketplace")?);
        }
        Ok(Self { network, admin, providers, clients: people, own_plans })
    }
}

fn good(answer: Option<Answer>, what: &str) -> anyhow::Result<Answer> {
    let answer = answer.with_context(|| format!("no answer to {what}"))?;
    if !answer.is_good() {
        anyhow::bail!("{what} is refused: {} {}", answer.status, answer.body);
    }
    Ok(answer)
}

fn made_id(answer: Option<Answer>, what: &str) -> anyhow::Result<String> {
    good(answer, what)?.id().with_context(|| format!("{what} has no id"))
}

async fn sign_in(person: &mut Person, dice: &mut Dice) -> anyhow::Result<()> {
    let body = json!({ "email": person.email, "password": PASSWORD });
    let answer = good(person.post("furnish", dice, "auth/token", body).await, "a sign-in")?;
    person.use_token(&answer.body);
    Ok(())
}

async fn sign_up(
    network: &Network,
    number: usize,
    name: &str,
    dice: &mut Dice,
) -> anyhow::Result<Person> {
    let email = format!("{name}-{number}@example.org");
    let mut person = Person::visitor(network, number + 1, email);
    let body = json!({
        "email": person.email, "password": PASSWORD, "display_name": "Ada Lovelace",
    });
    let answer = good(person.post("furnish", dice, "auth/sign-up", body).await, "a sign-up")?;
    person.use_token(&answer.body["tokens"]);
    answer.body["account"]["id"].as_str().unwrap_or_default().clone_into(&mut person.account);
    Ok(person)
}

async fn provider(
    network: &Network,
    admin: &Person,
    number: usize,
    bank: &str,
    dice: &mut Dice,
) -> anyhow::Result<Provider> {
    let kind = "furnish";
    let mut person = sign_up(network, number, "provider", dice).await?;
    let place = json!({ "lat": 52.52, "lon": 13.405 });
    let body = json!({ "name": "Studio North", "location": place });
    person.provider = made_id(person.post(kind, dice, "providers", body).await, "a provider")?;
    let fresh = person.post(
        kind,
        dice,
        "auth/token",
        json!({ "email": person.email, "password": PASSWORD }),
    );
    let fresh = good(fresh.await, "a sign-in")?;
    person.use_token(&fresh.body);
    let hours = person.put(kind, dice, Method::PUT, "providers/me/availability", Some(hours()));
    good(hours.await, "opening hours")?;
    let body = json!({
        "listing_type": "service",
        "title": "Piano lessons",
        "description": "For those who start, and those who start again.",
        "price": { "amount": 4_500 + 501 * number, "currency": "EUR" },
        "price_unit": "per_hour",
        "attributes": { "place": "at_provider", "level": ["beginners"] },
        "location": place,
    });
    let listing = made_id(person.post(kind, dice, "listings", body).await, "a listing")?;
    let publish = format!("listings/{listing}/publish");
    good(person.command(kind, dice, &publish).await, "to publish")?;
    let approve = format!("admin/listings/{listing}/approve");
    good(admin.command(kind, dice, &approve).await, "to approve")?;
    let mut plans = Vec::new();
    for (name, price, unit, trial) in [
        ("Bronze", 333, "day", 0),
        ("Silver", 900, "week", 0),
        ("Gold", 1_999, "month", 0),
        ("Taster", 1_200, "week", 3),
    ] {
        let made = person.post(kind, dice, "plans", plan(name, price, unit, trial)).await;
        plans.push(made_id(made, "a plan")?);
    }
    let to = Some(json!({ "gateway": "sandbox", "destination": bank }));
    let to = person.put(kind, dice, Method::PUT, "providers/me/payout-account", to);
    good(to.await, "a bank")?;
    let terms = json!({
        "terms": {
            "hold_days": 2 + number, "reserve_basis_points": 1_000 * number, "reserve_days": 9,
            "minimum": [{ "amount": 500, "currency": "EUR" }],
            "approval_from": [{ "amount": 9_000, "currency": "EUR" }],
        },
        "reason": "So that it is worth the torture.",
    });
    let path = format!("admin/providers/{}/payout-terms", person.provider);
    good(admin.put(kind, dice, Method::PUT, &path, Some(terms)).await, "terms")?;
    Ok(Provider { person, listing, plans })
}

fn plan(name: &str, price: u32, unit: &str, trial: u32) -> Value {
    json!({
        "name": name,
        "description": "Every recipe, and a new one each week.",
        "price": { "amount": price, "currency": "EUR" },
        "interval": { "unit": unit, "count": 1 },
        "trial_days": trial,
    })
}

fn hours() -> Value {
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let weekly: Vec<Value> =
        days.iter().map(|day| json!({ "day": day, "from": "00:00", "to": "24:00" })).collect();
    json!({
        "time_zone": "Europe/Berlin",
        "weekly": weekly,
        "exceptions": [],
        "slot_minutes": 30,
        "interval_minutes": 30,
        "min_notice_minutes": 0,
        "horizon_days": 60,
        "capacity": 1,
    })
}

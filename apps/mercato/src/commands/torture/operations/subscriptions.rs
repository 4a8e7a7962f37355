//! Subscriptions to providers, and of providers to the marketplace.

use serde_json::json;

use super::{Act, id_of};
use crate::commands::torture::caller::Person;

impl Act<'_> {
    pub(super) async fn subscribe(&mut self) -> Option<()> {
        let plans = self.provider()?.plans.clone();
        let plan = self.dice.pick(&plans)?.clone();
        let client = self.client;
        self.subscribe_to(client, &plan).await
    }

    pub(super) async fn subscribe_to_marketplace(&mut self) -> Option<()> {
        let person = self.provider()?.person.clone();
        let plan = self.dice.pick(&self.stage.market.own_plans)?.clone();
        self.subscribe_to(&person, &plan).await
    }

    async fn subscribe_to(&mut self, person: &Person, plan: &str) -> Option<()> {
        let body = json!({ "plan_id": plan });
        let made = person.post("subscribe", &mut self.dice, "subscriptions", body).await?;
        let id = made.id().filter(|_| made.is_good())?;
        self.stage.tally.acknowledge(id.clone());
        if self.dice.chance(92) {
            self.pay(person, "subscription", &id).await?;
        }
        Some(())
    }

    /// Something happens to a subscription of somebody.
    pub(super) async fn steer_subscription(&mut self) -> Option<()> {
        let of_provider = self.dice.chance(15);
        let person =
            if of_provider { self.provider()?.person.clone() } else { self.client.clone() };
        let subscription = self.one_of("subscriptions", &person, "subscriptions?limit=20").await?;
        let id = id_of(&subscription)?;
        let path = format!("subscriptions/{id}");
        let word = self.dice.weigh(&[
            (30, "pay"),
            (25, "cancel"),
            (15, "resume"),
            (20, "change"),
            (10, "card"),
        ])?;
        match word {
            "pay" => return self.pay(&person, "subscription", &id).await,
            "cancel" => {
                let body = json!({ "at_once": self.dice.chance(40) });
                let path = format!("{path}/cancel");
                person.post("cancel subscription", &mut self.dice, &path, body).await?;
            }
            "resume" => {
                let path = format!("{path}/resume");
                person.command("resume", &mut self.dice, &path).await?;
            }
            "change" => {
                let plans = if of_provider {
                    self.stage.market.own_plans.clone()
                } else {
                    let seller = subscription["plan"]["provider_id"].as_str().unwrap_or_default();
                    let providers = &self.stage.market.providers;
                    let seller = providers.iter().find(|it| it.person.provider == seller);
                    let seller = seller.or_else(|| self.dice.pick(providers))?;
                    seller.plans.clone()
                };
                let body = json!({ "plan_id": self.dice.pick(&plans)? });
                let path = format!("{path}/change");
                person.post("change plan", &mut self.dice, &path, body).await?;
            }
            _ => {
                let card = id_of(&self.one_of("cards", &person, "cards").await?)?;
                let body = json!({ "card_id": card });
                let path = format!("{path}/card");
                person.post("set card", &mut self.dice, &path, body).await?;
            }
        }
        Some(())
    }
}

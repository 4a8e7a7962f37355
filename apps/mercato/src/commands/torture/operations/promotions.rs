//! Paid visibility, with a coupon and without: bought, paid for, extended, given up, taken back.

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Act, id_of};
use crate::commands::torture::caller::{Answer, Person};
use crate::commands::torture::market::Provider;

impl Act<'_> {
    /// A provider buys, or all of them at once by the same coupon.
    pub(super) async fn promote(&mut self) -> Option<()> {
        let stage = self.stage;
        let coupon = if self.dice.chance(65) { self.coupon().await } else { None };
        if coupon.is_some() && self.dice.chance(45) {
            let (client, coupon) = (self.client, coupon.as_deref());
            let buyers = stage.market.providers.iter().map(|provider| {
                let mut buyer = Act { stage, client, dice: self.dice.fork() };
                async move { buyer.buy(provider, coupon).await }
            });
            let buyers: Vec<_> = buyers.collect();
            join_all(buyers).await;
            return Some(());
        }
        let provider = self.dice.pick(&stage.market.providers)?;
        self.buy(provider, coupon.as_deref()).await
    }

    /// Buys once or several times at once, and pays for what came of it or thinks better of it.
    async fn buy(&mut self, provider: &Provider, coupon: Option<&str>) -> Option<()> {
        let order = self.order(provider, coupon)?;
        let bought = self.send(&provider.person, "promote", "promotions", &order).await;
        let mut bought: Vec<_> = bought.into_iter().filter(Answer::is_good).collect();
        bought.sort_by_key(Answer::id);
        bought.dedup_by_key(|answer| answer.id());
        for answer in bought {
            let id = answer.id()?;
            self.stage.tally.acknowledge(id.clone());
            // Of what a coupon made free nothing is asked for; somebody pays all the same.
            let free = answer.body["payment_due"].is_null();
            match self.dice.below(100) {
                0..12 => {}
                12..22 => self.pay_and_give_up(&provider.person, &id).await,
                _ if free && self.dice.chance(80) => {}
                _ => {
                    // Whoever is refused or gets no answer goes on with the next.
                    let _ = self.pay(&provider.person, "promotion", &id).await;
                }
            }
        }
        Some(())
    }

    fn order(&mut self, provider: &Provider, coupon: Option<&str>) -> Option<Value> {
        let product = *self.dice.pick(&["top", "detailed", "pro"])?;
        let days = self.dice.weigh(&[(60, 7), (25, 14), (15, 30)])?;
        let mut order = json!({ "product": product, "duration_days": days });
        if product != "pro" {
            order["listing_id"] = json!(provider.listing);
        }
        if self.dice.chance(25) {
            let hours = i64::try_from(self.dice.between(1, 120)).ok()?;
            order["starts_at"] = json!(self.stage.services.clock.now() + TimeDelta::hours(hours));
        }
        if let Some(code) = coupon {
            order["coupon"] = json!(code);
        }
        Some(order)
    }

    /// Something happens to a promotion of somebody.
    pub(super) async fn steer_promotion(&mut self) -> Option<()> {
        let stage = self.stage;
        let provider = self.dice.pick(&stage.market.providers)?;
        let person = &provider.person;
        let path = *self.dice.pick(&[
            "promotions?limit=30",
            "promotions?status=pending_payment&limit=30",
            "promotions?status=scheduled&limit=30",
            "promotions?status=active&limit=30",
        ])?;
        let promotion = self.one_of("promotions", person, path).await?;
        let id = id_of(&promotion)?;
        match self.dice.below(100) {
            0..30 => self.pay(person, "promotion", &id).await?,
            30..55 => self.give_up(person, &id).await?,
            55..70 => self.pay_and_give_up(person, &id).await,
            70..90 => self.take_back(&id).await?,
            _ => {
                // Its owner and an admin at the same moment.
                let mut other = Act { stage, client: self.client, dice: self.dice.fork() };
                let (one, two) = tokio::join!(self.give_up(person, &id), other.take_back(&id));
                one.or(two)?;
            }
        }
        Some(())
    }

    async fn give_up(&mut self, person: &Person, id: &str) -> Option<()> {
        let path = format!("promotions/{id}/cancel");
        person.command("cancel promotion", &mut self.dice, &path).await.map(|_| ())
    }

    /// Money and a change of mind at the same moment.
    async fn pay_and_give_up(&mut self, person: &Person, id: &str) {
        let mut other = Act { stage: self.stage, client: self.client, dice: self.dice.fork() };
        let _ = tokio::join!(self.pay(person, "promotion", id), other.give_up(person, id));
    }

    async fn take_back(&mut self, id: &str) -> Option<()> {
        let body = json!({
            "reason": "The listing is not what it says.",
            "refund": self.dice.pick(&["unused", "everything", "nothing"])?,
        });
        let admin = &self.stage.market.admin;
        let path = format!("admin/promotions/{id}/revoke");
        admin.post("revoke promotion", &mut self.dice, &path, body).await.map(|_| ())
    }
}

//! What admins do about coupons, and about what promotions cost.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Act, id_of};
use crate::commands::torture::caller::Parcel;

/// What is sold, and for what: title, target, prices of 7, 14 and 30 days.
const PRODUCTS: [(&str, &str, &str, [u64; 3]); 3] = [
    ("top", "Top", "listing", [990, 1_790, 2_990]),
    ("detailed", "Detailed", "listing", [490, 890, 1_490]),
    ("pro", "PRO", "provider", [790, 1_390, 2_490]),
];

impl Act<'_> {
    /// The code of one of the newest coupons, so that many want the same; now and then of one that
    /// was taken back.
    pub(super) async fn coupon(&mut self) -> Option<String> {
        let admin = &self.stage.market.admin;
        let page = admin.get("coupons", &mut self.dice, "admin/coupons?limit=4").await?;
        let mut coupons = page.items();
        if self.dice.chance(90) {
            coupons.retain(|coupon| coupon["closed_at"].is_null());
        }
        coupons.truncate(2);
        let coupon = match self.dice.pick(&coupons) {
            Some(coupon) => coupon.clone(),
            None => self.make_coupon().await?,
        };
        coupon["code"].as_str().map(ToOwned::to_owned)
    }

    pub(super) async fn steer_coupon(&mut self) -> Option<()> {
        match self.dice.below(100) {
            0..50 => self.make_coupon().await.map(|_| ()),
            50..70 => self.limit_coupon().await,
            70..80 => {
                let admin = &self.stage.market.admin;
                let coupon = self.one_of("coupons", admin, "admin/coupons?limit=5").await?;
                let path = format!("admin/coupons/{}/close", id_of(&coupon)?);
                admin.command("close coupon", &mut self.dice, &path).await.map(|_| ())
            }
            _ => self.reprice().await,
        }
    }

    /// A few uses, fewer for each account; now and then for something else, or not for long.
    async fn make_coupon(&mut self) -> Option<Value> {
        let mut body = json!({
            "code": format!("TORTURE-{:X}", self.dice.below(u64::MAX)),
            "purpose": self.dice.weigh(&[(95, "promotion"), (5, "booking")])?,
            "total_limit": self.dice.between(3, 5),
        });
        let discount = self.dice.weigh(&[
            (20, ("percent", 10)),
            (20, ("percent", 33)),
            (15, ("percent", 100)),
            (35, ("amount", 301)),
            (10, ("amount", 5_000)),
        ]);
        let (kind, off) = discount?;
        body[kind] = match kind {
            "amount" => json!({ "amount": off, "currency": "EUR" }),
            _ => json!(off),
        };
        if self.dice.chance(60) {
            body["per_account_limit"] = json!(self.dice.between(1, 3));
        }
        if self.dice.chance(25) {
            body["until"] = self.soon();
        }
        let admin = &self.stage.market.admin;
        let made = admin.post("make coupon", &mut self.dice, "admin/coupons", body).await?;
        self.stage.tally.acknowledge(made.id().filter(|_| made.is_good())?);
        Some(made.body)
    }

    /// More uses or fewer, for longer or not at all any more.
    async fn limit_coupon(&mut self) -> Option<()> {
        let admin = &self.stage.market.admin;
        let coupon = self.one_of("coupons", admin, "admin/coupons?limit=5").await?;
        let body = match self.dice.below(4) {
            0 | 1 => json!({ "total_limit": self.dice.between(1, 7) }),
            2 => json!({ "until": self.soon() }),
            _ => json!({ "until": null }),
        };
        let headers = vec![("if-match", "*".to_owned())];
        let parcel = Parcel { body: Some(body), headers, ..Parcel::default() };
        let path = format!("admin/coupons/{}", id_of(&coupon)?);
        admin.call("limit coupon", &mut self.dice, Method::PATCH, &path, parcel).await.map(|_| ())
    }

    fn soon(&mut self) -> Value {
        let hours = i64::try_from(self.dice.between(1, 60)).unwrap_or(1);
        json!(self.stage.services.clock.now() + TimeDelta::hours(hours))
    }

    /// A product costs something else from now on, now and then after a while off the shelf.
    async fn reprice(&mut self) -> Option<()> {
        let (key, title, target, prices) = *self.dice.pick(&PRODUCTS)?;
        let admin = &self.stage.market.admin;
        let path = format!("admin/promotions/products/{key}");
        if self.dice.chance(20) {
            let close = format!("{path}/close");
            admin.command("close product", &mut self.dice, &close).await?;
        }
        let more = self.dice.between(0, 99);
        let price = |(days, price): (u32, u64)| {
            json!({
                "duration_days": days,
                "price": { "amount": price + more, "currency": "EUR" },
            })
        };
        let prices: Vec<Value> = [7, 14, 30].into_iter().zip(prices).map(price).collect();
        let body = json!({ "key": key, "title": title, "target": target, "prices": prices });
        let headers = vec![("if-match", "*".to_owned())];
        let parcel = Parcel { body: Some(body), headers, ..Parcel::default() };
        admin.call("reprice", &mut self.dice, Method::PUT, &path, parcel).await.map(|_| ())
    }
}

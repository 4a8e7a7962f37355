//! What is promoted, and calls around promotions and coupons that work.

use serde_json::{Value, json};

use crate::calls::{Arguments, body, fresh, nothing, of};
use crate::{Marketplace, Person, Reply, World, at_bank, browser};

/// A product as admins declare it: Top under another name, of 9.00 EUR for 7 days.
pub fn promotion_product(key: &str) -> Value {
    json!({
        "key": key,
        "title": "Top of the week",
        "target": "listing",
        "effect": "top",
        "prices": [
            { "duration_days": 7, "price": { "amount": 900, "currency": "EUR" } },
            { "duration_days": 14, "price": { "amount": 1600, "currency": "EUR" } },
        ],
        "limits": { "per_provider": 5, "start_ahead_days": 30, "end_ahead_days": 60 },
    })
}

/// A coupon as admins make it: so many hundredths off a promotion.
pub fn coupon(code: &str, percent: i64) -> Value {
    json!({ "code": code, "percent": percent, "purpose": "promotion" })
}

impl Person {
    /// Buys a promotion of the profile for one of their listings, or for themselves.
    pub async fn buys(&self, product: &str, days: i64, listing: Option<&str>) -> Reply {
        self.buys_with(product, days, listing, None).await
    }

    /// The same with a coupon.
    pub async fn buys_with(
        &self,
        product: &str,
        days: i64,
        listing: Option<&str>,
        coupon: Option<&str>,
    ) -> Reply {
        let mut order = json!({ "product": product, "duration_days": days });
        if let Some(listing) = listing {
            order["listing_id"] = json!(listing);
        }
        if let Some(coupon) = coupon {
            order["coupon"] = json!(coupon);
        }
        self.post("promotions", order).await
    }

    /// Pays by a card that the bank asks about, and passes there; the id of the payment.
    pub async fn pays_at_bank(&self, purpose: &str, reference: &str) -> String {
        let paid = self.pays(purpose, reference, "card_secure").await.expect(201);
        assert_eq!(paid.body["status"], "requires_action", "{}", paid.text);
        let back = at_bank(&paid.action(), "pass").await;
        let answer = browser().get(&back).send().await;
        let status = answer.expect("an answer").status();
        assert!(status.is_success() || status.is_redirection(), "{back}: {status}");
        paid.id()
    }
}

impl Marketplace {
    /// Buys a promotion for somebody, and pays it; the id.
    pub async fn promotes(
        &self,
        person: &Person,
        product: &str,
        days: i64,
        listing: Option<&str>,
    ) -> String {
        let id = person.buys(product, days, listing).await.expect(201).id();
        let paid = person.pays("promotion", &id, "card_success").await.expect(201);
        assert_eq!(paid.body["status"], "captured", "{}", paid.text);
        self.settle().await;
        id
    }
}

impl World {
    /// The table of calls around promotions and coupons; `None` for another operation.
    pub(crate) async fn of_promotions(&self, operation: &str) -> Option<Arguments> {
        let reason = "The listing is not what it says.";
        Some(match operation {
            "listPromotionProducts"
            | "listPromotions"
            | "listAllPromotionProducts"
            | "listAllPromotions"
            | "listCoupons" => nothing(),

            "buyPromotion" => {
                self.give_up_promotions().await;
                body(json!({
                    "product": "top", "duration_days": 7,
                    "listing_id": self.owner.publishes("service").await,
                    "starts_at": self.market.now() + chrono::TimeDelta::days(1),
                    "coupon": self.coupon().await.1,
                }))
            }
            "getPromotion" | "getAnyPromotion" | "cancelPromotion" => of([&self.promotion().await]),
            "getPromotionStats" => of([&self.promotion().await]).asking("days=30"),
            "revokePromotion" => of([&self.promotion().await])
                .with(json!({ "reason": reason, "refund": "everything" })),

            "declarePromotionProduct" => body(promotion_product(&fresh("product_"))),
            "getPromotionProduct" | "closePromotionProduct" => {
                of([&self.promotion_product().await])
            }
            "changePromotionProduct" => {
                let key = self.promotion_product().await;
                let mut changed = promotion_product(&key);
                changed["title"] = json!("Top of the month");
                of([&key]).with(changed)
            }

            "createCoupon" => body(json!({
                "code": fresh("SPRING-"), "percent": 20, "purpose": "promotion",
                "minimum": { "amount": 100, "currency": "EUR" },
                "from": self.market.now(),
                "until": self.market.now() + chrono::TimeDelta::days(90),
                "total_limit": 100, "per_account_limit": 1,
            })),
            "getCoupon" | "closeCoupon" => of([&self.coupon().await.0]),
            "changeCoupon" => of([&self.coupon().await.0]).with(json!({
                "until": self.market.now() + chrono::TimeDelta::days(30), "total_limit": 200,
            })),
            _ => return None,
        })
    }

    /// A promotion of the owner that waits for its payment.
    async fn promotion(&self) -> String {
        self.give_up_promotions().await;
        let listing = self.owner.publishes("service").await;
        self.owner.buys("top", 7, Some(&listing)).await.expect(201).id()
    }

    /// Frees the owner's limits: only so many promotions wait for their payment at a time.
    async fn give_up_promotions(&self) {
        for status in ["pending_payment", "scheduled", "active"] {
            let path = format!("promotions?limit=50&status={status}");
            for promotion in self.owner.get(&path).await.expect(200).data() {
                let id = promotion["id"].as_str().expect("a promotion has an id");
                let _ = self.owner.command(&format!("promotions/{id}/cancel")).await.expect(200);
            }
        }
    }

    /// A product that nobody has bought.
    async fn promotion_product(&self) -> String {
        let key = fresh("product_");
        let declared = promotion_product(&key);
        let _ = self.admin.post("admin/promotions/products", declared).await.expect(201);
        key
    }

    /// A coupon that nobody has used: its id and code.
    async fn coupon(&self) -> (String, String) {
        let code = fresh("SUMMER-");
        let made = self.admin.post("admin/coupons", coupon(&code, 10)).await.expect(201);
        (made.id(), code)
    }
}

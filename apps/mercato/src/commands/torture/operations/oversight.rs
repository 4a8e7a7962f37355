//! Admins give money back, and ask how a payment stands; messages come again or from somebody else.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::{Act, id_of};
use crate::commands::torture::caller::Parcel;

impl Act<'_> {
    pub(super) async fn refund(&mut self) -> Option<()> {
        let admin = &self.stage.market.admin;
        let page = if self.dice.chance(80) {
            "admin/payments?status=captured&limit=50"
        } else {
            "admin/payments?limit=50"
        };
        let payment = self.one_of("payments", admin, page).await?;
        let amount = payment["amount"]["amount"].as_u64()?;
        let part = match self.dice.below(10) {
            0..5 => self.dice.between(1, amount),
            5..8 => amount,
            _ => amount + self.dice.between(1, 500), // more than there is
        };
        let body = json!({
            "amount": { "amount": part, "currency": payment["amount"]["currency"] },
            "reason": "The client and the provider agree on it.",
        });
        let path = format!("admin/payments/{}/refund", id_of(&payment)?);
        let at_once = if self.dice.chance(25) { 2 } else { 1 };
        let refunds: Vec<_> = (0..at_once)
            .map(|_| {
                let (mut dice, body, path) = (self.dice.fork(), body.clone(), path.clone());
                async move { admin.post("refund", &mut dice, &path, body).await }
            })
            .collect();
        join_all(refunds).await;
        Some(())
    }

    pub(super) async fn meddle(&mut self) -> Option<()> {
        let admin = &self.stage.market.admin;
        match self.dice.below(4) {
            0 => {
                let message = self.one_of("messages", admin, "admin/webhooks?limit=50").await?;
                let path = format!("admin/webhooks/{}/replay", id_of(&message)?);
                admin.command("replay message", &mut self.dice, &path).await?;
            }
            1 => {
                let payment = self.one_of("payments", admin, "admin/payments?limit=50").await?;
                let path = format!("admin/payments/{}/inquire", id_of(&payment)?);
                admin.command("inquire", &mut self.dice, &path).await?;
            }
            2 => {
                // Somebody would like to have paid.
                let payment = self.one_of("payments", admin, "admin/payments?limit=50").await?;
                let body = json!({
                    "id": format!("evt_{}", self.dice.below(u64::MAX)),
                    "kind": "payment.captured", "object": "sbx_0",
                    "reference": format!("{}:1", id_of(&payment)?),
                    "at": payment["created_at"],
                });
                let headers = vec![("sandbox-signature", "t=1767603600,v1=00ff".to_owned())];
                let parcel = Parcel { body: Some(body), headers, ..Parcel::default() };
                let path = "webhooks/sandbox";
                let forged =
                    self.client.call("forge", &mut self.dice, Method::POST, path, parcel).await?;
                if forged.is_good() {
                    let what = format!("a forged message is answered with {}", forged.status);
                    self.stage.tally.fault(super::super::invariants::POLITE, what);
                }
            }
            _ => {
                let mine = self.one_of("payments", self.client, "payments?limit=50").await?;
                let path = format!("payments/{}/return", id_of(&mine)?);
                self.client.get("look at return", &mut self.dice, &path).await?;
            }
        }
        Some(())
    }
}

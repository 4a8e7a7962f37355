//! Providers get what they are owed.

use reqwest::Method;
use serde_json::json;

use super::{Act, id_of};
use crate::commands::torture::operations::Gateway;

impl Act<'_> {
    /// The run of a schedule, now and then twice at once.
    pub(super) async fn pay_out(&mut self) -> Option<()> {
        let billing = &self.stage.services.billing;
        let runs = if self.dice.chance(40) {
            let (one, two) = tokio::join!(billing.run_payouts(), billing.run_payouts());
            vec![one, two]
        } else {
            vec![billing.run_payouts().await]
        };
        for run in runs {
            let outcome = if run.is_ok() { "done" } else { "broken off" };
            self.stage.tally.count("run payouts", outcome);
        }
        Some(())
    }

    /// A slow bank says what became of a transfer.
    pub(super) async fn finish_payout(&mut self) -> Option<()> {
        let admin = &self.stage.market.admin;
        let payout = self.one_of("payouts", admin, "admin/payouts?limit=50").await?;
        let (id, attempt) = (id_of(&payout)?, self.dice.between(1, 2));
        let end = self.dice.weigh(&[(70, "paid"), (30, "failed")])?;
        let path = format!("payouts/{id}:{attempt}:payout/{end}");
        let gateway = Gateway::of(&self.stage.market.network);
        gateway.call("finish payout", &mut self.dice, Method::POST, &path, None).await.map(|_| ())
    }

    pub(super) async fn steer_payout(&mut self) -> Option<()> {
        let admin = &self.stage.market.admin;
        if self.dice.chance(30) {
            let person = self.provider()?.person.clone();
            let bank = self.dice.pick(&["bank_good", "bank_slow", "bank_closed"])?;
            let to = Some(json!({ "gateway": "sandbox", "destination": bank }));
            let path = "providers/me/payout-account";
            person.put("payout account", &mut self.dice, Method::PUT, path, to).await?;
            return Some(());
        }
        let payout = self.one_of("payouts", admin, "admin/payouts?limit=50").await?;
        let word = self.dice.weigh(&[(70, "approve"), (30, "cancel")])?;
        let body = json!({ "reason": "It was looked at." });
        let path = format!("admin/payouts/{}/{word}", id_of(&payout)?);
        admin.post("steer payout", &mut self.dice, &path, body).await.map(|_| ())
    }
}

//! What clients do. A file for each thing that is paid for, and for each way to meddle with money.

mod bookings;
mod coupons;
mod gateway;
mod oversight;
mod paying;
mod payouts;
mod promotions;
mod subscriptions;
mod time;

use std::sync::Arc;

use serde_json::Value;

use super::caller::Person;
use super::dice::Dice;
use super::market::{Market, Provider};
use super::plan::Operation;
use super::tally::Tally;
use crate::wiring::Services;

pub(super) use gateway::Gateway;

/// Where it all happens.
pub(super) struct Stage {
    pub(super) market: Market,
    pub(super) tally: Arc<Tally>,
    /// This process's own view of the marketplace: its time, and what a schedule starts.
    pub(super) services: Services,
}

/// Somebody on the stage, with the dice for what they do now.
struct Act<'a> {
    stage: &'a Stage,
    /// Who acts as a client.
    client: &'a Person,
    dice: Dice,
}

impl Stage {
    /// Does one operation, whatever comes of it.
    pub(super) async fn perform(&self, client: usize, operation: Operation, dice: Dice) {
        self.tally.begin();
        let clients = &self.market.clients;
        let client = &clients[client % clients.len()];
        let mut act = Act { stage: self, client, dice };
        // Whoever got no answer has said so in the tally; the rest of the operation is off.
        let _ = match operation {
            Operation::Book => act.book().await,
            Operation::Answer => act.answer().await,
            Operation::Perform => act.carry_on().await,
            Operation::Resolve => act.resolve().await,
            Operation::Subscribe => act.subscribe().await,
            Operation::Renew => act.steer_subscription().await,
            Operation::Sell => act.subscribe_to_marketplace().await,
            Operation::Promote => act.promote().await,
            Operation::Steer => act.steer_promotion().await,
            Operation::Coupon => act.steer_coupon().await,
            Operation::Card => act.keep_card().await,
            Operation::Refund => act.refund().await,
            Operation::ChargeBack => act.charge_back().await,
            Operation::PayOut => act.pay_out().await,
            Operation::FinishPayout => act.finish_payout().await,
            Operation::SteerPayout => act.steer_payout().await,
            Operation::Meddle => act.meddle().await,
            Operation::Advance => act.advance().await,
            Operation::Weather => act.change_weather().await,
        };
    }
}

impl Act<'_> {
    fn provider(&mut self) -> Option<&Provider> {
        self.dice.pick(&self.stage.market.providers)
    }

    /// One of the first of a page that somebody sees.
    async fn one_of(&mut self, kind: &'static str, person: &Person, path: &str) -> Option<Value> {
        let page = person.get(kind, &mut self.dice, path).await?.items();
        self.dice.pick(&page).cloned()
    }
}

/// The id of an item of a page.
fn id_of(item: &Value) -> Option<String> {
    item["id"].as_str().map(ToOwned::to_owned)
}

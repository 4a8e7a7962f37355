//! The gateway as its own people see it: its list of payments, its weather, and banks that take
//! money back.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Act, id_of};
use crate::commands::torture::caller::{Answer, Network, fresh_key};
use crate::commands::torture::dice::Dice;
use crate::config::Settings;

/// Calls it as its merchant does.
#[derive(Debug, Clone)]
pub(in super::super) struct Gateway {
    network: Network,
    key: String,
}

impl Gateway {
    pub(in super::super) fn of(network: &Network) -> Self {
        // What ships, as everybody knows it.
        let own = Settings::default().gateways.sandbox;
        Self { network: network.clone(), key: own.api_key.expose().to_owned() }
    }

    pub(in super::super) async fn call(
        &self,
        kind: &'static str,
        dice: &mut Dice,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let key = fresh_key(dice);
        self.network
            .send(kind, true, dice, |http, base| {
                let request = http
                    .request(method.clone(), format!("{base}/sandbox/v1/{path}"))
                    .bearer_auth(&self.key)
                    .header("idempotency-key", &key);
                match body {
                    Some(body) => request.json(body),
                    None => request,
                }
            })
            .await
    }

    /// All of its payments, in the order of its ids.
    pub(in super::super) async fn payments(&self, dice: &mut Dice) -> Option<Vec<Value>> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let after = all.last().and_then(|last| last["id"].as_str()).unwrap_or_default();
            let path = format!("payments?after={after}");
            let page = self.call("gateway's list", dice, Method::GET, &path, None).await?;
            let page = page.body.as_array()?.clone();
            if page.is_empty() {
                return Some(all);
            }
            all.extend(page);
        }
    }

    /// Fair weather.
    pub(in super::super) async fn calm(&self, dice: &mut Dice) -> Option<Answer> {
        self.call("weather", dice, Method::PUT, "hostility", Some(&json!({}))).await
    }

    /// As hostile as the dice say.
    pub(in super::super) async fn storm(&self, dice: &mut Dice) -> Option<Answer> {
        let mut every = |percent: u64, first: u64, last: u64| {
            if dice.chance(percent) { dice.between(first, last) } else { 0 }
        };
        let weather = json!({
            "webhook_lose_every": every(70, 2, 6),
            "webhook_forge_every": every(50, 3, 7),
            "webhook_delay_seconds": every(40, 1, 5),
            "webhook_jitter_seconds": every(70, 1, 8),
            "lose_answer_every": every(70, 5, 14),
            "fail_after_every": every(70, 6, 15),
            "fail_before_every": every(60, 7, 16),
            "webhook_copies": every(80, 1, 4),
            "always_secure": every(15, 1, 1) == 1,
        });
        self.call("weather", dice, Method::PUT, "hostility", Some(&weather)).await
    }
}

impl Act<'_> {
    pub(super) async fn change_weather(&mut self) -> Option<()> {
        let gateway = Gateway::of(&self.stage.market.network);
        gateway.storm(&mut self.dice).await.map(|_| ())
    }

    /// A payer's bank takes money back, or the provider wins the dispute in the end.
    pub(super) async fn charge_back(&mut self) -> Option<()> {
        let gateway = Gateway::of(&self.stage.market.network);
        let payments = gateway.payments(&mut self.dice).await?;
        let taken: Vec<Value> =
            payments.into_iter().filter(|it| it["status"] == "captured").collect();
        let payment = self.dice.pick(&taken)?;
        let sum = |field: &str| payment[field].as_u64().unwrap_or_default();
        let lost = sum("charged_back").saturating_sub(sum("reinstated"));
        let (verb, most) = if lost > 0 && self.dice.chance(60) {
            ("reinstatements", lost)
        } else {
            ("chargebacks", sum("captured").saturating_sub(sum("charged_back")))
        };
        if most == 0 {
            return None;
        }
        let amount = if self.dice.chance(60) { most } else { self.dice.between(1, most) };
        let path = format!("payments/{}/{verb}", id_of(payment)?);
        let body = json!({ "amount": amount });
        let reference = payment["reference"].as_str()?.split('.').next()?.to_owned();
        self.stage.tally.charge_back(reference);
        gateway.call("charge back", &mut self.dice, Method::POST, &path, Some(&body)).await?;
        Some(())
    }
}

//! Somebody pays, by some card, once or too often, through 3-D Secure or not.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::Act;
use crate::commands::torture::caller::{Answer, Parcel, Person, fresh_key};
use crate::commands::torture::invariants;

const CARDS: [(u64, &str); 8] = [
    (50, "card_success"),
    (22, "card_secure"),
    (5, "card_secure_then_declined"),
    (6, "card_declined"),
    (4, "card_insufficient_funds"),
    (6, "card_lost_answer"),
    (1, "card_slow"),
    (8, "card_poor_later"),
];

impl Act<'_> {
    /// Pays for something, and goes where that leads.
    pub(super) async fn pay(
        &mut self,
        payer: &Person,
        purpose: &'static str,
        reference: &str,
    ) -> Option<()> {
        if self.dice.chance(8) {
            return self.check_out(payer, purpose, reference).await;
        }
        let save = purpose == "subscription" && self.dice.chance(85);
        let mut method = json!({ "token": self.dice.weigh(&CARDS)? });
        if self.dice.chance(15)
            && let Some(card) = self.one_of("cards", payer, "cards").await
        {
            method = json!({ "card_id": card["id"] });
        }
        let body = json!({
            "purpose": purpose, "reference": reference, "method": method, "save_card": save,
        });
        let answers = self.send(payer, "pay", "payments", &body).await;
        for answer in &answers {
            if let Some(id) = answer.id().filter(|_| answer.is_good()) {
                self.stage.tally.acknowledge(id);
            }
        }
        let paid = answers.into_iter().find(Answer::is_good)?;
        if paid.text("status") == "requires_action" {
            self.authenticate(payer, &paid).await?;
        }
        Some(())
    }

    /// Once, or several times at once: under one key, or under a key each.
    pub(super) async fn send(
        &mut self,
        payer: &Person,
        kind: &'static str,
        path: &str,
        body: &Value,
    ) -> Vec<Answer> {
        let at_once = if self.dice.chance(20) { self.dice.between(2, 4) } else { 1 };
        let shared = self.dice.chance(50).then(|| fresh_key(&mut self.dice));
        let calls = (0..at_once).map(|_| {
            let mut dice = self.dice.fork();
            let key = shared.clone().unwrap_or_else(|| fresh_key(&mut dice));
            let parcel = Parcel { key: Some(key), body: Some(body.clone()), ..Parcel::default() };
            async move { payer.call(kind, &mut dice, Method::POST, path, parcel).await }
        });
        let calls: Vec<_> = calls.collect();
        let answers: Vec<Answer> = join_all(calls).await.into_iter().flatten().collect();
        let mut ids: Vec<String> =
            answers.iter().filter(|answer| answer.is_good()).filter_map(Answer::id).collect();
        ids.sort_unstable();
        ids.dedup();
        if shared.is_some() && ids.len() > 1 {
            let what = format!("one key made {}", ids.join(" and "));
            self.stage.tally.fault(invariants::ONE_KEY, what);
        }
        answers
    }

    /// Goes to the bank and comes back, or not, or twice.
    async fn authenticate(&mut self, payer: &Person, paid: &Answer) -> Option<()> {
        let mut url = paid.body["action"]["url"].as_str().map(ToOwned::to_owned);
        if url.is_none() || self.dice.chance(10) {
            let path = format!("payments/{}/3ds", paid.id()?);
            let renewed = payer.command("3-D Secure: anew", &mut self.dice, &path).await?;
            url = renewed.body["action"]["url"].as_str().map(ToOwned::to_owned);
        }
        if self.dice.chance(20) {
            return None; // closes the page
        }
        let url = url?;
        let form = if self.dice.chance(80) { "choice=pass" } else { "choice=fail" };
        let back = self.at_page(payer, &url, form).await?;
        for _ in 0..self.dice.weigh(&[(15, 0), (65, 1), (20, 3)])? {
            let path = payer.network().path_of(&back).to_owned();
            payer.get("3-D Secure: return", &mut self.dice, &path).await?;
        }
        Some(())
    }

    /// Presses a button on a page of the gateway; where it sends the browser.
    async fn at_page(&mut self, payer: &Person, url: &str, form: &'static str) -> Option<String> {
        let path = payer.network().path_of(url).to_owned();
        let parcel = Parcel { form: Some(form), ..Parcel::default() };
        let answer = payer.call("at the gateway", &mut self.dice, Method::POST, &path, parcel);
        answer.await?.location
    }

    /// Pays on the gateway's own page.
    async fn check_out(
        &mut self,
        payer: &Person,
        purpose: &'static str,
        reference: &str,
    ) -> Option<()> {
        let body = json!({ "purpose": purpose, "reference": reference, "save_card": true });
        let opened = payer.post("check out", &mut self.dice, "payments/checkout", body).await?;
        let page = opened.body["action"]["url"].as_str()?.to_owned();
        let choices =
            [(70, "choice=card_success"), (15, "choice=card_declined"), (15, "choice=card_secure")];
        for _ in 0..self.dice.between(0, 2) {
            let choice = self.dice.weigh(&choices)?;
            let mut next = self.at_page(payer, &page, choice).await?;
            if next.contains("/challenge/") {
                next = self.at_page(payer, &next, "choice=pass").await?;
            }
            let path = payer.network().path_of(&next).to_owned();
            payer.get("check out: return", &mut self.dice, &path).await?;
        }
        Some(())
    }

    pub(super) async fn keep_card(&mut self) -> Option<()> {
        let client = self.client;
        if self.dice.chance(30)
            && let Some(card) = self.one_of("cards", client, "cards").await
        {
            let path = format!("cards/{}", card["id"].as_str()?);
            client.put("remove card", &mut self.dice, Method::DELETE, &path, None).await?;
            return Some(());
        }
        let card = self.dice.weigh(&CARDS)?;
        let body = json!({ "method": { "token": card }, "currency": "EUR" });
        client.post("keep card", &mut self.dice, "cards", body).await.map(|_| ())
    }
}

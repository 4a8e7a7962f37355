//! Appointments: reserved money that is taken, let go or given back.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Act, id_of};
use crate::commands::torture::caller::{Parcel, Person, fresh_key};

impl Act<'_> {
    pub(super) async fn book(&mut self) -> Option<()> {
        let listing = self.provider()?.listing.clone();
        let now = self.stage.services.clock.now();
        let day = |days| (now + TimeDelta::days(days)).date_naive().to_string();
        let query = vec![("from", day(0)), ("to", day(6)), ("tz", "Europe/Berlin".to_owned())];
        let (client, path) = (self.client, format!("listings/{listing}/slots"));
        let parcel = Parcel { query, ..Parcel::default() };
        let slots = client.call("slots", &mut self.dice, Method::GET, &path, parcel).await?;
        // Many want the first ones.
        let slots: Vec<Value> = slots.items().into_iter().take(12).collect();
        let slot = self.dice.pick(&slots)?["start"].clone();
        let body = json!({ "listing_id": listing, "message": "This time, please.", "slot": slot });
        let booked = client.post("book", &mut self.dice, "bookings", body).await?;
        let id = booked.id().filter(|_| booked.is_good())?;
        self.stage.tally.acknowledge(id.clone());
        if self.dice.chance(90) {
            self.pay(client, "booking", &id).await?;
        }
        if self.dice.chance(20) {
            self.pay(client, "booking", &id).await?; // again, on whatever came of it
        }
        Some(())
    }

    /// A request is answered.
    pub(super) async fn answer(&mut self) -> Option<()> {
        let (client, provider) = (self.client, &self.provider()?.person.clone());
        if self.dice.chance(12) {
            let path = "bookings?status=awaiting_payment,requested&limit=20";
            let id = id_of(&self.one_of("bookings", client, path).await?)?;
            return match self.dice.below(3) {
                0 => self.pay(client, "booking", &id).await,
                _ => self.command(client, "withdraw", &id).await,
            };
        }
        let path = "bookings?as=provider&status=requested&limit=20";
        let id = id_of(&self.one_of("bookings", provider, path).await?)?;
        let word = self.dice.weigh(&[(75, "accept"), (25, "decline")])?;
        if self.dice.chance(15) {
            // The client changes their mind at the same moment.
            let mut other = Act { stage: self.stage, client: self.client, dice: self.dice.fork() };
            let (one, two) = tokio::join!(
                self.command(provider, word, &id),
                other.command(client, "withdraw", &id)
            );
            return one.or(two);
        }
        self.command(provider, word, &id).await
    }

    /// Something happens to an appointment that was accepted.
    pub(super) async fn carry_on(&mut self) -> Option<()> {
        let as_client = self.dice.chance(50);
        let person = if as_client { self.client.clone() } else { self.provider()?.person.clone() };
        let side = if as_client { "client" } else { "provider" };
        let path = format!("bookings?as={side}&status=accepted,in_progress,done&limit=30");
        let booking = self.one_of("bookings", &person, &path).await?;
        let id = id_of(&booking)?;
        let word = if as_client {
            self.dice.weigh(&[(30, "cancel"), (50, "confirm-done"), (20, "dispute")])?
        } else {
            self.dice.weigh(&[
                (20, "cancel"),
                (25, "start"),
                (40, "report-done"),
                (15, "no-show"),
            ])?
        };
        self.command(&person, word, &id).await
    }

    async fn command(&mut self, person: &Person, word: &'static str, id: &str) -> Option<()> {
        let body = match word {
            "dispute" => Some(json!({ "reason": "It was not as it was said to be." })),
            "no-show" => Some(json!({ "who": "client" })),
            "accept" => Some(json!({})),
            _ => None,
        };
        let key = Some(fresh_key(&mut self.dice));
        let parcel = Parcel { key, body, ..Parcel::default() };
        let path = format!("bookings/{id}/{word}");
        person.call(word, &mut self.dice, Method::POST, &path, parcel).await.map(|_| ())
    }

    /// An admin decides who gets what.
    pub(super) async fn resolve(&mut self) -> Option<()> {
        let admin = &self.stage.market.admin;
        let dispute = self.one_of("disputes", admin, "admin/disputes?limit=20").await?;
        let body = json!({
            "refund_percent": self.dice.pick(&[0, 33, 50, 100])?, "reason": "Both were heard.",
        });
        let path = format!("admin/bookings/{}/resolve", id_of(&dispute)?);
        admin.post("resolve", &mut self.dice, &path, body).await.map(|_| ())
    }
}

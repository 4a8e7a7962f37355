//! What a large demonstration has beyond what people made by hand: copies of it, by the hundred.

use adapter_postgres::{CopiedTable, RowCopy};
use kernel::ListingId;
use rand::RngExt;
use serde_json::{Value, json};
use uuid::Uuid;

use super::accounts::PROVIDER_EVERY;
use super::words::{CITIES, STUDIOS};
use super::{Progress, Seeder};

/// Rows of one statement.
const BATCH: usize = 500;

/// A listing that others can be made from.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) id: ListingId,
    /// What it is called, without the city.
    pub(super) title: String,
    /// Its price in minor units.
    pub(super) price: Option<i64>,
}

impl Seeder<'_> {
    /// Accounts with these numbers, of which as many are providers as elsewhere.
    pub(super) async fn more_accounts(
        &mut self,
        numbers: std::ops::Range<usize>,
        tell: &impl Fn(Progress<'_>),
    ) -> anyhow::Result<()> {
        let (client, provider) = (self.people[1].account, self.people[0].clone());
        let Some(provider_model) = provider.provider else { return Ok(()) };
        let total = numbers.end;
        let mut next = numbers.start;
        while next < total {
            let batch = next..(next + BATCH).min(total);
            let (mut accounts, mut providers) = (Vec::new(), Vec::new());
            for number in batch.clone() {
                let (name, email) = Self::name(number);
                let account = self.foundation.ids.next();
                let is_provider = number % PROVIDER_EVERY == 0;
                let roles: &[&str] =
                    if is_provider { &["client", "provider"] } else { &["client"] };
                let since = self.days_ago(30);
                accounts.push(RowCopy {
                    model: client.as_uuid(),
                    differs: json!({
                        "id": account, "email": email, "display_name": name, "roles": roles,
                        "created_at": since,
                    }),
                });
                if is_provider {
                    let id = self.foundation.ids.next();
                    self.crowd.push(id);
                    let differs = self.provider(number, &name, id, account);
                    providers.push(RowCopy { model: provider_model.as_uuid(), differs });
                }
            }
            let store = &self.foundation.store;
            store.copy_rows(CopiedTable::Accounts, &accounts).await?;
            store.copy_rows(CopiedTable::Providers, &providers).await?;
            next = batch.end;
            tell(Progress { what: "accounts", done: next, of: total });
        }
        Ok(())
    }

    fn provider(&mut self, number: usize, name: &str, id: Uuid, account: Uuid) -> Value {
        let city = &CITIES[number % CITIES.len()];
        let last = name.rsplit(' ').next().unwrap_or_default();
        let name = format!("{last} {}, {}", self.pick(&STUDIOS), city.name);
        let since = self.days_ago(28);
        json!({
            "id": id, "account_id": account, "name": name,
            "slug": format!("{}-n{number}", slug::slugify(&name)),
            "lat": self.near(city.latitude), "lon": self.near(city.longitude),
            "rating_count": 0, "rating_mean": 0, "rating_score": 0, "favorite_count": 0,
            "version": 1, "created_at": since, "updated_at": since,
        })
    }

    /// Listings with these numbers, of all providers in turn. They have no pictures, so their
    /// models are those whose type asks for none.
    pub(super) async fn more_listings(
        &mut self,
        numbers: std::ops::Range<usize>,
        tell: &impl Fn(Progress<'_>),
    ) -> anyhow::Result<()> {
        let own = self.people.iter().filter_map(|person| person.provider);
        let providers: Vec<Uuid> =
            own.map(kernel::ProviderId::as_uuid).chain(self.crowd.iter().copied()).collect();
        let models = self.models.clone();
        let total = numbers.end;
        let mut next = numbers.start;
        while next < total {
            let batch = next..(next + BATCH).min(total);
            let mut listings = Vec::new();
            for number in batch.clone() {
                let model = &models[number % models.len()];
                let city = &CITIES[number % CITIES.len()];
                let title = format!("{}, {}", model.title, city.name);
                let price = model.price.map(|_| self.random.random_range(4..240) * 500_i64);
                let since = self.days_ago(7 + i64::try_from(number % 20)?);
                listings.push(RowCopy {
                    model: model.id.as_uuid(),
                    differs: json!({
                        "id": self.foundation.ids.next(),
                        "provider_id": providers[number % providers.len()],
                        "title": title,
                        "slug": format!("{}-n{number}", slug::slugify(&title)),
                        "price_minor": price,
                        "lat": self.near(city.latitude), "lon": self.near(city.longitude),
                        "cover_media_id": null, "unreviewed_since": null,
                        "rating_count": 0, "rating_mean": 0, "rating_score": 0,
                        "view_count": 0, "favorite_count": 0, "version": 1,
                        "created_at": since, "updated_at": since, "published_at": since,
                    }),
                });
            }
            self.foundation.store.copy_rows(CopiedTable::Listings, &listings).await?;
            next = batch.end;
            tell(Progress { what: "listings", done: next, of: total });
        }
        Ok(())
    }

    /// Around a place, not all on one spot.
    fn near(&mut self, degrees: f64) -> f64 {
        degrees + self.random.random_range(-0.05..0.05)
    }
}

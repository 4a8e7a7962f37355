use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;

use access::Actor;
use anyhow::{Context, bail};
use bookings::{AvailabilityRules, MinuteOfDay, WeeklyHours};
use catalog::media::{LocalFile, MediaKind};
use catalog::{
    AttributeDeclaration, AttributeKindName, Change, ContentPatch, Decision, GivenMoney,
    GivenPlace, Key, ListingType, Moderation, NewListing, PriceUnit, ReviewTarget, TransactionMode,
    Uploads,
};
use chrono::{TimeDelta, Weekday};
use kernel::{CategoryId, Clock, Money, Once};
use rand::RngExt;
use serde_json::{Value, json};

use super::crowd::Model;
use super::words::{CITIES, OTHER_TITLES, SENTENCES, TITLES};
use super::{Offered, Seeder, pictures};

/// Of so many listings one stays a draft, one waits for a moderator where they look first, and one
/// is paused.
const DRAFT_EVERY: usize = 15;
const WAITING_EVERY: usize = 12;
const PAUSED_EVERY: usize = 20;

impl Seeder<'_> {
    pub(super) async fn listings(
        &mut self,
        listings: usize,
        tell: impl Fn(usize),
    ) -> anyhow::Result<()> {
        let types = &self.services.profile.listing_types;
        if types.iter().any(|listing_type| listing_type.transacts(TransactionMode::Appointment)) {
            for provider in self.providers() {
                self.open(provider).await?;
            }
        }
        self.listings_from(0..listings, tell).await
    }

    pub(super) async fn listings_from(
        &mut self,
        numbers: Range<usize>,
        tell: impl Fn(usize),
    ) -> anyhow::Result<()> {
        let listings = numbers.end;
        let providers = self.providers();
        let types = self.services.profile.listing_types.clone();
        let taxonomy = self.services.catalog.taxonomy.taxonomy().await?;
        let categories: Vec<(CategoryId, String)> = taxonomy
            .categories()
            .iter()
            .map(|category| (category.id, category.slug.as_str().to_owned()))
            .collect();
        for number in numbers {
            let by = providers[number % providers.len()];
            let listing_type = &types[number % types.len()];
            let category = &categories[number % categories.len()];
            let days = 27 - i64::try_from(number * 20 / listings.max(1)).unwrap_or(0);
            let at = self.days_ago(days);
            self.clock.set(at);
            self.listing(number, by, listing_type, category)
                .await
                .with_context(|| format!("listing {number} ({})", listing_type.key()))?;
            tell(number + 1);
        }
        Ok(())
    }

    async fn listing(
        &mut self,
        number: usize,
        by: usize,
        listing_type: &ListingType,
        (category, slug): &(CategoryId, String),
    ) -> anyhow::Result<()> {
        let actor = self.people[by].actor();
        let content = self.content(number, listing_type, *category, slug);
        let price = match &content.price {
            Change::Set(price) => Some(Money::new(price.amount, price.currency.parse()?)),
            Change::Keep | Change::Clear => None,
        };
        let title = content.title.clone();
        let command = NewListing {
            listing_type: listing_type.key().as_str().to_owned(),
            content,
            uploads: Self::uploads(number, listing_type)?,
            order: None,
        };
        let catalog = &self.services.catalog;
        let Once::Done(stored) = catalog.listings.create(&actor, command, None).await? else {
            bail!("a listing without an idempotency key is never replayed");
        };
        let id = stored.listing.id();
        if number % DRAFT_EVERY == DRAFT_EVERY - 1 {
            return Ok(());
        }
        catalog.listings.publish(&actor, id, None).await?;
        if listing_type.moderation() == Moderation::Before {
            if number % WAITING_EVERY == WAITING_EVERY - 1 {
                return Ok(());
            }
            let target = ReviewTarget::Listing(id);
            catalog.moderation.decide(&Actor::system(), target, &Decision::Approve, None).await?;
        }
        if number % PAUSED_EVERY == PAUSED_EVERY - 1 {
            catalog.listings.pause(&actor, id, None).await?;
            return Ok(());
        }
        if let (0, Change::Set(title)) = (listing_type.media().min(), title) {
            let title = title.rsplit_once(", ").map_or(&*title, |(title, _)| title).to_owned();
            self.models.push(Model { id, title, price: price.map(Money::minor) });
        }
        let by_slot = listing_type.transacts(TransactionMode::Appointment);
        self.listings.push(Offered { id, by, price, since: self.clock.now(), by_slot });
        Ok(())
    }

    fn content(
        &mut self,
        number: usize,
        listing_type: &ListingType,
        category: CategoryId,
        slug: &str,
    ) -> ContentPatch {
        let own = TITLES.iter().find(|(name, _)| *name == slug).map(|(_, titles)| *titles);
        let city = &CITIES[number % CITIES.len()];
        let title = self.pick(own.unwrap_or(&OTHER_TITLES));
        let description = [(); 4].map(|()| *self.pick(&SENTENCES)).join(" ");
        let declaration = listing_type.declaration();
        let attributes = declaration
            .attributes
            .iter()
            .map(|attribute| (attribute.key.as_str().to_owned(), self.value(attribute)))
            .collect::<BTreeMap<_, _>>();
        let unit = if listing_type.transacts(TransactionMode::Appointment) {
            PriceUnit::Fixed
        } else {
            PriceUnit::From
        };
        let amount = self.random.random_range(4..240) * 500;
        // Around the city, not all on one spot.
        let mut near = |degrees: f64| degrees + self.random.random_range(-0.05..0.05);
        ContentPatch {
            title: Change::Set(format!("{title}, {}", city.name)),
            description: Change::Set(description),
            category: Change::Set(category.to_string()),
            price: Change::Set(GivenMoney {
                amount,
                currency: self.services.profile.currency.to_string(),
            }),
            price_unit: Change::Set(unit.name().to_owned()),
            attributes,
            location: Change::Set(GivenPlace {
                lat: near(city.latitude),
                lon: near(city.longitude),
            }),
            ..ContentPatch::default()
        }
    }

    /// A value that the declaration allows.
    fn value(&mut self, attribute: &AttributeDeclaration) -> Value {
        let low = attribute.min.unwrap_or(1.0);
        let high = attribute.max.unwrap_or(low + 100.0).min(low + 200.0);
        match attribute.kind {
            AttributeKindName::Text => {
                json!(*self.pick(&["oak and lime", "steel and glass", "wool, cork, clay"]))
            }
            AttributeKindName::Integer => {
                let whole = self.random.random_range(low..=high).round().min(high);
                json!(format!("{whole:.0}").parse::<i64>().unwrap_or(1))
            }
            AttributeKindName::Decimal => {
                json!((self.random.random_range(low..=high) * 2.0).round() / 2.0)
            }
            AttributeKindName::Boolean => json!(self.random.random_bool(0.5)),
            AttributeKindName::Enum => json!(self.pick(&attribute.choices).key),
            AttributeKindName::MultiEnum => {
                let first = self.random.random_range(0..attribute.choices.len());
                let keys: Vec<&Key> = attribute
                    .choices
                    .iter()
                    .skip(first)
                    .take(2)
                    .map(|choice| &choice.key)
                    .collect();
                json!(keys)
            }
            AttributeKindName::Date => json!(self.today.date_naive()),
        }
    }

    /// One to three pictures, where the type takes any.
    fn uploads(number: usize, listing_type: &ListingType) -> anyhow::Result<Uploads> {
        let limits = listing_type.media();
        if !limits.kinds().contains(&MediaKind::Picture) || limits.max() == 0 {
            return Ok(Uploads::default());
        }
        let wanted = 1 + number % 3;
        let mut files = Vec::new();
        for place in 0..wanted.clamp(limits.min(), limits.max()) {
            let seed = u64::try_from(number * 8 + place)?;
            let picture = pictures::draw(seed);
            let mut file = tempfile::NamedTempFile::new()?;
            file.write_all(&picture)?;
            let bytes = u64::try_from(picture.len())?;
            files.push(LocalFile::new(file.into_temp_path(), bytes));
        }
        Ok(Uploads { files, descriptions: Vec::new() })
    }

    /// Weekdays from nine to five.
    async fn open(&mut self, provider: usize) -> anyhow::Result<()> {
        let minute = |hour: u16| MinuteOfDay::new(hour * 60);
        let (from, to) = (minute(9)?, minute(17)?);
        let weekdays = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
        let rules = AvailabilityRules {
            time_zone: chrono_tz::Europe::Berlin,
            weekly: weekdays.map(|weekday| WeeklyHours { weekday, from, to }).to_vec(),
            exceptions: Vec::new(),
            slot_minutes: 60,
            interval_minutes: 60,
            buffer_before_minutes: 0,
            buffer_after_minutes: 0,
            min_notice_minutes: 60,
            horizon_days: 60,
            per_day: None,
            per_week: None,
            capacity: 1,
        };
        let actor = self.people[provider].actor();
        self.services.schedules.set_availability(&actor, rules).await?;
        Ok(())
    }

    /// The first free slot of a listing at least so many days after now, if there is one.
    pub(super) async fn slot(
        &self,
        listing: kernel::ListingId,
        days: i64,
    ) -> anyhow::Result<Option<chrono::DateTime<chrono::Utc>>> {
        let from = (self.clock.now() + TimeDelta::days(days)).date_naive();
        let to = from + TimeDelta::days(7);
        let found =
            self.services.schedules.slots(&Actor::visitor(), listing, from, to, None).await?;
        Ok(found.slots.first().map(|free| free.slot.start()))
    }
}

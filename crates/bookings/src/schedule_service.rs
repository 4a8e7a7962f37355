use std::sync::Arc;

use access::{Action, Actor, Relation, decide, permits};
use chrono::{Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use kernel::{Clock, FieldErrors, ListingId, ProviderId, Random};

use crate::opening::window;
use crate::{
    AppointmentSettings, Availability, AvailabilityRules, Booking, BookingError, BookingReads,
    BookingStore, CalendarToken, FreeSlot, Interval, ListingSchedule, ProcessKind, slots,
};

/// The use cases around calendars: opening hours, free slots, calendar links.
#[derive(Clone)]
pub struct ScheduleService {
    store: Arc<dyn BookingStore>,
    reads: Arc<dyn BookingReads>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// The free slots of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingSlots {
    /// The zone that the dates were meant in: the one asked for, else the provider's.
    pub time_zone: Tz,
    /// In order.
    pub slots: Vec<FreeSlot>,
}

impl std::fmt::Debug for ScheduleService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScheduleService").finish_non_exhaustive()
    }
}

impl ScheduleService {
    /// The most days that one question for slots may cover.
    pub const MAX_DAYS: i64 = 62;

    /// The service over its ports.
    pub fn new(
        store: Arc<dyn BookingStore>,
        reads: Arc<dyn BookingReads>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { store, reads, clock, random }
    }

    /// The actor's own opening hours; `None` as long as they have set none.
    pub async fn availability(&self, actor: &Actor) -> Result<Option<Availability>, BookingError> {
        let provider = own_provider(actor)?;
        Ok(self.reads.availability_of(provider).await?)
    }

    /// Sets the actor's own opening hours. What is booked stays booked.
    pub async fn set_availability(
        &self,
        actor: &Actor,
        rules: AvailabilityRules,
    ) -> Result<Availability, BookingError> {
        let provider = own_provider(actor)?;
        let availability = Availability::new(provider, rules).map_err(BookingError::Invalid)?;
        let mut tx = self.store.begin().await?;
        tx.store_availability(&availability, self.clock.now()).await?;
        tx.commit().await?;
        Ok(availability)
    }

    /// What a listing of the actor says about appointments.
    pub async fn appointment_settings(
        &self,
        actor: &Actor,
        listing: ListingId,
    ) -> Result<AppointmentSettings, BookingError> {
        let mut tx = self.store.begin().await?;
        let found = tx.bookable_listing(listing).await?;
        let found = found.ok_or(BookingError::ListingNotFound { id: listing })?;
        authorize(actor, &found)?;
        Ok(found.settings)
    }

    /// Sets what a listing of the actor says about appointments.
    pub async fn set_appointment_settings(
        &self,
        actor: &Actor,
        settings: AppointmentSettings,
    ) -> Result<AppointmentSettings, BookingError> {
        let id = settings.listing;
        let mut tx = self.store.begin().await?;
        let listing = tx.bookable_listing(id).await?;
        authorize(actor, &listing.ok_or(BookingError::ListingNotFound { id })?)?;
        settings.check().map_err(BookingError::Invalid)?;
        tx.store_appointment_settings(&settings, self.clock.now()).await?;
        tx.commit().await?;
        Ok(settings)
    }

    /// The free slots of a public listing that start on dates from one to another, both
    /// included, at most [`MAX_DAYS`](Self::MAX_DAYS) of them. The dates are meant in `zone`, or
    /// in the provider's own.
    ///
    /// # Errors
    ///
    /// [`BookingError::NotBookable`] if the listing has no appointments.
    pub async fn slots(
        &self,
        actor: &Actor,
        listing: ListingId,
        from: NaiveDate,
        to: NaiveDate,
        zone: Option<Tz>,
    ) -> Result<ListingSlots, BookingError> {
        let within = surroundings(from, to)?;
        let schedule = self.reads.listing_schedule(listing, within).await?;
        let ListingSchedule { listing, availability, occupied } = schedule
            .filter(|found| {
                found.listing.public || actor.provider() == Some(found.listing.provider)
            })
            .ok_or(BookingError::ListingNotFound { id: listing })?;
        if !listing.processes.contains(&ProcessKind::Appointment) {
            return Err(BookingError::NotBookable);
        }
        let Some(availability) = availability else {
            return Ok(ListingSlots { time_zone: zone.unwrap_or(Tz::UTC), slots: Vec::new() });
        };
        let time_zone = zone.unwrap_or(availability.rules().time_zone);
        let free = window(time_zone, from, to).map(|window| {
            slots(&availability, &listing.settings, &occupied, window, self.clock.now())
        });
        Ok(ListingSlots { time_zone, slots: free.unwrap_or_default() })
    }

    /// Makes the address of the actor's calendar anew; the one before no longer works.
    pub async fn renew_calendar_token(&self, actor: &Actor) -> Result<CalendarToken, BookingError> {
        let action = Action::BookingList;
        decide(actor, action, Relation::Stranger, true)
            .map_err(|denial| BookingError::denied_openly(denial, action))?;
        let account = actor.account().ok_or(BookingError::Unauthenticated)?;
        let token = CalendarToken::new(&*self.random);
        let mut tx = self.store.begin().await?;
        tx.store_calendar_token(account, &token, self.clock.now()).await?;
        tx.commit().await?;
        Ok(token)
    }

    /// The appointments behind a calendar address, from a month ago to a year ahead.
    pub async fn calendar(&self, token: &str) -> Result<Vec<Booking>, BookingError> {
        let token = CalendarToken::parse(token).ok_or(BookingError::CalendarNotFound)?;
        let now = self.clock.now();
        let within = Interval::new(now - TimeDelta::days(31), now + TimeDelta::days(366))
            .expect("a year is not empty");
        self.reads.calendar_of(&token, within).await?.ok_or(BookingError::CalendarNotFound)
    }
}

fn own_provider(actor: &Actor) -> Result<ProviderId, BookingError> {
    let action = Action::AvailabilityUpdate;
    decide(actor, action, Relation::Owner, true)
        .map_err(|denial| BookingError::denied_openly(denial, action))?;
    actor.provider().ok_or(BookingError::NotAProvider)
}

fn authorize(actor: &Actor, listing: &crate::BookableListing) -> Result<(), BookingError> {
    let action = Action::AvailabilityUpdate;
    let own = actor.provider() == Some(listing.provider);
    let relation = if own { Relation::Owner } else { Relation::Stranger };
    let sees = listing.public || permits(actor, Action::ListingReadUnpublished, relation);
    decide(actor, action, relation, sees).map_err(|denial| match denial {
        access::Denial::Hidden => BookingError::ListingNotFound { id: listing.id },
        access::Denial::SignIn | access::Denial::Forbidden(_) => {
            BookingError::denied_openly(denial, action)
        }
    })
}

/// The time that can matter for dates in any zone: their weeks, and a day more.
fn surroundings(from: NaiveDate, to: NaiveDate) -> Result<Interval, BookingError> {
    let mut errors = FieldErrors::new();
    let days = (to - from).num_days();
    if days < 0 {
        errors.add("to", "out_of_order", "must not lie before `from`");
    } else if days >= ScheduleService::MAX_DAYS {
        errors.add("to", "too_far", "must lie less than 62 days after `from`");
    }
    let start = from.checked_sub_days(Days::new(9)).and_then(|date| date.and_hms_opt(0, 0, 0));
    let end = to.checked_add_days(Days::new(10)).and_then(|date| date.and_hms_opt(0, 0, 0));
    let around =
        start.zip(end).and_then(|(start, end)| Interval::new(start.and_utc(), end.and_utc()));
    let decades = |date: NaiveDate| (1900..2200).contains(&chrono::Datelike::year(&date));
    if !decades(from) || !decades(to) {
        errors.add("from", "out_of_range", "must lie between 1900 and 2200");
    }
    errors.into_result().map_err(BookingError::Invalid)?;
    around.ok_or(BookingError::SlotNotOffered)
}

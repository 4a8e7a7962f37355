//! What a client starts with a submission, and how its slot is taken.

use chrono::{DateTime, Utc};
use kernel::{AccountId, FieldErrors, Money};

use crate::slot::{Calendar, has_room};
use crate::{
    Appointment, AppointmentSettings, BookableListing, Booking, BookingError, BookingTx, Process,
    ProcessKind, Side, SubmitBooking,
};

impl BookableListing {
    /// Which process the client starts: the one with a slot if they name one, else the first
    /// without one that the listing's type allows.
    pub(crate) fn process(
        &self,
        client: AccountId,
        command: &SubmitBooking,
    ) -> Result<ProcessKind, BookingError> {
        if self.provider_account == client {
            return Err(BookingError::OwnListing);
        }
        let without_slot = self.processes.iter().copied().find(|kind| match kind {
            ProcessKind::Request | ProcessKind::Quote => true,
            ProcessKind::Appointment => false,
        });
        let appointments = self.processes.contains(&ProcessKind::Appointment);
        let mut errors = FieldErrors::new();
        let kind = match (command.starts_at, without_slot, appointments) {
            (_, None, false) => return Err(BookingError::NotBookable),
            (Some(_), _, true) => ProcessKind::Appointment,
            (None, Some(kind), _) => kind,
            (Some(_), Some(kind), false) => {
                errors.add("/slot", "not_an_appointment", "this listing has no appointments");
                kind
            }
            (None, None, true) => {
                errors.add("/slot", "required", "this listing is booked by appointment");
                ProcessKind::Appointment
            }
        };
        if let Some(budget) = command.budget {
            if kind == ProcessKind::Appointment {
                errors.add("/budget", "not_allowed", "an appointment has the listing's price");
            }
            if !budget.is_price() || budget.minor() == 0 {
                let max = Money::MAX_PRICE;
                let detail = format!("must lie between 1 and {max}");
                errors.add("/budget/amount", "out_of_range", detail);
            }
            if self.price.currency().is_some_and(|currency| currency != budget.currency()) {
                let detail = "must be the currency of the listing";
                errors.add("/budget/currency", "other_currency", detail);
            }
        }
        errors.into_result().map_err(BookingError::Invalid)?;
        Ok(kind)
    }
}

/// Takes the slot of an appointment. It looks once without waiting, so that a crowd before a
/// taken slot is turned away at once, and once more when nobody else can book.
pub(crate) async fn reserve(
    tx: &mut dyn BookingTx,
    listing: &BookableListing,
    kind: ProcessKind,
    command: &SubmitBooking,
    now: DateTime<Utc>,
) -> Result<Process, BookingError> {
    let starts_at = match (kind, command.starts_at) {
        (ProcessKind::Request, _) => return Ok(Process::Request { budget: command.budget }),
        (ProcessKind::Quote, _) => return Ok(Process::Quote { budget: command.budget }),
        (ProcessKind::Appointment, Some(starts_at)) => starts_at,
        (ProcessKind::Appointment, None) => return Err(BookingError::SlotNotOffered),
    };
    let provider = listing.provider;
    let availability = tx.availability(provider).await?.ok_or(BookingError::SlotNotOffered)?;
    let settings = &listing.settings;
    let around = Calendar::around(&availability, settings, starts_at);

    let occupied = &tx.occupied(provider, around, None).await?;
    Calendar { availability: &availability, settings, occupied }.free(starts_at, now)?;
    tx.lock_calendar(provider).await?;
    let occupied = &tx.occupied(provider, around, None).await?;
    let appointment =
        Calendar { availability: &availability, settings, occupied }.free(starts_at, now)?;
    Ok(Process::Appointment { appointment })
}

/// The appointment that a booking would have at another time: a free slot if the client wants
/// it, any time with room if the provider does.
pub(crate) async fn propose(
    tx: &mut dyn BookingTx,
    booking: &Booking,
    by: Side,
    starts_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Appointment, BookingError> {
    if starts_at <= now {
        let mut errors = FieldErrors::new();
        errors.add("/starts_at", "in_the_past", "must lie in the future");
        return Err(BookingError::Invalid(errors));
    }
    let provider = booking.parties().provider;
    let settings = tx
        .bookable_listing(booking.listing())
        .await?
        .map_or_else(|| AppointmentSettings::none(booking.listing()), |listing| listing.settings);
    let availability = tx.availability(provider).await?.ok_or(BookingError::SlotNotOffered)?;
    let around = Calendar::around(&availability, &settings, starts_at);
    let occupied = tx.occupied(provider, around, Some(booking.id())).await?;
    let calendar =
        Calendar { availability: &availability, settings: &settings, occupied: &occupied };
    if by == Side::Provider { calendar.anywhere(starts_at) } else { calendar.free(starts_at, now) }
}

/// Takes the booking's new time, if there is still room.
pub(crate) async fn retake(tx: &mut dyn BookingTx, booking: &Booking) -> Result<(), BookingError> {
    let Some(appointment) = booking.appointment() else { return Ok(()) };
    let provider = booking.parties().provider;
    tx.lock_calendar(provider).await?;
    let occupied = tx.occupied(provider, appointment.busy, Some(booking.id())).await?;
    if has_room(&occupied, appointment) { Ok(()) } else { Err(BookingError::SlotTaken) }
}

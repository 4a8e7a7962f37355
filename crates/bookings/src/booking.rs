use access::{Action, Actor, Relation, decide, permits};
use chrono::{DateTime, Utc};
use kernel::{AccountId, BookingId, ListingId, Money, ProviderId, Text};

use crate::cancellation::percentage;
use crate::{
    BookingError, BookingEvent, Budget, CancellationPolicy, CancellationQuote, Command, Funds,
    Happening, Interval, Offer, PaymentTerms, Policy, Process, ProcessKind, Settlement, Side,
    Status,
};

/// What the client writes to the provider.
pub type Message = Text<1, 5000>;

/// The people of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parties {
    /// The account that asks.
    pub client: AccountId,
    /// The provider that is asked.
    pub provider: ProviderId,
    /// The provider's account.
    pub provider_account: AccountId,
}

/// A command that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// What was done: the name of a [`Command`], or `submit`.
    pub command: &'static str,
    /// By which side.
    pub by: Side,
    /// The state before; `None` for a submission.
    pub from: Option<&'static str>,
    /// The state after.
    pub to: &'static str,
    /// What they said.
    pub note: Option<String>,
    /// What the rest of the system hears.
    pub event: BookingEvent,
    /// What has to happen to the money.
    pub settlement: Option<Settlement>,
}

/// What a client asks for.
#[derive(Debug, Clone)]
pub struct NewBooking {
    /// Its id.
    pub id: BookingId,
    /// Of what.
    pub listing: ListingId,
    /// The listing's title now.
    pub title: String,
    /// Who.
    pub parties: Parties,
    /// How.
    pub process: Process,
    /// In the client's words.
    pub message: Message,
    /// For how much, if that is known.
    pub price: Option<Money>,
    /// What a cancellation gives back.
    pub cancellation: CancellationPolicy,
}

/// A client's request to a provider, through to its completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    pub(crate) id: BookingId,
    pub(crate) listing: ListingId,
    pub(crate) title: String,
    pub(crate) parties: Parties,
    pub(crate) process: Process,
    pub(crate) message: Message,
    pub(crate) price: Option<Money>,
    pub(crate) funds: Funds,
    pub(crate) cancellation: CancellationPolicy,
    pub(crate) offers: Vec<Offer>,
    pub(crate) changes_left: u8,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) accepted_at: Option<DateTime<Utc>>,
    pub(crate) stale_at: Option<DateTime<Utc>>,
    pub(crate) status: Status,
    pub(crate) version: i32,
}

/// The fields of a [`Booking`], for storage adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingRecord {
    /// Its id.
    pub id: BookingId,
    /// Of what.
    pub listing: ListingId,
    /// The listing's title when it was submitted.
    pub title: String,
    /// Who.
    pub parties: Parties,
    /// How.
    pub process: Process,
    /// In the client's words.
    pub message: Message,
    /// For how much, once that is known.
    pub price: Option<Money>,
    /// What the marketplace holds.
    pub funds: Funds,
    /// What a cancellation gives back.
    pub cancellation: CancellationPolicy,
    /// Offers and counter-offers, by number.
    pub offers: Vec<Offer>,
    /// How often the client may still ask for changes.
    pub changes_left: u8,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// When it was accepted, if it was.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When it is cancelled unless it is done, once it was accepted.
    pub stale_at: Option<DateTime<Utc>>,
    /// Where it stands.
    pub status: Status,
    /// Counts its changes, from 1.
    pub version: i32,
}

impl Booking {
    /// The most offers and counter-offers of a booking.
    pub const MAX_OFFERS: u16 = 20;

    /// A new booking. With payments, an appointment with a price waits for the client's money.
    ///
    /// # Errors
    ///
    /// [`BookingError::SlotNotOffered`] if money would have to be held for the appointment beyond
    /// the gateway's limit.
    pub fn submit(
        new: NewBooking,
        terms: PaymentTerms,
        now: DateTime<Utc>,
        policy: &Policy,
    ) -> Result<(Self, Transition), BookingError> {
        let NewBooking { id, listing, title, parties, process, message, price, cancellation } = new;
        let awaited = match (terms, process.kind(), price) {
            (PaymentTerms::AuthoriseFirst, ProcessKind::Appointment, Some(price)) => {
                Some(price).filter(|price| price.minor() > 0)
            }
            (PaymentTerms::AuthoriseFirst | PaymentTerms::NoPayments, _, _) => None,
        };
        let hold_until = now + policy.hold();
        let mut booking = Self {
            id,
            listing,
            title,
            parties,
            process,
            message,
            price,
            funds: Funds::NotTaken,
            cancellation,
            offers: Vec::new(),
            changes_left: policy.changes_at_most,
            created_at: now,
            accepted_at: None,
            stale_at: None,
            status: Status::AwaitingPayment { hold_until },
            version: 1,
        };
        let (happening, settlement) = if let Some(amount) = awaited {
            let limit = now + policy.stale() - policy.confirm();
            if booking.slot().is_some_and(|slot| slot.end() > limit) {
                return Err(BookingError::SlotNotOffered);
            }
            booking.funds = Funds::Awaited;
            (Happening::PaymentAwaited, Some(Settlement::Authorise { amount, hold_until }))
        } else {
            booking.status = Status::Requested { answer_due: booking.answer_due(now, policy) };
            (Happening::Submitted, None)
        };
        let transition = Transition {
            command: "submit",
            by: Side::Client,
            from: None,
            to: booking.status.name(),
            note: None,
            event: BookingEvent::of(&booking, happening, Side::Client),
            settlement,
        };
        Ok((booking, transition))
    }

    /// What a cancellation by this side would do now; `None` where it is not possible.
    pub fn cancellation_quote(&self, by: Side, now: DateTime<Utc>) -> Option<CancellationQuote> {
        if !self.may(Command::Cancel, by, now) {
            return None;
        }
        let refund_percent = self.cancellation_percent(by, now);
        let refund = self.price.map(|price| percentage(price, refund_percent));
        let kept =
            self.price.zip(refund).and_then(|(price, refund)| price.checked_sub(refund).ok());
        let falls_at = match (by, self.slot()) {
            (Side::Client, Some(slot)) => self.cancellation.next_fall(slot.start(), now),
            (_, _) => None,
        };
        Some(CancellationQuote {
            refund_percent,
            refund,
            kept,
            held: self.funds == Funds::Captured,
            falls_at,
        })
    }

    /// By tier for a client with an appointment. Everything for a provider who cancels, and for
    /// work without a time that has not begun.
    pub(crate) fn cancellation_percent(&self, by: Side, now: DateTime<Utc>) -> u8 {
        match (by, self.slot()) {
            (Side::Client, Some(slot)) => self.cancellation.refund_percent(slot.start() - now),
            (_, _) => 100,
        }
    }

    /// Passes if the actor may do this to this booking. A stranger learns nothing, not even that
    /// the booking exists.
    pub fn authorize(&self, actor: &Actor, action: Action) -> Result<(), BookingError> {
        let relation = self.relation_of(actor);
        let sees = permits(actor, Action::BookingRead, relation);
        decide(actor, action, relation, sees)
            .map_err(|denial| BookingError::denied(denial, self.id))
    }

    /// Which side of the booking the actor is on, if any.
    pub fn side_of(&self, actor: &Actor) -> Option<Side> {
        match self.relation_of(actor) {
            Relation::ClientSide => Some(Side::Client),
            Relation::ProviderSide => Some(Side::Provider),
            Relation::Stranger | Relation::Owner | Relation::Subject => None,
        }
    }

    fn relation_of(&self, actor: &Actor) -> Relation {
        if actor.account() == Some(self.parties.client) {
            Relation::ClientSide
        } else if actor.provider() == Some(self.parties.provider) {
            Relation::ProviderSide
        } else {
            Relation::Stranger
        }
    }

    /// Its fields, for storage.
    pub fn record(&self) -> BookingRecord {
        let Self {
            id,
            listing,
            title,
            parties,
            process,
            message,
            price,
            funds,
            cancellation,
            offers,
            changes_left,
            created_at,
            accepted_at,
            stale_at,
            status,
            version,
        } = self.clone();
        BookingRecord {
            id,
            listing,
            title,
            parties,
            process,
            message,
            price,
            funds,
            cancellation,
            offers,
            changes_left,
            created_at,
            accepted_at,
            stale_at,
            status,
            version,
        }
    }

    /// The booking of a record that was valid when it was written.
    pub fn restore(record: BookingRecord) -> Self {
        let BookingRecord {
            id,
            listing,
            title,
            parties,
            process,
            message,
            price,
            funds,
            cancellation,
            offers,
            changes_left,
            created_at,
            accepted_at,
            stale_at,
            status,
            version,
        } = record;
        Self {
            id,
            listing,
            title,
            parties,
            process,
            message,
            price,
            funds,
            cancellation,
            offers,
            changes_left,
            created_at,
            accepted_at,
            stale_at,
            status,
            version,
        }
    }

    /// Its id.
    pub const fn id(&self) -> BookingId {
        self.id
    }

    /// Of what.
    pub const fn listing(&self) -> ListingId {
        self.listing
    }

    /// The listing's title when it was submitted.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Who.
    pub const fn parties(&self) -> Parties {
        self.parties
    }

    /// How.
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// In the client's words.
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// For how much, once that is known.
    pub const fn price(&self) -> Option<Money> {
        self.price
    }

    /// What the marketplace holds.
    pub const fn funds(&self) -> Funds {
        self.funds
    }

    /// What a cancellation gives back.
    pub const fn cancellation(&self) -> &CancellationPolicy {
        &self.cancellation
    }

    /// Offers and counter-offers, by number.
    pub fn offers(&self) -> &[Offer] {
        &self.offers
    }

    /// When it was submitted.
    pub const fn created_at(&self) -> DateTime<Utc> {
        self.created_at
    }

    /// When it was accepted, if it was.
    pub const fn accepted_at(&self) -> Option<DateTime<Utc>> {
        self.accepted_at
    }

    /// When it is cancelled unless it is done, once it was accepted.
    pub const fn stale_at(&self) -> Option<DateTime<Utc>> {
        self.stale_at
    }

    /// How often the client may still ask for changes.
    pub const fn changes_left(&self) -> u8 {
        self.changes_left
    }

    /// Where it stands.
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// Counts its changes, from 1.
    pub const fn version(&self) -> i32 {
        self.version
    }

    /// What the client wants to spend, if they say so.
    pub const fn budget(&self) -> Option<Budget> {
        match &self.process {
            Process::Request { budget } | Process::Quote { budget } => *budget,
            Process::Appointment { .. } => None,
        }
    }

    /// The time of an appointment.
    pub fn slot(&self) -> Option<Interval> {
        self.appointment().map(|appointment| appointment.slot)
    }

    /// Passes if this side may do this now; else says what it may do.
    pub(crate) fn require(
        &self,
        command: Command,
        by: Side,
        now: DateTime<Utc>,
    ) -> Result<(), BookingError> {
        if self.may(command, by, now) {
            return Ok(());
        }
        Err(BookingError::NotAllowed {
            id: self.id,
            command: command.name(),
            status: self.status.name(),
            allowed: self.allowed(by, now).into_iter().map(Command::name).collect(),
        })
    }

    /// Moves on to a state, and tells of it.
    pub(crate) fn become_status(
        &mut self,
        status: Status,
        command: Command,
        by: Side,
        happening: Happening,
    ) -> Transition {
        let from = self.status.name();
        self.status = status;
        self.version += 1;
        Transition {
            command: command.name(),
            by,
            from: Some(from),
            to: self.status.name(),
            note: None,
            event: BookingEvent::of(self, happening, by),
            settlement: None,
        }
    }
}

impl Transition {
    pub(crate) fn with_note(self, note: Option<&str>) -> Self {
        Self { note: note.map(ToOwned::to_owned), ..self }
    }

    pub(crate) fn with_settlement(self, settlement: Option<Settlement>) -> Self {
        Self { settlement, ..self }
    }
}

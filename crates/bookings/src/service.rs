use std::sync::Arc;

use access::{Action, Actor, AuditEntry, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, BookingId, Clock, EventMessage, Idempotency, Ids, Limit, ListingId, Money, OfferId,
    Once, Page,
};
use serde_json::json;

use crate::reservation::{propose, reserve, retake};
use crate::{
    BookableListing, Booking, BookingCommand, BookingError, BookingPosition, BookingQuery,
    BookingReads, BookingStore, BookingTx, CancellationQuote, Command, HistoryEntry, Message,
    NewBooking, Parties, Policy, Process, Reaction, Reason, Side, Transition,
};

/// The name under which [`BookingService::on_payment`] remembers what it has handled.
pub const PAYMENT_HANDLER: &str = "bookings.on_payment";

const PAYMENT_AUTHORIZED: &str = "payment.authorized.v1";

/// The events that [`BookingService::on_payment`] follows.
pub const PAYMENT_EVENTS: &[&str] = &[PAYMENT_AUTHORIZED];

/// The use cases around bookings.
#[derive(Clone)]
pub struct BookingService {
    store: Arc<dyn BookingStore>,
    reads: Arc<dyn BookingReads>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    policy: Policy,
}

/// What a client sends to ask for something.
#[derive(Debug, Clone)]
pub struct SubmitBooking {
    /// Of what.
    pub listing: ListingId,
    /// In their words.
    pub message: Message,
    /// When an appointment is to start.
    pub starts_at: Option<DateTime<Utc>>,
    /// What they want to spend.
    pub budget: Option<Money>,
}

/// A booking as one of its sides sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The booking.
    pub booking: Booking,
    /// Who looks.
    pub side: Side,
    /// What they may do now.
    pub allowed: Vec<Command>,
}

impl Seen {
    fn new(booking: Booking, side: Side, now: DateTime<Utc>) -> Self {
        let allowed = booking.allowed(side, now);
        Self { booking, side, allowed }
    }
}

impl std::fmt::Debug for BookingService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BookingService").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl BookingService {
    /// The service over its ports.
    pub fn new(
        store: Arc<dyn BookingStore>,
        reads: Arc<dyn BookingReads>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        policy: Policy,
    ) -> Self {
        Self { store, reads, clock, ids, policy }
    }

    /// Sends a request to a provider. An appointment takes its slot at once: whoever comes
    /// second is refused, and nobody waits in line.
    ///
    /// # Errors
    ///
    /// [`BookingError::SlotTaken`], [`BookingError::SlotNotOffered`], [`BookingError::OwnListing`],
    /// [`BookingError::NotBookable`], [`BookingError::ListingNotFound`].
    pub async fn submit(
        &self,
        actor: &Actor,
        command: SubmitBooking,
        idempotency: Option<Idempotency<'_, Seen>>,
    ) -> Result<Once<Seen>, BookingError> {
        let action = Action::BookingSubmit;
        decide(actor, action, Relation::Stranger, true)
            .map_err(|denial| BookingError::denied_openly(denial, action))?;
        let client = actor.account().ok_or(BookingError::Unauthenticated)?;
        let now = self.clock.now();

        let mut tx = self.store.begin().await?;
        if let Some(idempotency) = &idempotency
            && let Some(answer) = idempotency.replay(&mut *tx).await?
        {
            return Ok(Once::Replayed(answer));
        }
        let listing = tx
            .bookable_listing(command.listing)
            .await?
            .filter(|listing| listing.public || listing.provider_account == client)
            .ok_or(BookingError::ListingNotFound { id: command.listing })?;
        let kind = listing.process(client, &command)?;
        let process = reserve(&mut *tx, &listing, kind, &command, now).await?;
        let terms = tx.payment_terms().await?;
        let new = self.new_booking(client, listing, command.message, process);
        let (booking, transition) = Booking::submit(new, terms, now, &self.policy)?;

        tx.insert_booking(&booking).await?;
        record(&mut *tx, &booking, &transition, &[], Some(client), now).await?;
        let seen = Seen::new(booking, Side::Client, now);
        if let Some(idempotency) = &idempotency {
            idempotency.remember(&mut *tx, &seen).await?;
        }
        tx.commit().await?;
        Ok(Once::Done(seen))
    }

    fn new_booking(
        &self,
        client: AccountId,
        listing: BookableListing,
        message: Message,
        process: Process,
    ) -> NewBooking {
        let slot = match &process {
            Process::Appointment { appointment } => Some(appointment.slot),
            Process::Request { .. } | Process::Quote { .. } => None,
        };
        NewBooking {
            id: BookingId::next(&*self.ids),
            listing: listing.id,
            title: listing.title,
            parties: Parties {
                client,
                provider: listing.provider,
                provider_account: listing.provider_account,
            },
            process,
            message,
            price: listing.price.for_slot(slot),
            cancellation: listing
                .settings
                .cancellation
                .unwrap_or_else(|| self.policy.cancellation.clone()),
        }
    }

    /// Carries out a command of one of the two sides.
    ///
    /// # Errors
    ///
    /// [`BookingError::NotAllowed`] with what is allowed instead, if the state or the side does
    /// not fit; [`BookingError::NotFound`] for everyone else.
    pub async fn command(
        &self,
        actor: &Actor,
        id: BookingId,
        command: BookingCommand,
    ) -> Result<Seen, BookingError> {
        let mut tx = self.store.begin().await?;
        let seen = self.change(&mut *tx, actor, id, command).await?;
        tx.commit().await?;
        Ok(seen)
    }

    /// The same for a command that adds something, such as an offer, and may be asked for twice
    /// under one key: the second time it adds nothing and is answered as the first.
    pub async fn command_once(
        &self,
        actor: &Actor,
        id: BookingId,
        command: BookingCommand,
        idempotency: Option<Idempotency<'_, Seen>>,
    ) -> Result<Once<Seen>, BookingError> {
        let mut tx = self.store.begin().await?;
        if let Some(idempotency) = &idempotency
            && let Some(answer) = idempotency.replay(&mut *tx).await?
        {
            return Ok(Once::Replayed(answer));
        }
        let seen = self.change(&mut *tx, actor, id, command).await?;
        if let Some(idempotency) = &idempotency {
            idempotency.remember(&mut *tx, &seen).await?;
        }
        tx.commit().await?;
        Ok(Once::Done(seen))
    }

    /// Loads, authorises, decides, stores and publishes, within a transaction.
    async fn change(
        &self,
        tx: &mut dyn BookingTx,
        actor: &Actor,
        id: BookingId,
        command: BookingCommand,
    ) -> Result<Seen, BookingError> {
        let now = self.clock.now();
        let mut booking = load(tx, id).await?;
        booking.authorize(actor, command.action())?;
        let side = booking.side_of(actor).ok_or(BookingError::NotFound { id })?;

        let timers = booking.timers(now);
        let transition = self.carry_out(tx, &mut booking, command, side, now).await?;

        tx.update_booking(&booking).await?;
        record(tx, &booking, &transition, &timers, actor.account(), now).await?;
        Ok(Seen::new(booking, side, now))
    }

    async fn carry_out(
        &self,
        tx: &mut dyn BookingTx,
        booking: &mut Booking,
        command: BookingCommand,
        by: Side,
        now: DateTime<Utc>,
    ) -> Result<Transition, BookingError> {
        let policy = &self.policy;
        match command {
            BookingCommand::Offer { price, work } => {
                booking.require(Command::Offer, by, now)?;
                booking.offer(OfferId::next(&*self.ids), price, work, now, policy)
            }
            BookingCommand::CounterOffer { price, work } => {
                booking.require(Command::CounterOffer, by, now)?;
                booking.counter_offer(OfferId::next(&*self.ids), price, work, now, policy)
            }
            BookingCommand::WithdrawOffer => booking.withdraw_offer(by, now, policy),
            BookingCommand::Accept { offer } => booking.accept(offer, by, now, policy),
            BookingCommand::Decline { reason } => booking.decline(reason, now),
            BookingCommand::Withdraw => booking.withdraw(now),
            BookingCommand::Start => booking.start(now),
            BookingCommand::ReportDone { note } => booking.report_done(note.as_ref(), now, policy),
            BookingCommand::RequestChanges { text } => booking.request_changes(&text, now),
            BookingCommand::ConfirmDone => booking.confirm_done(now),
            BookingCommand::Cancel { reason } => booking.cancel(reason, by, now),
            BookingCommand::NoShow { who } => booking.no_show(who, by, now, policy),
            BookingCommand::ProposeReschedule { starts_at } => {
                booking.require(Command::ProposeReschedule, by, now)?;
                let appointment = propose(tx, booking, by, starts_at, now).await?;
                booking.propose_reschedule(appointment, by, now)
            }
            BookingCommand::AcceptReschedule => {
                let transition = booking.accept_reschedule(by, now)?;
                retake(tx, booking).await?;
                Ok(transition)
            }
            BookingCommand::DeclineReschedule => booking.decline_reschedule(by, now),
            BookingCommand::WithdrawReschedule => booking.withdraw_reschedule(by, now),
            BookingCommand::Dispute { reason } => booking.dispute(reason, now, policy),
        }
    }

    /// A moderator decides a dispute. The decision stands in the audit log.
    pub async fn resolve(
        &self,
        actor: &Actor,
        id: BookingId,
        refund_percent: u8,
        reason: Reason,
    ) -> Result<Booking, BookingError> {
        let action = Action::BookingResolve;
        decide(actor, action, Relation::Stranger, true)
            .map_err(|denial| BookingError::denied_openly(denial, action))?;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let mut booking = load(&mut *tx, id).await?;

        let timers = booking.timers(now);
        let entry = AuditEntry::new(actor, action, "resolve", &id, now).because(&*reason);
        let transition = booking.resolve(refund_percent, reason, now)?;

        tx.update_booking(&booking).await?;
        record(&mut *tx, &booking, &transition, &timers, actor.account(), now).await?;
        let after = json!({"status": transition.to, "refund_percent": refund_percent});
        tx.record_audit(&entry.changed(json!({"status": transition.from}), after)).await?;
        tx.commit().await?;
        Ok(booking)
    }

    /// What happened to a payment: an appointment whose money is reserved goes to its provider. Money
    /// that comes too late is given back. A card that is refused changes nothing: the slot stays
    /// held for its time, and the client pays by another. Handling an event twice changes nothing,
    /// nor does one about something else.
    pub async fn on_payment(&self, event: &EventMessage) -> Result<(), BookingError> {
        let reference = event.payload["reference"].as_str();
        let Some(id) = reference.and_then(|text| text.parse::<BookingId>().ok()) else {
            return Ok(());
        };
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        if !tx.first_time(PAYMENT_HANDLER, event.id).await? {
            return Ok(());
        }
        let mut booking = load(&mut *tx, id).await?;
        let timers = booking.timers(now);
        let outcome = match event.name.as_str() {
            PAYMENT_AUTHORIZED => {
                let until = event.payload["authorized_until"].as_str();
                let until = until.and_then(|text| text.parse().ok());
                booking.payment_authorised(until, now, &self.policy)
            }
            _ => return Ok(tx.commit().await?),
        };
        match outcome {
            Ok(transition) => {
                tx.update_booking(&booking).await?;
                record(&mut *tx, &booking, &transition, &timers, None, now).await?;
            }
            Err(settlement) => tx.settle_booking(&booking, &settlement).await?,
        }
        Ok(tx.commit().await?)
    }

    /// A timer of one of [`TIMER_KINDS`](crate::TIMER_KINDS) is due for a booking. Handling it
    /// twice, late or for nothing changes nothing.
    pub async fn on_timer(&self, kind: &str, subject: &str) -> Result<(), BookingError> {
        let Ok(id) = subject.parse::<BookingId>() else { return Ok(()) };
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let Some(mut booking) = tx.booking_for_update(id).await? else { return Ok(()) };
        let timers = booking.timers(now);
        match booking.on_timer(kind, now)? {
            Reaction::Moved(transition) => {
                tx.update_booking(&booking).await?;
                record(&mut *tx, &booking, &transition, &timers, None, now).await?;
            }
            Reaction::Remind { kind, due, event } => {
                if tx.first_booking_reminder(id, kind, due).await? {
                    tx.publish(&*event, None, now).await?;
                }
            }
            Reaction::Later(timer) => tx.set_timer(&timer).await?,
            Reaction::Nothing => return Ok(()),
        }
        Ok(tx.commit().await?)
    }

    /// A booking, for one of its sides.
    pub async fn booking(&self, actor: &Actor, id: BookingId) -> Result<Seen, BookingError> {
        let booking = self.reads.booking(id).await?.ok_or(BookingError::NotFound { id })?;
        booking.authorize(actor, Action::BookingRead)?;
        let side = booking.side_of(actor).ok_or(BookingError::NotFound { id })?;
        Ok(Seen::new(booking, side, self.clock.now()))
    }

    /// What happened to a booking, oldest first.
    pub async fn history(
        &self,
        actor: &Actor,
        id: BookingId,
    ) -> Result<Vec<HistoryEntry>, BookingError> {
        self.booking(actor, id).await?;
        Ok(self.reads.booking_history(id).await?)
    }

    /// What a cancellation would do now.
    ///
    /// # Errors
    ///
    /// [`BookingError::NotAllowed`] if it cannot be cancelled now.
    pub async fn cancellation_quote(
        &self,
        actor: &Actor,
        id: BookingId,
    ) -> Result<CancellationQuote, BookingError> {
        let Seen { booking, side, .. } = self.booking(actor, id).await?;
        let now = self.clock.now();
        booking.require(Command::Cancel, side, now)?;
        booking.cancellation_quote(side, now).ok_or(BookingError::NotFound { id })
    }

    /// A page of the actor's bookings, as client or as provider, newest first.
    pub async fn bookings(
        &self,
        actor: &Actor,
        side: Side,
        statuses: Vec<String>,
        limit: Limit,
        after: Option<BookingPosition>,
    ) -> Result<Page<Seen, BookingPosition>, BookingError> {
        let action = Action::BookingList;
        decide(actor, action, Relation::Stranger, true)
            .map_err(|denial| BookingError::denied_openly(denial, action))?;
        let account = actor.account().ok_or(BookingError::Unauthenticated)?;
        let query = BookingQuery { account, side, statuses, limit, after };
        let now = self.clock.now();
        Ok(self.reads.bookings(&query).await?.map(|booking| Seen::new(booking, side, now)))
    }

    /// A page of disputes that wait for a decision, for moderators.
    pub async fn disputes(
        &self,
        actor: &Actor,
        limit: Limit,
        after: Option<BookingPosition>,
    ) -> Result<Page<Booking, BookingPosition>, BookingError> {
        let action = Action::BookingResolve;
        decide(actor, action, Relation::Stranger, true)
            .map_err(|denial| BookingError::denied_openly(denial, action))?;
        Ok(self.reads.disputed_bookings(limit, after).await?)
    }
}

async fn load(tx: &mut dyn BookingTx, id: BookingId) -> Result<Booking, BookingError> {
    tx.booking_for_update(id).await?.ok_or(BookingError::NotFound { id })
}

/// Stores all that follows from a transition: history, timers, money and event.
async fn record(
    tx: &mut dyn BookingTx,
    booking: &Booking,
    transition: &Transition,
    timers_before: &[kernel::Timer],
    account: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<(), BookingError> {
    let entry = HistoryEntry {
        number: booking.version(),
        at: now,
        by: transition.by,
        account,
        command: transition.command.to_owned(),
        from: transition.from.map(ToOwned::to_owned),
        to: transition.to.to_owned(),
        note: transition.note.clone(),
    };
    tx.add_booking_history(booking.id(), &entry).await?;
    let timers = booking.timers(now);
    for old in timers_before {
        if timers.iter().all(|timer| timer.kind != old.kind) {
            tx.clear_timer(old.kind, &old.subject).await?;
        }
    }
    for timer in timers.iter().filter(|timer| !timers_before.contains(timer)) {
        tx.set_timer(timer).await?;
    }
    if let Some(settlement) = &transition.settlement {
        tx.settle_booking(booking, settlement).await?;
    }
    Ok(tx.publish(&transition.event, account, now).await?)
}

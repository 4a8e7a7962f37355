//! Bookings as they are shown.

use std::collections::BTreeMap;

use bookings::{
    Booking, CancellationQuote, Command, HistoryEntry, Interval, Offer, Seen, Status, Tier,
    TimeProposal,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use crate::http::command::answers;
use crate::http::money::MoneyView;

/// A time in the provider's calendar.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SlotView {
    /// When it starts.
    start: DateTime<Utc>,
    /// When it ends.
    end: DateTime<Utc>,
}

impl From<Interval> for SlotView {
    fn from(slot: Interval) -> Self {
        Self { start: slot.start(), end: slot.end() }
    }
}

/// A step of a cancellation policy.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct TierView {
    /// Holds until so many hours before the slot, 0 to 8760.
    #[schema(example = 48, minimum = 0, maximum = 8760)]
    hours_before: u32,
    /// The share of the price that the client gets back.
    #[schema(example = 100, minimum = 0, maximum = 100)]
    refund_percent: u8,
}

impl From<Tier> for TierView {
    fn from(tier: Tier) -> Self {
        let Tier { hours_before, refund_percent } = tier;
        Self { hours_before, refund_percent }
    }
}

impl From<TierView> for Tier {
    fn from(tier: TierView) -> Self {
        let TierView { hours_before, refund_percent } = tier;
        Self { hours_before, refund_percent }
    }
}

/// A proposal of price and work.
#[derive(Debug, Serialize, ToSchema)]
struct OfferView {
    /// Its id.
    #[schema(example = "off_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Its number within the booking: accept it by this.
    #[schema(example = 1)]
    number: u16,
    /// Who made it: `client` or `provider`.
    #[schema(example = "provider")]
    by: &'static str,
    /// For how much.
    price: MoneyView,
    /// What will be done.
    #[schema(example = "Measure, plan and draw the kitchen")]
    work: String,
    /// When it was made.
    at: DateTime<Utc>,
    /// When it was withdrawn, if it was.
    withdrawn_at: Option<DateTime<Utc>>,
}

impl From<&Offer> for OfferView {
    fn from(offer: &Offer) -> Self {
        Self {
            id: offer.id.to_string(),
            number: offer.number,
            by: offer.by.name(),
            price: offer.price.into(),
            work: offer.work.to_string(),
            at: offer.at,
            withdrawn_at: offer.withdrawn_at,
        }
    }
}

/// Another time that one side proposes.
#[derive(Debug, Serialize, ToSchema)]
struct ProposalView {
    /// Who proposes it: `client` or `provider`.
    #[schema(example = "client")]
    by: &'static str,
    /// The time.
    slot: SlotView,
    /// When it was proposed.
    at: DateTime<Utc>,
}

impl From<&TimeProposal> for ProposalView {
    fn from(proposal: &TimeProposal) -> Self {
        Self { by: proposal.by.name(), slot: proposal.appointment.slot.into(), at: proposal.at }
    }
}

/// How a booking ended, or what it is disputed for.
#[derive(Debug, Serialize, ToSchema)]
struct OutcomeView {
    /// When.
    at: DateTime<Utc>,
    /// What completed it (`confirmed`, `automatic`, `resolved`, `no_show`) or cancelled it
    /// (`client`, `provider`, `no_show`, `stale`, `resolved`, `undecided`).
    #[schema(example = "confirmed")]
    cause: Option<&'static str>,
    /// What was said about it.
    #[schema(example = "I am ill that day")]
    reason: Option<String>,
    /// What the client got back; null if the marketplace held no money.
    refund: Option<MoneyView>,
}

impl OutcomeView {
    fn of(status: &Status) -> Option<Self> {
        let bare = |at: DateTime<Utc>| Self { at, cause: None, reason: None, refund: None };
        match status {
            Status::AwaitingPayment { .. }
            | Status::Requested { .. }
            | Status::Accepted { .. }
            | Status::InProgress { .. }
            | Status::Done { .. } => None,
            Status::Disputed { since, reason, decision_due: _ } => {
                Some(Self { reason: Some(reason.to_string()), ..bare(*since) })
            }
            Status::Completed { at, how, refund } => Some(Self {
                cause: Some(how.name()),
                refund: refund.map(MoneyView::from),
                ..bare(*at)
            }),
            Status::Declined { at, reason } => {
                Some(Self { reason: reason.as_ref().map(ToString::to_string), ..bare(*at) })
            }
            Status::Withdrawn { at } | Status::Expired { at } => Some(bare(*at)),
            Status::Cancelled { at, cause, reason, refund } => Some(Self {
                at: *at,
                cause: Some(cause.name()),
                reason: reason.as_ref().map(ToString::to_string),
                refund: refund.map(MoneyView::from),
            }),
        }
    }
}

/// A booking: a client's request to a provider, through to its completion.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BookingView {
    /// Its id.
    #[schema(example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// Of what.
    #[schema(example = "lst_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    listing_id: String,
    /// The listing's title when it was submitted.
    #[schema(example = "Haircut")]
    listing_title: String,
    /// The client's account.
    #[schema(example = "acc_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    client_id: String,
    /// The provider.
    #[schema(example = "prv_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    provider_id: String,
    /// `request`, `quote` or `appointment`. New values may come.
    #[schema(example = "appointment")]
    process: &'static str,
    /// Where it stands: `awaiting_payment`, `requested`, `accepted`, `in_progress`, `done`,
    /// `disputed`, `completed`, `declined`, `withdrawn`, `expired` or `cancelled`. New values may
    /// come.
    #[schema(example = "requested")]
    status: &'static str,
    /// In the client's words.
    #[schema(example = "Could you come on Monday?")]
    message: String,
    /// What the client wants to spend, for a request or a quote.
    budget: Option<MoneyView>,
    /// For how much, once that is known.
    price: Option<MoneyView>,
    /// The time of an appointment.
    slot: Option<SlotView>,
    /// Offers and counter-offers, by number.
    offers: Vec<OfferView>,
    /// The number of the offer in force, if one is.
    #[schema(example = 1)]
    offer_in_force: Option<u16>,
    /// Another time that one side proposes for the appointment.
    proposed_slot: Option<ProposalView>,
    /// The deadline of the state it is in: what happens then is in its lifecycle.
    due_at: Option<DateTime<Utc>>,
    /// How often the client may still ask for changes.
    #[schema(example = 2)]
    changes_left: u8,
    /// What the client gets back who cancels, the earliest step first.
    cancellation: Vec<TierView>,
    /// How it ended, or what it is disputed for.
    outcome: Option<OutcomeView>,
    /// When it was submitted.
    created_at: DateTime<Utc>,
    /// When it was accepted, if it was.
    accepted_at: Option<DateTime<Utc>>,
    /// As which side the caller sees it; `moderator` for a dispute.
    #[serde(rename = "as")]
    #[schema(example = "client")]
    side: &'static str,
    /// The commands that the caller may give now.
    #[schema(example = json!(["withdraw"]))]
    allowed: Vec<&'static str>,
}

impl IntoResponses for BookingView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The booking as it is now")
    }
}

impl From<&Seen> for BookingView {
    fn from(seen: &Seen) -> Self {
        Self::of(&seen.booking, seen.side.name(), &seen.allowed)
    }
}

impl BookingView {
    /// A booking as a side sees it.
    pub(super) fn of(booking: &Booking, side: &'static str, allowed: &[Command]) -> Self {
        let parties = booking.parties();
        Self {
            id: booking.id().to_string(),
            listing_id: booking.listing().to_string(),
            listing_title: booking.title().to_owned(),
            client_id: parties.client.to_string(),
            provider_id: parties.provider.to_string(),
            process: booking.process().kind().name(),
            status: booking.status().name(),
            message: booking.message().to_string(),
            budget: booking.budget().map(MoneyView::from),
            price: booking.price().map(MoneyView::from),
            slot: booking.slot().map(SlotView::from),
            offers: booking.offers().iter().map(OfferView::from).collect(),
            offer_in_force: booking.offer_in_force().map(|offer| offer.number),
            proposed_slot: booking.proposal().map(ProposalView::from),
            due_at: booking.due(),
            changes_left: booking.changes_left(),
            cancellation: booking.cancellation().tiers().iter().copied().map(Into::into).collect(),
            outcome: OutcomeView::of(booking.status()),
            created_at: booking.created_at(),
            accepted_at: booking.accepted_at(),
            side,
            allowed: allowed.iter().map(|command| command.name()).collect(),
        }
    }
}

/// One line of what happened to a booking.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HistoryView {
    /// Its place, from 1.
    #[schema(example = 1)]
    number: i32,
    /// When.
    at: DateTime<Utc>,
    /// Which side: `client`, `provider`, `moderator`, `clock` or `gateway`.
    #[schema(example = "client")]
    by: &'static str,
    /// What was done.
    #[schema(example = "submit")]
    command: String,
    /// The state before; null for the submission.
    #[schema(example = "requested")]
    from: Option<String>,
    /// The state after.
    #[schema(example = "requested")]
    to: String,
    /// What was said.
    #[schema(example = "See you on Monday.")]
    note: Option<String>,
}

impl From<HistoryEntry> for HistoryView {
    fn from(entry: HistoryEntry) -> Self {
        // Which moderator decided is for the audit log.
        let HistoryEntry { number, at, by, account: _, command, from, to, note } = entry;
        Self { number, at, by: by.name(), command, from, to, note }
    }
}

/// What a cancellation would give back now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CancellationQuoteView {
    /// The share of the price that the client gets back.
    #[schema(example = 50)]
    refund_percent: u8,
    /// That share; null if there is no price.
    refund: Option<MoneyView>,
    /// What the provider keeps; null if there is no price.
    kept: Option<MoneyView>,
    /// Whether the marketplace holds the money and pays it back itself.
    held: bool,
    /// When the share falls next; null if it does not.
    falls_at: Option<DateTime<Utc>>,
}

impl From<CancellationQuote> for CancellationQuoteView {
    fn from(quote: CancellationQuote) -> Self {
        let CancellationQuote { refund_percent, refund, kept, held, falls_at } = quote;
        Self {
            refund_percent,
            refund: refund.map(MoneyView::from),
            kept: kept.map(MoneyView::from),
            held,
            falls_at,
        }
    }
}

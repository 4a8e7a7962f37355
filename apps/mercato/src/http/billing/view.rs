//! Payments as they are shown.

use std::collections::BTreeMap;

use billing::{
    ChallengeKind, Decline, Hardness, Payment, PaymentSeen, PurposeKind, Refund, RefundState,
    Stage, Status,
};
use chrono::{DateTime, Utc};
use kernel::Money;
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use crate::http::command::answers;
use crate::http::money::MoneyView;
use crate::http::server::State;

/// What kind of thing is paid for.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum PurposeView {
    /// A booking.
    Booking,
    /// An order of stocked listings.
    Order,
    /// A period of a subscription.
    Subscription,
    /// Paid visibility.
    Promotion,
    /// The one-time purchase of a listing's content.
    Purchase,
    /// What the winner of an auction owes.
    Auction,
}

impl From<PurposeView> for PurposeKind {
    fn from(purpose: PurposeView) -> Self {
        match purpose {
            PurposeView::Booking => Self::Booking,
            PurposeView::Order => Self::Order,
            PurposeView::Subscription => Self::Subscription,
            PurposeView::Promotion => Self::Promotion,
            PurposeView::Purchase => Self::Purchase,
            PurposeView::Auction => Self::Auction,
        }
    }
}

/// Why the bank, or the gateway, refused.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeclineView {
    /// A stable word: `insufficient_funds`, `expired_card`, `authentication_failed`, `declined`, …
    /// New values may come.
    #[schema(example = "insufficient_funds")]
    reason: String,
    /// Whether trying the same card again later makes sense.
    #[schema(example = true)]
    may_pass: bool,
}

impl From<&Decline> for DeclineView {
    fn from(decline: &Decline) -> Self {
        // The gateway's own code is for support.
        let Decline { hardness, reason, raw: _ } = decline;
        Self { reason: reason.clone(), may_pass: *hardness == Hardness::Soft }
    }
}

/// Money that goes back.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefundView {
    /// Its id.
    #[schema(example = "rfd_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// How much.
    amount: MoneyView,
    /// How far it is: `requested`, `sent`, `succeeded` or `failed`. New values may come.
    #[schema(example = "succeeded")]
    status: &'static str,
    /// When it was asked for.
    requested_at: DateTime<Utc>,
    /// When it succeeded or failed.
    ended_at: Option<DateTime<Utc>>,
}

impl RefundView {
    pub(super) fn of(refund: &Refund, payment: &Payment) -> Self {
        let ended_at = match refund.state {
            RefundState::Requested | RefundState::Sent => None,
            RefundState::Succeeded { at } | RefundState::Failed { at, .. } => Some(at),
        };
        Self {
            id: refund.id.to_string(),
            amount: Money::new(refund.amount, payment.amount().currency()).into(),
            status: refund.state.name(),
            requested_at: refund.at,
            ended_at,
        }
    }
}

/// What the payer has to do next.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActionView {
    /// `redirect` and `form`: open `url` in a browser, which comes back by itself. `script`: give
    /// `client_secret` to the gateway's script. New values may come.
    #[schema(example = "redirect")]
    kind: &'static str,
    /// What to open. Null where it was shown before and is a secret: `POST /payments/{id}/3ds`
    /// makes a new one.
    #[schema(example = "https://bank.example/3ds/9f86d081")]
    url: Option<String>,
    /// For the gateway's script.
    #[schema(example = "pi_3_secret_9f86d081")]
    client_secret: Option<String>,
}

impl ActionView {
    fn of(seen: &PaymentSeen, state: &State) -> Option<Self> {
        if let Some(url) = &seen.checkout_url {
            let url = Some(url.clone());
            return Some(Self { kind: "redirect", url, client_secret: None });
        }
        let payment = &seen.payment;
        if payment.status() != Status::RequiresAction {
            return None;
        }
        let kind = payment.challenge()?.kind.as_ref()?;
        let (url, client_secret) = match kind {
            ChallengeKind::Redirect { url } => (Some(url.clone()), None),
            ChallengeKind::Form { .. } => {
                let page = format!("{}/api/v1/payments/{}/3ds", base(state), payment.id());
                (seen.token.as_ref().map(|token| format!("{page}?state={}", token.reveal())), None)
            }
            ChallengeKind::Script { client_secret } => {
                (None, Some(client_secret.reveal().to_owned()))
            }
        };
        Some(Self { kind: kind.name(), url, client_secret })
    }
}

fn base(state: &State) -> &str {
    &state.settings.public_url
}

/// A payment: one attempt to move money for one purpose, through one gateway.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentView {
    /// Its id.
    #[schema(example = "pay_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    id: String,
    /// What kind of thing is paid for: `booking`, `subscription`, … New values may come.
    #[schema(example = "booking")]
    purpose: &'static str,
    /// What exactly, by its id.
    #[schema(example = "bkg_0192d4c0a1b27c3d8e4f5a6b7c8d9e0f")]
    reference: String,
    /// What stands on the payer's statement.
    #[schema(example = "Kitchen planning")]
    description: String,
    /// How much.
    amount: MoneyView,
    /// Through which gateway.
    #[schema(example = "sandbox")]
    gateway: &'static str,
    /// Where it stands: `created`, `requires_action`, `processing`, `authorized`, `captured`,
    /// `failed`, `voided`, `partially_refunded`, `refunded` or `charged_back`. New values may come.
    #[schema(example = "authorized")]
    status: &'static str,
    /// What the payer has to do next, if anything.
    action: Option<ActionView>,
    /// Why it was refused, if it was.
    decline: Option<DeclineView>,
    /// What was taken.
    captured: MoneyView,
    /// What went back in whatever way.
    returned: MoneyView,
    /// Money that goes back, or went.
    refunds: Vec<RefundView>,
    /// When a reservation ends, if it is one.
    authorized_until: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl IntoResponses for PaymentView {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answers::<Self>("The payment as it is now")
    }
}

impl PaymentView {
    /// A payment as its payer sees it.
    pub(super) fn seen(seen: &PaymentSeen, state: &State) -> Self {
        Self { action: ActionView::of(seen, state), ..Self::of(&seen.payment, state) }
    }

    /// The same later, when secrets are not shown again.
    pub(super) fn of(payment: &Payment, state: &State) -> Self {
        let sums = payment.sums();
        let money = |minor| Money::new(minor, payment.amount().currency()).into();
        let (until, decline) = match payment.stage() {
            Stage::Authorized { until } => (*until, None),
            Stage::Failed { decline, .. } => (None, Some(decline.into())),
            Stage::Created
            | Stage::RequiresAction
            | Stage::Processing { .. }
            | Stage::Voided { .. }
            | Stage::Captured { .. } => (None, None),
        };
        let bare = PaymentSeen {
            payment: payment.clone(),
            token: None,
            checkout_url: None,
            replayed: false,
        };
        Self {
            id: payment.id().to_string(),
            purpose: payment.purpose().kind().name(),
            reference: payment.purpose().to_string(),
            description: payment.record().description.to_string(),
            amount: payment.amount().into(),
            gateway: payment.gateway().name(),
            status: payment.status().name(),
            action: ActionView::of(&bare, state),
            decline,
            captured: money(sums.captured),
            returned: money(sums.returned()),
            refunds: payment.refunds().iter().map(|it| RefundView::of(it, payment)).collect(),
            authorized_until: until,
            created_at: payment.record().created_at,
        }
    }
}

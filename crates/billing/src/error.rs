use access::{Action, Denial};
use chrono::{DateTime, Utc};
use kernel::{
    Failure, FailureKind, FieldError, FieldErrors, IdempotencyError, Money, StorageError,
};
use thiserror::Error;

use crate::{CardId, GatewayError, GatewayName, LedgerError, WebhookRefusal};

/// Why something around money cannot be done.
#[derive(Debug, Error)]
pub enum BillingError {
    /// No such payment, subscription, invoice or other thing, as far as this person may know.
    #[error("`{object}` does not exist")]
    NotFound {
        /// What was asked for, by its id.
        object: String,
    },
    /// Nothing that this person could pay for.
    #[error("there is nothing of yours to pay for at `{reference}`")]
    NothingToPay {
        /// What was asked for, by its id.
        reference: String,
    },
    /// No such card among the account's own.
    #[error("card {id} does not exist")]
    CardNotFound {
        /// What was asked for.
        id: CardId,
    },
    /// Nobody is signed in.
    #[error("sign in to do this")]
    Unauthenticated,
    /// The person may see it, but not do this to it.
    #[error("you may not do this: it needs the right `{action}`")]
    Forbidden {
        /// The right that is missing.
        action: Action,
    },
    /// Nobody approves their own payout.
    #[error("this payout is your own; another admin has to approve it")]
    OwnPayout,
    /// The state does not allow this now.
    #[error("`{command}` is not possible for {object} now: its status is `{status}`")]
    NotAllowed {
        /// What, by its id.
        object: String,
        /// What was asked for.
        command: &'static str,
        /// Where it stands.
        status: &'static str,
        /// What is possible now.
        allowed: Vec<&'static str>,
    },
    /// A payment for the same thing is under way or has arrived.
    #[error("this is being paid for or is paid already; look at its payments")]
    AlreadyPaid,
    /// More than there is.
    #[error("the amount must be at most {most}")]
    AmountTooHigh {
        /// The most that is possible.
        most: Money,
    },
    /// A return from the bank that does not hold: forged, used, too late, or of another payment.
    #[error("this way back from the bank does not hold; look at the payment")]
    ReturnRefused,
    /// The account has a subscription to the same thing.
    #[error(
        "you have a subscription to this already: change it to the other plan, and resume it \
         first if it was cancelled"
    )]
    AlreadySubscribed,
    /// Nobody pays themselves.
    #[error("this plan is your own; a subscription needs two sides")]
    OwnPlan,
    /// It has to be paid at once, and there is no card to charge.
    #[error("this has to be paid at once; choose a saved card for the subscription first")]
    CardNeeded,
    /// Plans of different things, sellers or currencies.
    #[error("the two plans have nothing in common; make another subscription")]
    PlanMismatch,
    /// Nobody can subscribe to it any more.
    #[error("this plan is closed")]
    PlanClosed,
    /// A charge is on its way.
    #[error("a charge is on its way; try again when it has arrived")]
    ChargePending,
    /// The marketplace takes no money this way.
    #[error("this marketplace cannot {operation} through {gateway}")]
    GatewayUnsupported {
        /// Through which gateway.
        gateway: GatewayName,
        /// What was asked for.
        operation: &'static str,
    },
    /// The marketplace takes no money in this currency.
    #[error("this marketplace takes no payments in this currency")]
    NoGateway,
    /// The gateway was not reached, or did not answer a question.
    #[error("the payment gateway is not available; try again in a moment")]
    GatewayUnavailable(#[source] GatewayError),
    /// A message of a gateway that is not believed.
    #[error(transparent)]
    Webhook(#[from] WebhookRefusal),
    /// The copy that the change was based on is outdated.
    #[error("it has changed since you loaded it; look at it again")]
    Stale,
    /// Fields that are wrong.
    #[error("some fields are wrong: {0}")]
    Invalid(FieldErrors),
    /// Amounts that do not add up: a defect.
    #[error("the ledger refused what would not add up")]
    Ledger(#[from] LedgerError),
    /// The idempotency key cannot be used.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl BillingError {
    /// The error for a refusal by the permission matrix.
    pub(crate) fn denied(denial: Denial, object: &impl ToString) -> Self {
        match denial {
            Denial::SignIn => Self::Unauthenticated,
            Denial::Forbidden(action) => Self::Forbidden { action },
            Denial::Hidden => Self::NotFound { object: object.to_string() },
        }
    }

    /// The error for a refusal where there is nothing to hide.
    pub(crate) const fn denied_openly(denial: Denial, action: Action) -> Self {
        match denial {
            Denial::SignIn => Self::Unauthenticated,
            Denial::Forbidden(_) | Denial::Hidden => Self::Forbidden { action },
        }
    }

    pub(crate) fn not_found(object: &impl ToString) -> Self {
        Self::NotFound { object: object.to_string() }
    }
}

impl Failure for BillingError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::NotFound { .. } | Self::NothingToPay { .. } | Self::CardNotFound { .. } => {
                FailureKind::NotFound
            }
            Self::Unauthenticated => FailureKind::Unauthenticated,
            Self::Forbidden { .. } | Self::OwnPayout => FailureKind::Forbidden,
            Self::NotAllowed { .. }
            | Self::AlreadyPaid
            | Self::AmountTooHigh { .. }
            | Self::AlreadySubscribed
            | Self::OwnPlan
            | Self::CardNeeded
            | Self::PlanMismatch
            | Self::PlanClosed
            | Self::ChargePending
            | Self::GatewayUnsupported { .. }
            | Self::NoGateway => FailureKind::Conflict,
            Self::ReturnRefused => FailureKind::Gone,
            Self::GatewayUnavailable(_) => FailureKind::Unavailable,
            Self::Webhook(refusal) => match refusal {
                WebhookRefusal::TooLarge => FailureKind::TooLarge,
                WebhookRefusal::Unsigned
                | WebhookRefusal::WrongSignature
                | WebhookRefusal::OutOfTime => FailureKind::Unauthenticated,
                WebhookRefusal::Unreadable => FailureKind::Malformed,
            },
            Self::Stale => FailureKind::Stale,
            Self::Invalid(_) => FailureKind::Invalid,
            Self::Ledger(_) => FailureKind::Internal,
            Self::Idempotency(error) => error.kind(),
            Self::Storage(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "billing.not_found",
            Self::NothingToPay { .. } => "payment.nothing_to_pay",
            Self::CardNotFound { .. } => "card.not_found",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden { .. } => "forbidden",
            Self::OwnPayout => "payout.own",
            Self::NotAllowed { .. } => "illegal_transition",
            Self::AlreadyPaid => "payment.already_paid",
            Self::AmountTooHigh { .. } => "payment.amount_too_high",
            Self::ReturnRefused => "payment.return_refused",
            Self::AlreadySubscribed => "subscription.exists",
            Self::OwnPlan => "subscription.own_plan",
            Self::CardNeeded => "subscription.card_needed",
            Self::PlanMismatch => "subscription.plan_mismatch",
            Self::PlanClosed => "plan.closed",
            Self::ChargePending => "subscription.charge_pending",
            Self::GatewayUnsupported { .. } => "payment.unsupported",
            Self::NoGateway => "payment.no_gateway",
            Self::GatewayUnavailable(_) => "payment.gateway_unavailable",
            Self::Webhook(WebhookRefusal::TooLarge) => "too_large",
            Self::Webhook(WebhookRefusal::Unsigned) => "webhook.unsigned",
            Self::Webhook(WebhookRefusal::WrongSignature) => "webhook.wrong_signature",
            Self::Webhook(WebhookRefusal::OutOfTime) => "webhook.out_of_time",
            Self::Webhook(WebhookRefusal::Unreadable) => "webhook.unreadable",
            Self::Stale => "stale_version",
            Self::Invalid(_) => "validation",
            Self::Ledger(_) => "internal",
            Self::Idempotency(error) => error.code(),
            Self::Storage(error) => error.code(),
        }
    }

    fn fields(&self) -> &[FieldError] {
        if let Self::Invalid(errors) = self { &errors.0 } else { &[] }
    }

    fn allowed(&self) -> Option<&[&'static str]> {
        if let Self::NotAllowed { allowed, .. } = self { Some(allowed) } else { None }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Idempotency(error) => error.retry_after(),
            Self::Storage(error) => error.retry_after(),
            Self::GatewayUnavailable(GatewayError::NotDone { retry_after_seconds, .. }) => {
                let seconds = retry_after_seconds.unwrap_or(5);
                Some(std::time::Duration::from_secs(u64::from(seconds)))
            }
            _ => None,
        }
    }
}

/// A time that is named in an event.
pub(crate) fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

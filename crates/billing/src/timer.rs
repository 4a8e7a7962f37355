/// The gateway is asked how a payment stands.
pub const PAYMENT_INQUIRY: &str = "billing.payment_inquiry";
/// Something has to be done with a payment at the gateway.
pub const PAYMENT_OPERATION: &str = "billing.payment_operation";
/// The holding time of a payment is over.
pub const PAYMENT_RELEASE: &str = "billing.payment_release";
/// What is kept back of a payment is due.
pub const RESERVE_RELEASE: &str = "billing.reserve_release";
/// Time asks for a subscription.
pub const SUBSCRIPTION_DUE: &str = "billing.subscription_due";
/// A payout is to be sent.
pub const PAYOUT_SEND: &str = "billing.payout_send";
/// The gateway is asked how a payout stands.
pub const PAYOUT_INQUIRY: &str = "billing.payout_inquiry";
/// A gateway's message is to be applied.
pub const WEBHOOK_APPLY: &str = "billing.webhook_apply";

/// The kinds of all timers that this crate sets.
pub const TIMER_KINDS: &[&str] = &[
    PAYMENT_INQUIRY,
    PAYMENT_OPERATION,
    PAYMENT_RELEASE,
    RESERVE_RELEASE,
    SUBSCRIPTION_DUE,
    PAYOUT_SEND,
    PAYOUT_INQUIRY,
    WEBHOOK_APPLY,
];

use crate::{PromotionEvent, Settlement, Side, Status};

/// What becomes of the coupon's use because of a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponStep {
    /// Nothing.
    Keep,
    /// It is redeemed.
    Redeem,
    /// It is released.
    Release,
}

/// A command that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// What was done: the name of a [`Command`](crate::Command), or `buy`.
    pub command: &'static str,
    /// By whom.
    pub by: Side,
    /// Where it stood; `None` for a purchase.
    pub from: Option<Status>,
    /// Where it stands.
    pub to: Status,
    /// What the rest of the system hears, in order.
    pub events: Vec<PromotionEvent>,
    /// What has to happen to the money.
    pub settlement: Option<Settlement>,
    /// What becomes of the coupon's use.
    pub coupon: CouponStep,
}

/// What news of a payment lead to.
#[derive(Debug, Clone, PartialEq)]
pub enum PaymentReaction {
    /// The promotion moved on.
    Moved(Box<Transition>),
    /// The promotion remembers it: to be stored, and told to nobody.
    Noted,
    /// The promotion has no use for the money.
    GiveBack(Settlement),
    /// Nothing: it was known, or is of no concern any more.
    Nothing,
}

//! Plans, subscriptions to them, and the rights that come of it.

mod entitlements;
mod plans;
mod subscription_row;
mod subscriptions;

pub(super) use entitlements::entitlements;
pub(super) use plans::{plan_by_id, plans};
pub(super) use subscriptions::{subscription, subscriptions};

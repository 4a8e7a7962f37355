use chrono::{DateTime, Utc};
use kernel::{AccountId, Money, Timer};

use crate::{Coupon, CouponCode, CouponId, CouponRequest, CouponUseId, Purpose};

/// A reserved use has run out of time.
pub(crate) const RELEASE: &str = "coupon.release";

/// Where the use of a coupon stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseState {
    /// For a purchase that is not paid yet. It counts.
    Reserved {
        /// Released then, unless it was paid for.
        until: DateTime<Utc>,
    },
    /// The purchase was paid for. It counts for good.
    Redeemed {
        /// When.
        at: DateTime<Utc>,
    },
    /// The purchase was not paid for. It counts no more.
    Released {
        /// When.
        at: DateTime<Utc>,
    },
}

impl UseState {
    /// The names of all states, in the order of the docs.
    pub const NAMES: [&'static str; 3] = ["reserved", "redeemed", "released"];

    /// Its name on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved { .. } => "reserved",
            Self::Redeemed { .. } => "redeemed",
            Self::Released { .. } => "released",
        }
    }

    /// Whether it counts against the limits of its coupon.
    pub const fn counts(self) -> bool {
        match self {
            Self::Reserved { .. } | Self::Redeemed { .. } => true,
            Self::Released { .. } => false,
        }
    }
}

/// The fields of a [`CouponUse`], for storage adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponUseRecord {
    /// Its id.
    pub id: CouponUseId,
    /// Of which coupon.
    pub coupon: CouponId,
    /// The coupon's code.
    pub code: CouponCode,
    /// For what kind of thing.
    pub purpose: Purpose,
    /// The id of the thing, as it stands on the wire.
    pub reference: String,
    /// Who uses it.
    pub account: AccountId,
    /// What it took off the price.
    pub discount: Money,
    /// Where it stands.
    pub state: UseState,
    /// When it was reserved.
    pub created_at: DateTime<Utc>,
}

/// The use of a coupon for one purchase: reserved with the purchase, redeemed with its payment,
/// released without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponUse {
    record: CouponUseRecord,
}

impl CouponUse {
    pub(crate) fn reserve(
        coupon: &Coupon,
        request: CouponRequest,
        discount: Money,
        now: DateTime<Utc>,
    ) -> Self {
        let CouponRequest { id, purpose, reference, account, price: _, until } = request;
        let record = CouponUseRecord {
            id,
            coupon: coupon.record().id,
            code: coupon.record().code.clone(),
            purpose,
            reference,
            account,
            discount,
            state: UseState::Reserved { until },
            created_at: now,
        };
        Self { record }
    }

    /// The purchase was paid for. Answers whether that changed anything: a released use stays
    /// released, since somebody else may have it by now.
    pub const fn redeem(&mut self, now: DateTime<Utc>) -> bool {
        match self.record.state {
            UseState::Reserved { .. } => {
                self.record.state = UseState::Redeemed { at: now };
                true
            }
            UseState::Redeemed { .. } | UseState::Released { .. } => false,
        }
    }

    /// The purchase will not be paid for. Answers whether that changed anything: a redeemed use
    /// stays redeemed.
    pub const fn release(&mut self, now: DateTime<Utc>) -> bool {
        match self.record.state {
            UseState::Reserved { .. } => {
                self.record.state = UseState::Released { at: now };
                true
            }
            UseState::Redeemed { .. } | UseState::Released { .. } => false,
        }
    }

    /// Time has passed. Answers whether that changed anything: the reservation ran out.
    pub fn lapse(&mut self, now: DateTime<Utc>) -> bool {
        match self.record.state {
            UseState::Reserved { until } if now >= until => self.release(now),
            UseState::Reserved { .. } | UseState::Redeemed { .. } | UseState::Released { .. } => {
                false
            }
        }
    }

    /// The timer that releases it, while it is reserved. Whoever reserves a use for a purchase that
    /// has no deadline of its own sets it in the same transaction.
    pub fn timer(&self) -> Option<Timer> {
        match self.record.state {
            UseState::Reserved { until } => {
                Some(Timer { kind: RELEASE, subject: self.record.id.to_string(), due_at: until })
            }
            UseState::Redeemed { .. } | UseState::Released { .. } => None,
        }
    }

    /// The use of a record that was valid when it was written.
    pub const fn restore(record: CouponUseRecord) -> Self {
        Self { record }
    }

    /// Its fields, for storage.
    pub const fn record(&self) -> &CouponUseRecord {
        &self.record
    }
}

//! Promotions: paid visibility of a listing or provider for a period, and coupons.
//!
//! What can be bought is data ([`Product`]): what it does ([`Effect`]), for how long, for how much.
//! A purchase ([`Promotion`]) becomes effective by a captured payment and by nothing else; then it
//! has a [`Period`], and whether it is scheduled, active or expired is a question to the clock.
//! So are the flags of a listing or provider ([`Flags`]): nothing is stored that a late job could
//! leave wrong. [`FirstPage`] puts at most three paid results in front of a search, in turn.
//!
//! A [`Coupon`] takes something off a price. A [`CouponUse`] is reserved with the purchase,
//! redeemed with its payment, released without one, and never more often than the limits say.
//!
//! [`PromotionService`], [`ProductService`] and [`CouponService`] are the ways in; they need a
//! [`PromotionStore`], [`PromotionReads`], a clock, ids and a [`Policy`]. Payments are reached by a
//! small port ([`Payments`]) and heard of by event ([`PromotionService::EVENTS`]).
//!
//! ```
//! use chrono::{TimeDelta, Utc, TimeZone};
//! use promotions::{Effect, Flags, PaidPeriod, Period};
//!
//! let start = Utc.with_ymd_and_hms(2026, 5, 1, 0, 0, 0).unwrap();
//! let first = Period::new(start, start + TimeDelta::days(7)).unwrap();
//! // Bought again on the third day: it goes on where the first ends.
//! let again = Period::first_free(start + TimeDelta::days(3), TimeDelta::days(7), &[first]).unwrap();
//! assert_eq!(again.start(), first.end());
//!
//! let paid = [first, again].map(|period| PaidPeriod { effect: Effect::Top, period });
//! assert!(Flags::at(&paid, again.end() - TimeDelta::microseconds(1)).is_top);
//! assert!(!Flags::at(&paid, again.end()).is_top);
//! ```

mod arrangement;
mod command;
mod coupon;
mod coupon_service;
mod coupon_use;
mod deadline;
mod discount;
mod error;
mod event;
mod flags;
mod payment;
mod period;
mod policy;
mod port;
mod product;
mod product_service;
mod promotion;
mod purchase;
mod reaction;
mod refund;
mod service;
mod stage;
mod statistics;
#[cfg(feature = "testing")]
pub mod testing;
mod transition;

pub use arrangement::{FirstPage, Placed, Turn};
pub use command::{Command, Side};
pub use coupon::{
    Coupon, CouponCode, CouponCodeError, CouponId, CouponRecord, CouponRefusal, CouponRequest,
    CouponTerms, CouponUseId, NewCoupon, Purpose, Uses,
};
pub use coupon_service::{CouponService, GivenDiscount, MakeCoupon, reserve_coupon};
pub use coupon_use::{CouponUse, CouponUseRecord, UseState};
pub use deadline::{COUPON_TIMER_KINDS, Due, TIMER_KINDS};
pub use discount::{Discount, Discounted, divide};
pub use error::PromotionError;
pub use event::{Happening, ProductEvent, PromotionEvent};
pub use flags::{Flags, PaidPeriod};
pub use payment::{Capture, PaymentDue, Settlement};
pub use period::Period;
pub use policy::Policy;
pub use port::{
    CouponPosition, CouponRepository, FigureDays, Payments, ProductRepository, PromotableListing,
    Promotables, PromotionPosition, PromotionQuery, PromotionReads, PromotionRepository,
    PromotionStore, PromotionTx,
};
pub use product::{
    Effect, Limits, PriceDeclaration, Product, ProductDeclaration, ProductKey, ProductKeyError,
    ProductRecord, ProductTitle, Target, TargetKind, Term, TermPrice,
};
pub use product_service::ProductService;
pub use promotion::{Bought, GrantedDiscount, NewPromotion, Promotion, PromotionRecord};
pub use purchase::{BuyPromotion, Purchase};
pub use refund::RefundChoice;
pub use service::{PromotionService, Seen};
pub use stage::{CancelCause, Notice, Reason, Receipt, Stage, Status};
pub use statistics::{DayFigures, Figures, Series, Statistics, Window};
pub use transition::{CouponStep, PaymentReaction, Transition};

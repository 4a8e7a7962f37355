//! The shared vocabulary of every domain crate: identifiers, money, text, time, places, pages,
//! failure kinds and the unit of work. No I/O, no framework.
//!
//! A domain crate builds on these and on nothing else of ours but `access`.

mod clock;
mod event;
mod failure;
mod id;
mod idempotency;
mod ids;
mod locale;
mod money;
mod page;
mod place;
mod random;
mod storage;
mod text;
mod timer;

pub use clock::{Clock, SystemClock};
#[cfg(feature = "testing")]
pub use clock::{FixedClock, ManualClock};
pub use event::{Event, EventMessage, Inbox, Outbox};
pub use failure::{Failure, FailureKind, FieldError, FieldErrors};
#[cfg(feature = "testing")]
pub use id::SequentialIds;
pub use id::{IdError, Ids, SystemIds};
pub use idempotency::{
    Answer, Claim, Idempotency, IdempotencyError, IdempotencyLedger, IdempotencyScope, Once,
};
pub use ids::{
    AccountId, AuctionId, BookingId, CategoryId, ChangeRequestId, EventId, ExportId, InvoiceId,
    ListingId, MediaId, NotificationId, OfferId, OrderId, PaymentId, PayoutId, PlanId, PromotionId,
    ProviderId, PurchaseId, ReviewId, SessionId, SubscriptionId,
};
pub use locale::{Locale, UnknownLocale};
pub use money::{Currency, Money, MoneyError};
pub use page::{Limit, LimitError, Page, PageNumber, PageNumberError, Total};
pub use place::{Distance, Place, PlaceError};
#[cfg(feature = "testing")]
pub use random::RepeatingRandom;
pub use random::{Random, SystemRandom};
pub use storage::{StorageError, UnitOfWork};
pub use text::{Line, Slug, Text, TextError};
pub use timer::{Timer, Timers};

#[doc(hidden)]
pub use serde as __serde;
#[doc(hidden)]
pub use uuid as __uuid;

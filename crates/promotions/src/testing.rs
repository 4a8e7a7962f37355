//! Mocks and builders, for tests of this crate and of those that link it.

use access::{Actor, AuditEntry, AuditLog, Member, Role, Roles};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, Answer, Claim, Currency, Event, EventId, EventMessage, IdempotencyError,
    IdempotencyLedger, IdempotencyScope, Inbox, ListingId, Money, Outbox, PaymentId, PromotionId,
    ProviderId, SessionId, StorageError, Timer, Timers, UnitOfWork,
};
use mockall::mock;
use serde_json::{Value, json};
use uuid::Uuid;

pub use crate::port::{MockPromotionReads, MockPromotionStore};
use crate::{
    Bought, CancelCause, Capture, Coupon, CouponCode, CouponId, CouponRecord, CouponRepository,
    CouponTerms, CouponUse, CouponUseId, CouponUseRecord, Discount, Effect, GrantedDiscount,
    Limits, Notice, Payments, Period, PriceDeclaration, Product, ProductDeclaration, ProductKey,
    ProductRepository, PromotableListing, Promotables, Promotion, PromotionError, PromotionRecord,
    PromotionRepository, Purpose, Receipt, Settlement, Stage, Target, Term, UseState, Uses,
};

mock! {
    pub PromotionTx {
        /// What [`Outbox::publish`] is told, by name and payload.
        pub fn published(&mut self, name: &'static str, payload: Value) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl ProductRepository for PromotionTx {
        async fn product(&mut self, key: &ProductKey) -> Result<Option<Product>, StorageError>;
        async fn product_for_update(&mut self, key: &ProductKey) -> Result<Option<Product>, StorageError>;
        async fn insert_product(&mut self, product: &Product) -> Result<(), PromotionError>;
        async fn update_product(&mut self, product: &Product) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl PromotionRepository for PromotionTx {
        async fn lock_promotions_of(&mut self, provider: ProviderId) -> Result<(), StorageError>;
        async fn promotion_for_update(&mut self, id: PromotionId) -> Result<Option<Promotion>, StorageError>;
        async fn open_promotions(
            &mut self,
            provider: ProviderId,
            effect: Effect,
            now: DateTime<Utc>,
        ) -> Result<Vec<Promotion>, StorageError>;
        async fn count_unpaid_promotions(&mut self, provider: ProviderId) -> Result<u32, StorageError>;
        async fn insert_promotion(&mut self, promotion: &Promotion) -> Result<(), StorageError>;
        async fn update_promotion(&mut self, promotion: &Promotion) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl CouponRepository for PromotionTx {
        async fn coupon_for_use(
            &mut self,
            code: &CouponCode,
            account: AccountId,
        ) -> Result<Option<(Coupon, Uses)>, StorageError>;
        async fn coupon_for_update(&mut self, id: CouponId) -> Result<Option<(Coupon, u32)>, StorageError>;
        async fn insert_coupon(&mut self, coupon: &Coupon) -> Result<(), PromotionError>;
        async fn update_coupon(&mut self, coupon: &Coupon) -> Result<(), StorageError>;
        async fn insert_coupon_use(&mut self, coupon_use: &CouponUse) -> Result<(), PromotionError>;
        async fn coupon_use_for_update(&mut self, id: CouponUseId) -> Result<Option<CouponUse>, StorageError>;
        async fn coupon_use_for(
            &mut self,
            purpose: Purpose,
            reference: &str,
        ) -> Result<Option<CouponUse>, StorageError>;
        async fn update_coupon_use(&mut self, coupon_use: &CouponUse) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Promotables for PromotionTx {
        async fn promotable_listing(
            &mut self,
            id: ListingId,
        ) -> Result<Option<PromotableListing>, StorageError>;
        async fn is_provider_public(&mut self, id: ProviderId) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl Payments for PromotionTx {
        async fn captured_for_promotion(&mut self, id: PromotionId) -> Result<Option<Capture>, StorageError>;
        async fn returned_of_payment(&mut self, id: PaymentId) -> Result<Option<Money>, StorageError>;
        async fn settle_promotion(
            &mut self,
            id: PromotionId,
            settlement: &Settlement,
        ) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl Inbox for PromotionTx {
        async fn first_time(&mut self, handler: &'static str, event: EventId) -> Result<bool, StorageError>;
    }

    #[async_trait]
    impl Timers for PromotionTx {
        async fn set_timer(&mut self, timer: &Timer) -> Result<(), StorageError>;
        async fn clear_timer(&mut self, kind: &'static str, subject: &str) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl IdempotencyLedger for PromotionTx {
        async fn claim(&mut self, scope: &IdempotencyScope) -> Result<Claim, IdempotencyError>;
        async fn remember(&mut self, scope: &IdempotencyScope, answer: &Answer) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl AuditLog for PromotionTx {
        async fn record_audit(&mut self, entry: &AuditEntry) -> Result<(), StorageError>;
    }

    #[async_trait]
    impl UnitOfWork for PromotionTx {
        async fn commit(self: Box<Self>) -> Result<(), StorageError>;
    }
}

#[async_trait]
impl Outbox for MockPromotionTx {
    async fn publish(
        &mut self,
        event: &dyn Event,
        _actor: Option<AccountId>,
        _at: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        self.published(event.name(), event.payload())
    }
}

impl MockPromotionTx {
    /// A transaction in which timers are set and cleared, locks taken and events seen for the
    /// first time; what is stored, published and committed is up to the test.
    pub fn willing() -> Self {
        let mut tx = Self::new();
        tx.expect_set_timer().returning(|_| Ok(()));
        tx.expect_clear_timer().returning(|_, _| Ok(()));
        tx.expect_lock_promotions_of().returning(|_| Ok(()));
        tx.expect_first_time().returning(|_, _| Ok(true));
        tx
    }

    /// The same with a promotion to load.
    #[must_use]
    pub fn holding(mut self, record: PromotionRecord) -> Self {
        self.expect_promotion_for_update()
            .return_once(move |_| Ok(Some(Promotion::restore(record))));
        self
    }

    /// The same with a payment of which so much is back by now.
    #[must_use]
    pub fn with_returned(mut self, returned: Money) -> Self {
        self.expect_returned_of_payment().returning(move |_| Ok(Some(returned)));
        self
    }

    /// The same with promotions that are not over.
    #[must_use]
    pub fn with_open(mut self, records: Vec<PromotionRecord>) -> Self {
        self.expect_open_promotions().returning(move |_, _, _| {
            Ok(records.iter().cloned().map(Promotion::restore).collect())
        });
        self
    }
}

impl MockPromotionStore {
    /// A store whose next transaction is `tx`.
    pub fn with(tx: MockPromotionTx) -> Self {
        let mut store = Self::new();
        store.expect_begin().return_once(move || Ok(Box::new(tx)));
        store
    }
}

/// The same id every time, for a number.
pub fn an_id(n: u64) -> Uuid {
    Uuid::from_u64_pair(0xB000, n)
}

/// The provider of the builders below.
pub fn provider() -> ProviderId {
    ProviderId::from_uuid(an_id(1))
}

/// That provider's account.
pub fn account() -> AccountId {
    AccountId::from_uuid(an_id(2))
}

/// That provider's listing, by number.
pub fn listing(n: u64) -> ListingId {
    ListingId::from_uuid(an_id(100 + n))
}

/// The payment of the builders below.
pub fn payment() -> PaymentId {
    PaymentId::from_uuid(an_id(3))
}

/// So many cents.
pub fn euros(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

/// The provider, signed in.
pub fn the_owner() -> Actor {
    Actor::member(Member {
        account: account(),
        session: SessionId::from_uuid(an_id(4)),
        roles: Roles::client().with(Role::Provider),
        provider: Some(provider()),
    })
}

/// Somebody else with a role.
pub fn a_stranger(role: Role) -> Actor {
    Actor::member(Member {
        account: AccountId::from_uuid(an_id(5)),
        session: SessionId::from_uuid(an_id(6)),
        roles: Roles::client().with(role),
        provider: (role == Role::Provider).then(|| ProviderId::from_uuid(an_id(7))),
    })
}

/// Top for a listing: 7, 14 and 30 days for 10, 18 and 35 euros, for at most two listings of a
/// provider.
pub fn top() -> ProductDeclaration {
    let price = |duration_days, amount| PriceDeclaration { duration_days, amount };
    ProductDeclaration {
        key: "top".to_owned(),
        title: "Top".to_owned(),
        target: "listing".to_owned(),
        effect: None,
        currency: "EUR".to_owned(),
        prices: vec![price(7, 1_000), price(14, 1_800), price(30, 3_500)],
        limits: Limits { per_provider: Some(2), ..Limits::default() },
    }
}

/// PRO for a provider: 30 days for 20 euros.
pub fn pro() -> ProductDeclaration {
    ProductDeclaration {
        key: "pro".to_owned(),
        title: "PRO".to_owned(),
        target: "provider".to_owned(),
        prices: vec![PriceDeclaration { duration_days: 30, amount: 2_000 }],
        limits: Limits::default(),
        ..top()
    }
}

/// The product of a declaration.
pub fn a_product(declaration: &ProductDeclaration, now: DateTime<Utc>) -> Product {
    Product::declare(declaration, now).expect("the products of tests are valid")
}

/// A promotion, bought at `now`: Top for 7 days for listing 1, 10 euros, to be paid within an
/// hour. Change what the test is about.
pub fn a_promotion(now: DateTime<Utc>) -> PromotionRecord {
    PromotionRecord {
        id: PromotionId::from_uuid(an_id(8)),
        account: account(),
        provider: provider(),
        target: Target::Listing(listing(1)),
        bought: Bought {
            product: ProductKey::from_stored("top".to_owned()),
            version: 1,
            title: "Top".to_owned(),
            effect: Effect::Top,
            term: Term::Week,
            price: euros(1_000),
        },
        discount: None,
        wanted_start: None,
        created_at: now,
        stage: Stage::PendingPayment { pay_by: now + TimeDelta::hours(1) },
        version: 1,
    }
}

/// The same, paid at `now`, with seven days from `start` on.
pub fn a_paid_promotion(now: DateTime<Utc>, start: DateTime<Utc>) -> PromotionRecord {
    let period = Period::new(start, start + Term::Week.length()).expect("a week is not empty");
    let receipt = Some(Receipt { payment: payment(), returned: euros(0) });
    let told = (start <= now).then_some(Notice::Started);
    PromotionRecord { stage: Stage::Paid { at: now, period, receipt, told }, ..a_promotion(now) }
}

/// The same under another id, by number.
pub fn another(n: u64, record: PromotionRecord) -> PromotionRecord {
    PromotionRecord { id: PromotionId::from_uuid(an_id(200 + n)), ..record }
}

/// One promotion in each status, as seen at `now`, in the order of
/// [`Status::ALL`](crate::Status::ALL).
pub fn one_in_each_status(now: DateTime<Utc>) -> Vec<PromotionRecord> {
    let days = TimeDelta::days;
    vec![
        a_promotion(now),
        a_paid_promotion(now, now + days(2)),
        a_paid_promotion(now, now),
        a_paid_promotion(now - days(8), now - days(8)),
        PromotionRecord {
            stage: Stage::Cancelled {
                at: now,
                cause: CancelCause::Owner,
                reason: None,
                refund: euros(0),
                ran: None,
                payment: None,
            },
            ..a_promotion(now)
        },
    ]
}

/// A coupon for promotions, `WELCOME-20`: 20 percent off from 5 euros on, ten times in all, once
/// per account, since yesterday and for good.
pub fn a_coupon(now: DateTime<Utc>) -> CouponRecord {
    CouponRecord {
        id: CouponId::from_uuid(an_id(9)),
        code: CouponCode::from_stored("WELCOME-20".to_owned()),
        discount: Discount::Percent(20),
        purpose: Purpose::Promotion,
        minimum: Some(euros(500)),
        terms: CouponTerms {
            from: now - TimeDelta::days(1),
            until: None,
            total_limit: Some(10),
            per_account_limit: Some(1),
        },
        closed_at: None,
        created_at: now - TimeDelta::days(1),
        version: 1,
    }
}

/// A use of that coupon, reserved for [`a_promotion`].
pub fn a_coupon_use(now: DateTime<Utc>) -> CouponUseRecord {
    CouponUseRecord {
        id: CouponUseId::from_uuid(an_id(10)),
        coupon: CouponId::from_uuid(an_id(9)),
        code: CouponCode::from_stored("WELCOME-20".to_owned()),
        purpose: Purpose::Promotion,
        reference: a_promotion(now).id.to_string(),
        account: account(),
        discount: euros(200),
        state: UseState::Reserved { until: now + TimeDelta::hours(1) },
        created_at: now,
    }
}

/// [`a_promotion`] with that coupon: 8 euros are left to pay.
pub fn a_discounted_promotion(now: DateTime<Utc>) -> PromotionRecord {
    let coupon_use = a_coupon_use(now);
    let discount = GrantedDiscount {
        coupon_use: coupon_use.id,
        code: coupon_use.code,
        amount: coupon_use.discount,
    };
    PromotionRecord { discount: Some(discount), ..a_promotion(now) }
}

/// An event of [`payment`] for a thing: so much was taken, so much of it went back.
pub fn a_payment_event(
    name: &str,
    purpose: Purpose,
    reference: &impl ToString,
    captured: Money,
    returned: Money,
    at: DateTime<Utc>,
) -> EventMessage {
    let money = |money: Money| json!({"amount": money.minor(), "currency": money.currency()});
    EventMessage {
        id: EventId::from_uuid(an_id(11)),
        name: name.to_owned(),
        subject: payment().to_string(),
        payload: json!({
            "payment_id": payment(),
            "purpose": purpose.name(),
            "reference": reference.to_string(),
            "captured": money(captured),
            "returned": money(returned),
        }),
        actor: None,
        at,
    }
}

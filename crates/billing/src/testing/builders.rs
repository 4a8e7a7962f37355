//! A valid whole of each kind; a test changes the one thing it is about.

use std::collections::BTreeSet;

use access::{Actor, Member, Role, Roles};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, BookingId, Currency, ListingId, Locale, Money, PaymentId, PayoutId, PlanId,
    ProviderId, SessionId, SubscriptionId,
};
use uuid::Uuid;

use crate::{
    BatchId, CaptureMode, CardId, Decline, Description, Driver, Dunning, GatewayName, Holding,
    Initiator, Inquiry, Instrument, Interrupted, Interval, KeptCard, NewPayout, PayCommand,
    PayMethod, Payable, Payment, PaymentFact, PaymentRecord, Payout, PayoutRoute, Period, Plan,
    PlanDescription, PlanDetails, PlanName, Purpose, PurposeKind, Reason, Right, SaleContext,
    SaleSums, SaleTerms, SavedCard, Secret, Seller, Stage, Subscription, SubscriptionRecord,
    SubscriptionState, TransactionId,
};

/// The same id every time, for a number.
pub fn an_id(n: u64) -> Uuid {
    Uuid::from_u64_pair(0xB000, n)
}

/// The account that pays in the builders below.
pub fn the_payer_account() -> AccountId {
    AccountId::from_uuid(an_id(1))
}

/// The provider that sells in the builders below; its account is number 3.
pub fn the_seller() -> Seller {
    let (provider, account) = (ProviderId::from_uuid(an_id(2)), AccountId::from_uuid(an_id(3)));
    Seller::Provider { provider, account }
}

/// The provider of [`the_seller`].
pub fn the_provider_id() -> ProviderId {
    ProviderId::from_uuid(an_id(2))
}

/// The payer, signed in.
pub fn the_payer() -> Actor {
    a_member(the_payer_account(), Roles::client(), None)
}

/// The provider of [`the_seller`], signed in.
pub fn the_provider() -> Actor {
    let roles = Roles::client().with(Role::Provider);
    a_member(AccountId::from_uuid(an_id(3)), roles, Some(the_provider_id()))
}

/// An admin, signed in.
pub fn an_admin() -> Actor {
    a_member(AccountId::from_uuid(an_id(4)), Roles::client().with(Role::Admin), None)
}

/// Somebody who has nothing to do with any of it.
pub fn a_stranger() -> Actor {
    a_member(AccountId::from_uuid(an_id(5)), Roles::client(), None)
}

fn a_member(account: AccountId, roles: Roles, provider: Option<ProviderId>) -> Actor {
    Actor::member(Member { account, session: SessionId::from_uuid(an_id(9)), roles, provider })
}

/// So many euro cents.
pub fn euros(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

/// A text that somebody wrote.
pub fn a_reason() -> Reason {
    Reason::new("Because").expect("the text of a test is valid")
}

/// A gateway's name for a transaction.
pub fn a_transaction(text: &str) -> TransactionId {
    TransactionId::new(text).expect("the text of a test is valid")
}

/// A payment of 100 euros for a booking, of which the sandbox has not heard; the marketplace takes
/// 10 % and 20 % tax on that.
pub fn a_payment(now: DateTime<Utc>) -> PaymentRecord {
    PaymentRecord {
        id: PaymentId::from_uuid(an_id(20)),
        purpose: Purpose::Booking(BookingId::from_uuid(an_id(21))),
        payer: the_payer_account(),
        seller: the_seller(),
        amount: euros(10_000),
        gateway: GatewayName::Sandbox,
        capture: CaptureMode::AtOnce,
        initiator: Initiator::Payer,
        terms: SaleTerms::Commission { basis_points: 1000, fixed: 0, vat_basis_points: 2000 },
        grants: None,
        description: Description::new("Haircut").expect("the text of a test is valid"),
        return_to: None,
        challenge: None,
        transaction: None,
        stage: Stage::Created,
        sums: SaleSums::default(),
        wanted: None,
        refunds: Vec::new(),
        in_flight: None,
        attempt: 1,
        tries: 0,
        retry_at: None,
        inquiry: Inquiry::from(now),
        holding: Holding::Nothing,
        reserve: None,
        concerns: BTreeSet::new(),
        created_at: now,
        version: 1,
    }
}

/// The same with its money taken.
pub fn a_captured_payment(now: DateTime<Utc>) -> PaymentRecord {
    PaymentRecord {
        transaction: Some(a_transaction("t1")),
        stage: Stage::Captured { at: now },
        sums: SaleSums { captured: 10_000, ..SaleSums::default() },
        holding: Holding::Held,
        ..a_payment(now)
    }
}

/// One payment in each status, all entered at `now`, in the order of
/// [`Status::ALL`](crate::Status::ALL).
pub fn one_payment_in_each_status(now: DateTime<Utc>) -> Vec<PaymentRecord> {
    let known = Some(a_transaction("t1"));
    let at = |stage| PaymentRecord { stage, transaction: known.clone(), ..a_payment(now) };
    let taken = |sums| PaymentRecord { sums, ..a_captured_payment(now) };
    let captured = 10_000;
    vec![
        a_payment(now),
        at(Stage::RequiresAction),
        at(Stage::Processing { unknown: true }),
        at(Stage::Authorized { until: Some(now + TimeDelta::days(7)) }),
        a_captured_payment(now),
        at(Stage::Failed { decline: Decline::soft("insufficient_funds"), at: now }),
        at(Stage::Voided { at: now }),
        taken(SaleSums { captured, refunded: 3_000, ..SaleSums::default() }),
        taken(SaleSums { captured, refunded: 10_000, ..SaleSums::default() }),
        taken(SaleSums { captured, charged_back: 10_000, ..SaleSums::default() }),
    ]
}

/// What the gateway says of [`a_payment`] when its money was taken, and so much given back.
pub fn a_fact(refunded: i64, at: DateTime<Utc>) -> PaymentFact {
    let id = PaymentId::from_uuid(an_id(20));
    let fact = PaymentFact::captured(a_transaction("t1"), id, euros(10_000), at);
    PaymentFact { refunded: euros(refunded), ..fact }
}

/// Something of [`the_seller`] that [`the_payer`] has to pay 100 euros for.
pub fn a_payable(purpose: PurposeKind, capture: CaptureMode) -> Payable {
    Payable {
        payer: the_payer_account(),
        amount: euros(10_000),
        capture,
        description: Description::new("Haircut").expect("the text of a test is valid"),
        sale: SaleContext {
            purpose,
            seller: the_seller(),
            categories: Vec::new(),
            listing_type: Some("service".to_owned()),
        },
        grants: None,
    }
}

/// A payment by a token, as an app sends it.
pub fn a_pay_command(purpose: Purpose) -> PayCommand {
    PayCommand {
        purpose,
        gateway: None,
        method: PayMethod::Instrument(Instrument::Token(Secret::new("tok_visa".to_owned()))),
        save_card: false,
        return_to: None,
        address: None,
        locale: Locale::default(),
    }
}

/// A card that the sandbox keeps for [`the_payer`].
pub fn a_card(now: DateTime<Utc>) -> SavedCard {
    let kept = KeptCard {
        token: Secret::new("card_1".to_owned()),
        brand: "visa".to_owned(),
        last_four: "4242".to_owned(),
        expires: Some("12/29".to_owned()),
    };
    let id = CardId::from_uuid(an_id(30));
    SavedCard::keep(id, the_payer_account(), GatewayName::Sandbox, kept, now)
}

/// What a monthly plan of ten euros without a trial says.
pub fn plan_details() -> PlanDetails {
    PlanDetails {
        name: PlanName::new("Gold").expect("the text of a test is valid"),
        description: PlanDescription::new("All recipes").expect("the text of a test is valid"),
        tier: 1,
        price: euros(1_000),
        interval: Interval::MONTHLY,
        trial_days: 0,
        trial_needs_card: false,
        dunning: Dunning::default(),
    }
}

/// A plan of [`the_seller`] for all of its content.
pub fn a_plan(now: DateTime<Utc>, details: PlanDetails) -> Plan {
    let right = Right::Provider(the_provider_id());
    Plan::create(PlanId::from_uuid(an_id(40)), the_seller(), right, details, now)
        .expect("the plan of a test is valid")
}

/// A subscription of [`the_payer`] to [`a_plan`], renewed by us with [`a_card`], in a state.
pub fn a_subscription(now: DateTime<Utc>, state: SubscriptionState) -> SubscriptionRecord {
    SubscriptionRecord {
        id: SubscriptionId::from_uuid(an_id(41)),
        subscriber: the_payer_account(),
        terms: a_plan(now, plan_details()).terms(),
        next_terms: None,
        driver: Driver::Engine { gateway: GatewayName::Sandbox },
        card: Some(a_card(now).id),
        state,
        pending: None,
        paid: Vec::new(),
        created_at: now,
        version: 1,
    }
}

/// An active subscription whose paid month begins at `now`.
pub fn an_active_subscription(now: DateTime<Utc>) -> Subscription {
    let period = Period::first(now, Interval::MONTHLY);
    let state = SubscriptionState::Active { period, cancel_at_period_end: false };
    Subscription::restore(a_subscription(now, state))
}

/// One subscription in each state, all entered at `now`, in the order of
/// [`SubscriptionState::NAMES`].
pub fn one_subscription_in_each_state(now: DateTime<Utc>) -> Vec<SubscriptionRecord> {
    let period = Period::first(now, Interval::MONTHLY);
    let until = now + TimeDelta::days(14);
    let states = [
        SubscriptionState::Incomplete { expires_at: now + crate::FIRST_PAYMENT, trial_days: 0 },
        SubscriptionState::Trialing { until, card: true },
        SubscriptionState::Paused { since: now },
        SubscriptionState::Active { period, cancel_at_period_end: false },
        SubscriptionState::PastDue { period, last_try: now, hard: false },
        SubscriptionState::Suspended { since: now },
        SubscriptionState::Canceled { until: period.end, before: Interrupted::Paid(period) },
        SubscriptionState::Expired { at: now },
    ];
    states.into_iter().map(|state| a_subscription(now, state)).collect()
}

/// A payout of 88 euros to [`the_seller`] through the sandbox, ready to be sent.
pub fn a_payout(now: DateTime<Utc>, needs_approval: bool) -> Payout {
    let new = NewPayout {
        id: PayoutId::from_uuid(an_id(50)),
        batch: BatchId::from_uuid(an_id(51)),
        provider: the_provider_id(),
        account: AccountId::from_uuid(an_id(3)),
        amount: euros(8_800),
        route: PayoutRoute::Gateway(GatewayName::Sandbox),
        needs_approval,
    };
    let (payout, _) = Payout::create(new, now).expect("the payout of a test is valid");
    payout
}

/// The purchase of a listing, which gives the right to it.
pub fn a_purchase() -> (Purpose, Payable) {
    let purpose = Purpose::Purchase(kernel::PurchaseId::from_uuid(an_id(60)));
    let grants = Some(Right::Listing(ListingId::from_uuid(an_id(61))));
    (purpose, Payable { grants, ..a_payable(PurposeKind::Purchase, CaptureMode::AtOnce) })
}

/// The payment of a record.
pub fn payment(record: PaymentRecord) -> Payment {
    Payment::restore(record)
}

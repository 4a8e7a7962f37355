//! Payments, their refunds, and the bookings they are for.

use std::collections::BTreeSet;

use billing::testing::{
    a_captured_payment, a_card, a_payment, a_reason, an_id, euros, one_payment_in_each_status,
    the_payer_account, the_seller,
};
use billing::{
    BillingError, BillingReads, CaptureMode, Challenge, ChallengeKind, Concern, Decline,
    Description, Flight, GatewayName, Holding, InFlight, Initiator, Inquiry, Payment,
    PaymentRecord, PaymentRepository, Purpose, PurposeKind, Refund, RefundId, RefundState, Reserve,
    ReturnToken, Right, SaleContext, SaleSums, SaleTerms, Secret, Seller, Stage, Wanted,
};
use chrono::TimeDelta;
use kernel::{
    BookingId, CategoryId, Failure, ListingId, PaymentId, SubscriptionId, SystemIds, SystemRandom,
};
use tokio::task::JoinSet;

use super::{World, commit, fresh, made, noon};

/// Payments that differ in everything a payment can differ in.
fn one_of_each_kind() -> Vec<PaymentRecord> {
    let now = noon();
    let later = now + TimeDelta::days(3);
    let token = ReturnToken::generate(&SystemRandom);
    let challenge = |kind| Some(Challenge { kind, ..Challenge::new(&token, now) });
    let open = |state| Refund {
        id: RefundId::next(&SystemIds),
        amount: 1_000,
        reason: a_reason(),
        by: Some(the_payer_account()),
        at: now,
        state,
    };
    let taken = a_captured_payment(now);
    let waiting = PaymentRecord {
        stage: Stage::RequiresAction,
        transaction: taken.transaction.clone(),
        ..a_payment(now)
    };
    let reserved = PaymentRecord {
        stage: Stage::Authorized { until: None },
        capture: CaptureMode::Later,
        transaction: taken.transaction.clone(),
        ..a_payment(now)
    };
    let mut records = one_payment_in_each_status(now);
    records.extend([
        PaymentRecord {
            challenge: challenge(Some(ChallengeKind::Redirect { url: "https://b".to_owned() })),
            return_to: Some("https://app.example/done".to_owned()),
            ..waiting.clone()
        },
        PaymentRecord {
            challenge: challenge(Some(ChallengeKind::Form {
                action: "https://acs".to_owned(),
                md: "1".to_owned(),
                pa_req: "2".to_owned(),
            })),
            ..waiting.clone()
        },
        PaymentRecord {
            challenge: challenge(Some(ChallengeKind::Script {
                client_secret: Secret::new("pi_1_secret_2".to_owned()),
            })),
            ..waiting
        },
        PaymentRecord { challenge: challenge(None), ..a_payment(now) },
        PaymentRecord { wanted: Some(Wanted::Capture { amount: 9_000 }), ..reserved.clone() },
        // Delivered before what was reserved has been taken.
        PaymentRecord {
            wanted: Some(Wanted::Capture { amount: 9_000 }),
            holding: Holding::Releasing { due: later },
            ..reserved.clone()
        },
        PaymentRecord {
            wanted: Some(Wanted::Void { refund: RefundId::next(&SystemIds) }),
            in_flight: Some(InFlight { what: Flight::Void, since: now, refunded_before: 0 }),
            attempt: 3,
            tries: 2,
            retry_at: Some(later),
            inquiry: Inquiry { since: later, asked: 4, again_at: Some(later) },
            ..reserved
        },
        PaymentRecord {
            initiator: Initiator::Checkout { until: later },
            seller: Seller::Platform,
            terms: SaleTerms::OwnSale { vat_basis_points: 1_900 },
            grants: Some(Right::Listing(ListingId::from_uuid(an_id(61)))),
            concerns: BTreeSet::from(Concern::ALL),
            ..a_payment(now)
        },
        PaymentRecord {
            purpose: Purpose::Subscription(SubscriptionId::from_uuid(an_id(41))),
            initiator: Initiator::Engine { card: a_card(now).id },
            grants: Some(Right::Selling),
            ..a_payment(now)
        },
        PaymentRecord { initiator: Initiator::Gateway, ..a_payment(now) },
        PaymentRecord {
            holding: Holding::Releasing { due: later },
            refunds: vec![
                open(RefundState::Succeeded { at: later }),
                open(RefundState::Failed {
                    at: later,
                    decline: Decline::hard("closed").with_code("E1"),
                }),
                open(RefundState::Sent),
                Refund { by: None, ..open(RefundState::Requested) },
            ],
            sums: SaleSums { refunded: 1_000, ..taken.sums },
            ..taken.clone()
        },
        PaymentRecord { holding: Holding::Frozen { due: Some(later) }, ..taken.clone() },
        PaymentRecord { holding: Holding::Frozen { due: None }, ..taken.clone() },
        PaymentRecord {
            holding: Holding::Released { at: now },
            reserve: Some(Reserve { amount: 500, until: later, released_at: Some(later) }),
            ..taken
        },
    ]);
    records
}

#[tokio::test]
async fn a_payment_comes_back_as_it_was_in_every_state() {
    let world = World::new(4).await;
    let mut tx = world.begin().await;
    tx.store_card(&a_card(noon())).await.unwrap();
    tx.commit().await.unwrap();

    for record in one_of_each_kind() {
        let payment = world.insert(fresh(record)).await;
        let found = BillingReads::payment(&world.store, payment.id()).await.unwrap().unwrap();
        assert_eq!(found, payment);

        let mut tx = world.begin().await;
        let mut locked = tx.payment_for_update(payment.id()).await.unwrap().unwrap();
        assert_eq!(locked, payment);
        assert_eq!(tx.purpose_of_payment(payment.id()).await.unwrap(), Some(payment.purpose()));
        if let Some(transaction) = &payment.record().transaction {
            let known = tx.payment_of_transaction(GatewayName::Sandbox, transaction).await.unwrap();
            assert_eq!(known, Some(payment.id()));
            let other = tx.payment_of_transaction(GatewayName::Stripe, transaction).await.unwrap();
            assert_eq!(other, None);
        }
        locked.inquiry_failed(noon() + TimeDelta::minutes(5));
        tx.update_payment(&locked).await.unwrap();
        let later = tx.payment_for_update(payment.id()).await.unwrap().unwrap();
        assert_eq!(later.record(), locked.record());
        let stale = tx.update_payment(&locked).await.unwrap_err();
        assert_eq!(stale.code(), "concurrent_change");
    }
}

#[tokio::test]
async fn refunds_are_added_and_get_on() {
    let world = World::new(4).await;
    let payment = world.insert(fresh(a_captured_payment(noon()))).await;

    for amount in [1_000, 2_000] {
        let mut tx = world.begin().await;
        let mut payment = tx.payment_for_update(payment.id()).await.unwrap().unwrap();
        let id = RefundId::next(&SystemIds);
        payment.request_refund(id, euros(amount), a_reason(), None, noon()).unwrap();
        payment.begin(noon());
        tx.update_payment(&payment).await.unwrap();
        tx.commit().await.unwrap();
    }

    let found = BillingReads::payment(&world.store, payment.id()).await.unwrap().unwrap();
    let states: Vec<_> = found.refunds().iter().map(|it| (it.amount, it.state.name())).collect();
    assert_eq!(states, [(1_000, "sent"), (2_000, "requested")]);
}

#[tokio::test]
async fn of_twenty_payments_for_one_thing_at_once_one_is_live() {
    let world = World::new(20).await;
    let purpose = Purpose::Booking(BookingId::next(&SystemIds));
    let mut tries = JoinSet::new();
    for n in 0..20 {
        let store = world.store.clone();
        tries.spawn(async move {
            let payment = Payment::restore(PaymentRecord { purpose, ..made(n) });
            let mut tx = store.open().await.unwrap();
            tx.insert_payment(&payment).await?;
            Ok::<_, BillingError>(commit(tx).await?)
        });
    }
    let outcomes = tries.join_all().await;

    assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), 1);
    let refused = |it: &&Result<(), BillingError>| matches!(it, Err(BillingError::AlreadyPaid));
    assert_eq!(outcomes.iter().filter(refused).count(), 19);
    assert_eq!(world.number("SELECT count(*) FROM payments").await, 1);
}

#[tokio::test]
async fn what_failed_or_is_to_be_let_go_leaves_room_for_another_try() {
    let world = World::new(4).await;
    let purpose = Purpose::Booking(BookingId::next(&SystemIds));
    let now = noon();
    let failed = Stage::Failed { decline: Decline::soft("declined"), at: now };
    let void = Some(Wanted::Void { refund: RefundId::next(&SystemIds) });

    world.insert(PaymentRecord { purpose, stage: failed, ..made(0) }).await;
    world.insert(PaymentRecord { purpose, stage: Stage::Voided { at: now }, ..made(1) }).await;
    world.insert(PaymentRecord { purpose, wanted: void, ..made(2) }).await;
    let live = world.insert(PaymentRecord { purpose, ..made(3) }).await;

    let mut tx = world.begin().await;
    let found = tx.live_payment_for_update(purpose).await.unwrap().unwrap();
    assert_eq!(found.id(), live.id());
    // A subscription is paid for as often as it is due.
    let purpose = Purpose::Subscription(SubscriptionId::next(&SystemIds));
    world.insert(PaymentRecord { purpose, ..made(4) }).await;
    world.insert(PaymentRecord { purpose, ..made(5) }).await;
}

#[tokio::test]
async fn money_that_comes_late_is_taken_note_of_although_another_payment_is_live() {
    let world = World::new(4).await;
    let purpose = Purpose::Booking(BookingId::next(&SystemIds));
    let failed = Stage::Failed { decline: Decline::soft("not_executed"), at: noon() };
    let given_up = world.insert(PaymentRecord { purpose, stage: failed, ..made(0) }).await;
    let live = world.insert(PaymentRecord { purpose, ..made(1) }).await;

    let mut tx = world.begin().await;
    let mut payment = tx.payment_for_update(given_up.id()).await.unwrap().unwrap();
    let transaction = billing::testing::a_transaction("late");
    let fact = billing::PaymentFact::captured(transaction, given_up.id(), euros(10_000), noon());
    payment.apply(&fact).unwrap();
    tx.update_payment(&payment).await.unwrap();
    tx.commit().await.unwrap();

    let found = BillingReads::payment(&world.store, given_up.id()).await.unwrap().unwrap();
    assert_eq!(found.status().name(), "captured");
    let claimed =
        format!("SELECT count(*) FROM payments WHERE live AND id = '{}'", live.id().as_uuid());
    assert_eq!(world.number(&claimed).await, 1);
    assert_eq!(world.number("SELECT count(*) FROM payments WHERE live").await, 1);
}

#[tokio::test]
async fn the_database_refuses_sums_that_cannot_be() {
    let world = World::new(4).await;
    let payment = world.insert(fresh(a_captured_payment(noon()))).await;
    let id = payment.id().as_uuid();
    let client = world.client().await;

    for change in [
        "refunded_minor = 10001",
        "captured_minor = 10001",
        "reinstated_minor = 1",
        "stage = 'voided'",
        "status = 'authorized'",
        "status = 'lost'",
        "holding = 'gone'",
        "wanted = 'both'",
        "parked = true",
    ] {
        let sql = format!("UPDATE payments SET {change} WHERE id = '{id}'");
        let error = client.batch_execute(&sql).await.unwrap_err();
        let code = error.code().unwrap().code().to_owned();
        assert_eq!(code, "23514", "{change}");
    }
}

#[tokio::test]
async fn a_booking_asks_its_client_for_its_price_while_it_waits_for_it() {
    let world = World::new(4).await;
    let (parent, child) = (super::an_uuid(), super::an_uuid());
    let (listing, booking) = (super::an_uuid(), BookingId::next(&SystemIds));
    let (client, provider, owner) = (an_id(1), an_id(2), an_id(3));
    let id = booking.as_uuid();
    let arranged = format!(
        "INSERT INTO listing_types (key, position, declaration, version, created_at, updated_at) \
         VALUES ('service', 0, '{{\"key\": \"service\"}}', 1, now(), now()); \
         INSERT INTO categories (id, parent_id, slug, name, translations, position, version, \
             created_at, updated_at) \
         VALUES ('{parent}', NULL, 'body', 'Body', '{{}}', 0, 1, now(), now()), \
                ('{child}', '{parent}', 'hair', 'Hair', '{{}}', 0, 1, now(), now()); \
         INSERT INTO listings (id, listing_type, provider_id, provider_active, category_id, title, \
             slug, description, price_minor, currency, price_unit, attributes, access, status, \
             version, created_at, updated_at, published_at) \
         VALUES ('{listing}', 'service', '{provider}', true, '{child}', 'Haircut', 'haircut', \
             'Short', 10000, 'EUR', 'fixed', '{{}}', 'free', 'published', 1, now(), now(), now()); \
         INSERT INTO bookings (id, listing_id, title, client_id, provider_id, \
             provider_account_id, process, message, price_minor, currency, slot_start, slot_end, \
             busy_start, busy_end, capacity, funds, cancellation, offers, changes_left, status, \
             due_at, created_at, version) \
         VALUES ('{id}', '{listing}', 'Haircut', '{client}', '{provider}', '{owner}', \
             'appointment', 'Hello', 10000, 'EUR', now(), now() + interval '1 hour', now(), \
             now() + interval '1 hour', 1, 'awaited', '{{}}', '[]', 2, 'awaiting_payment', now(), \
             now(), 1)"
    );
    let connection = world.client().await;
    connection.batch_execute(&arranged).await.unwrap();
    let purpose = Purpose::Booking(booking);

    let mut tx = world.begin().await;
    let payable = tx.payable(purpose).await.unwrap().unwrap();
    assert_eq!(payable.payer, the_payer_account());
    assert_eq!(payable.amount, euros(10_000));
    assert_eq!(payable.capture, CaptureMode::Later);
    assert_eq!(payable.description, Description::new("Haircut").unwrap());
    let categories = vec![CategoryId::from_uuid(child), CategoryId::from_uuid(parent)];
    let sale = SaleContext {
        purpose: PurposeKind::Booking,
        seller: the_seller(),
        categories,
        listing_type: Some("service".to_owned()),
    };
    assert_eq!(payable.sale, sale);
    assert_eq!(payable.grants, None);
    drop(tx);

    let paid = "UPDATE bookings SET status = 'requested', funds = 'authorised'";
    connection.batch_execute(paid).await.unwrap();
    let mut tx = world.begin().await;
    assert_eq!(tx.payable(purpose).await.unwrap(), None);
    let unknown = Purpose::Booking(BookingId::next(&SystemIds));
    assert_eq!(tx.payable(unknown).await.unwrap(), None);
    assert_eq!(tx.payment_for_update(PaymentId::next(&SystemIds)).await.unwrap(), None);
}

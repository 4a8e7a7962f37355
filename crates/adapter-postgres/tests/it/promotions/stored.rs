//! Products and promotions as they are stored.

use billing::testing::a_captured_payment;
use billing::{BillingStore, Holding, Payment, PaymentRecord, SaleSums, SaleTerms, Seller};
use chrono::TimeDelta;
use kernel::StorageError;
use promotions::testing::{
    a_discounted_promotion, a_paid_promotion, a_payment_event, a_promotion, account, another,
    euros, listing, one_in_each_status, pro, provider, the_owner, top,
};
use promotions::{
    Bought, BuyPromotion, Effect, Product, ProductKey, Promotion, PromotionError, PromotionQuery,
    PromotionReads, PromotionRecord, Purpose, Settlement, Stage, Status, Target, Term,
};

use super::{World, noon};

fn week_from(day: i64) -> PromotionRecord {
    a_paid_promotion(noon(), noon() + TimeDelta::days(day))
}

fn for_provider(record: PromotionRecord) -> PromotionRecord {
    let bought = Bought {
        product: ProductKey::new("pro").unwrap(),
        effect: Effect::Pro,
        term: Term::Month,
        ..record.bought
    };
    PromotionRecord { target: Target::Provider(provider()), bought, ..record }
}

#[tokio::test]
async fn a_promotion_survives_the_database_in_every_status() {
    let world = World::new(2).await;
    let mut records = one_in_each_status(noon());
    records.push(a_discounted_promotion(noon()));
    records.push(for_provider(week_from(0)));

    for (n, record) in (1..).zip(records) {
        let target = match record.target {
            Target::Listing(_) => Target::Listing(listing(n)),
            provider @ Target::Provider(_) => provider,
        };
        let stored = world.insert(another(n, PromotionRecord { target, ..record })).await.unwrap();
        let read = world.store.promotion(stored.id()).await.unwrap();
        assert_eq!(read.as_ref(), Some(&stored));
        let mut tx = world.begin().await;
        assert_eq!(tx.promotion_for_update(stored.id()).await.unwrap(), Some(stored));
    }
    for status in Status::ALL {
        let wanted = PromotionQuery {
            provider: Some(provider()),
            status: Some(status),
            now: noon(),
            limit: kernel::Limit::default(),
            after: None,
        };
        let page = world.store.promotions(&wanted).await.unwrap();
        assert!(!page.items.is_empty(), "{status:?}");
        assert!(page.items.iter().all(|it| it.status(noon()) == status), "{status:?}");
    }
}

#[tokio::test]
async fn the_exclusion_constraint_has_the_last_word_on_a_time_that_is_paid_for() {
    let world = World::new(2).await;
    world.insert(another(1, week_from(0))).await.unwrap();

    let overlapping = world.insert(another(2, week_from(6))).await;
    assert!(matches!(overlapping, Err(StorageError::Conflict)), "{overlapping:?}");

    // What follows right after it, what is for another listing and what is not paid is no overlap.
    world.insert(another(3, week_from(7))).await.unwrap();
    let elsewhere = PromotionRecord { target: Target::Listing(listing(2)), ..week_from(0) };
    world.insert(another(4, elsewhere)).await.unwrap();
    let unpaid = world.insert(another(5, a_promotion(noon()))).await.unwrap();

    // Nor can what is stored move into it.
    let record = unpaid.record().clone();
    let paid = PromotionRecord { stage: week_from(3).stage, version: record.version + 1, ..record };
    let mut tx = world.begin().await;
    let moved = tx.update_promotion(&Promotion::restore(paid)).await;
    assert!(matches!(moved, Err(StorageError::Conflict)), "{moved:?}");
}

#[tokio::test]
async fn of_two_who_change_one_version_the_second_is_told() {
    let world = World::new(2).await;
    let stored = world.insert(a_promotion(noon())).await.unwrap();
    let record = stored.record().clone();
    let next = PromotionRecord { version: record.version + 2, ..record };

    let mut tx = world.begin().await;
    let stale = tx.update_promotion(&Promotion::restore(next)).await;

    assert!(matches!(stale, Err(StorageError::Conflict)), "{stale:?}");
}

#[tokio::test]
async fn every_version_of_a_product_is_kept() {
    let world = World::new(2).await;
    let mut tx = world.begin().await;
    let key = ProductKey::new("top").unwrap();
    let mut product = tx.product_for_update(&key).await.unwrap().unwrap();
    assert_eq!(product, Product::declare(&top(), noon()).unwrap());

    let renamed = promotions::ProductDeclaration { title: "On top".to_owned(), ..top() };
    assert!(product.redeclare(&renamed, noon()).unwrap());
    tx.update_product(&product).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = world.begin().await;
    assert_eq!(tx.product(&key).await.unwrap(), Some(product.clone()));
    let again = tx.insert_product(&product).await;
    assert!(matches!(again, Err(PromotionError::ProductExists { .. })), "{again:?}");
    assert_eq!(world.store.products(false).await.unwrap().len(), 2);
    let versions = "SELECT count(*) FROM promotion_product_versions WHERE product = 'top'";
    assert_eq!(world.number(versions).await, 2);
    let closed = world.store.products(true).await.unwrap();
    assert!(closed.contains(&Product::declare(&pro(), noon()).unwrap()));
}

fn buy(n: u64) -> BuyPromotion {
    BuyPromotion {
        product: "top".to_owned(),
        duration_days: 7,
        listing: Some(listing(n)),
        starts_at: None,
        coupon: None,
    }
}

#[tokio::test]
async fn a_limit_holds_however_many_buy_at_once() {
    let world = World::new(10).await;
    let service = world.promotions();

    // `top` is for at most two listings of a provider.
    let buyers = (1..=8).map(|n| {
        let service = service.clone();
        tokio::spawn(async move { service.buy(&the_owner(), buy(n), None).await })
    });
    let mut bought = 0;
    for buyer in buyers.collect::<Vec<_>>() {
        match buyer.await.unwrap() {
            Ok(_) => bought += 1,
            Err(error) => {
                assert!(matches!(error, PromotionError::LimitReached { limit: 2 }), "{error:?}");
            }
        }
    }

    assert_eq!(bought, 2);
    assert_eq!(world.number("SELECT count(*) FROM promotions").await, 2);
}

#[tokio::test]
async fn only_a_captured_payment_makes_it_effective_and_the_next_one_goes_on_from_its_end() {
    let world = World::new(4).await;
    let service = world.promotions();
    for _ in 0..2 {
        let bought = service.buy(&the_owner(), buy(1), None).await.unwrap();
        let kernel::Once::Done(purchase) = bought else { panic!("there was no key") };
        let id = purchase.promotion.id();
        let due = purchase.due.unwrap();
        assert_eq!(due.amount, euros(1_000));

        let name = "payment.captured.v1";
        let event = a_payment_event(name, Purpose::Promotion, &id, due.amount, euros(0), noon());
        let fresh = kernel::EventId::next(&kernel::SystemIds);
        service.on_event(&kernel::EventMessage { id: fresh, ..event }).await.unwrap();

        let stored = world.store.promotion(id).await.unwrap().unwrap();
        assert!(matches!(stored.stage(), Stage::Paid { .. }), "{stored:?}");
    }
    let gaps = "SELECT count(*) FROM promotions a JOIN promotions b ON b.starts_at = a.ends_at \
                WHERE a.stage = 'paid' AND b.stage = 'paid' AND a.starts_at = '2026-05-04T12:00:00Z'";
    assert_eq!(world.number(gaps).await, 1);
    // Reminders of both, and of nothing else: the second has yet to start.
    let timers = "SELECT count(*) FROM timers WHERE kind LIKE 'promotion.%'";
    assert_eq!(world.number(timers).await, 7);
}

#[tokio::test]
async fn money_taken_in_time_counts_when_its_news_are_late_and_the_unused_part_goes_back() {
    let world = World::new(4).await;
    let service = world.promotions();
    let bought = service.buy(&the_owner(), buy(1), None).await.unwrap();
    let kernel::Once::Done(purchase) = bought else { panic!("there was no key") };
    let id = purchase.promotion.id();
    let purpose = billing::Purpose::Promotion(id);

    let mut tx = BillingStore::begin(&*world.store).await.unwrap();
    let payable = tx.payable(purpose).await.unwrap().unwrap();
    assert_eq!((payable.payer, payable.amount), (account(), euros(1_000)));
    assert_eq!(payable.sale.seller, Seller::Platform);
    let taken = PaymentRecord {
        purpose,
        payer: payable.payer,
        seller: payable.sale.seller,
        amount: payable.amount,
        terms: SaleTerms::OwnSale { vat_basis_points: 0 },
        sums: SaleSums { captured: 1_000, ..SaleSums::default() },
        holding: Holding::Nothing,
        ..a_captured_payment(noon())
    };
    tx.insert_payment(&Payment::restore(taken)).await.unwrap();
    tx.commit().await.unwrap();

    // Nobody has heard of the payment when the time to pay is over.
    let later = noon() + TimeDelta::minutes(61);
    world.set(later);
    service.on_timer("promotion.payment_due", &id.to_string()).await.unwrap();
    let paid = world.store.promotion(id).await.unwrap().unwrap();
    assert_eq!(paid.status(later), Status::Active);
    let mut tx = BillingStore::begin(&*world.store).await.unwrap();
    assert_eq!(tx.payable(purpose).await.unwrap(), None);
    drop(tx);

    // A bank takes 3 euros back, and gives them up again.
    for (name, reinstated, back) in
        [("payment.charged_back.v1", 0, 300), ("payment.reinstated.v1", 300, 0)]
    {
        let sums = "UPDATE payments SET charged_back_minor = 300, reinstated_minor";
        world.run(&format!("{sums} = {reinstated}, version = version + 1")).await;
        let (captured, returned) = (euros(1_000), euros(back));
        let news = a_payment_event(name, Purpose::Promotion, &id, captured, returned, later);
        let mut payload = news.payload.clone();
        payload["payment_id"] = serde_json::json!(paid_by(&paid));
        let fresh = kernel::EventId::next(&kernel::SystemIds);
        let news = kernel::EventMessage { id: fresh, payload, ..news };
        service.on_event(&news).await.unwrap();
        let known = "SELECT returned_minor FROM promotions";
        assert_eq!(world.number(known).await, back);
    }

    // Half of the week is left.
    world.set(later + TimeDelta::hours(84));
    service.cancel(&the_owner(), id).await.unwrap();
    let asked = "SELECT sum(amount_minor)::bigint FROM refunds WHERE state = 'requested'";
    assert_eq!(world.number(asked).await, 500);

    // What else is to go back of the same payment is at most what is left of it.
    let payment = paid_by(&paid);
    let mut tx = world.begin().await;
    let all = Settlement::Refund { payment, amount: euros(1_000) };
    tx.settle_promotion(id, &all).await.unwrap();
    tx.settle_promotion(id, &all).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.number(asked).await, 1_000);
}

fn paid_by(promotion: &Promotion) -> kernel::PaymentId {
    let Stage::Paid { receipt: Some(receipt), .. } = promotion.stage() else {
        panic!("{promotion:?}")
    };
    receipt.payment
}

//! Coupons under concurrency.

use std::sync::Arc;

use chrono::TimeDelta;
use kernel::{AccountId, StorageError};
use promotions::testing::{a_coupon, a_coupon_use, an_id, euros};
use promotions::{
    Coupon, CouponCode, CouponId, CouponRecord, CouponRefusal, CouponRequest, CouponTerms,
    CouponUse, CouponUseId, CouponUseRecord, PromotionError, PromotionReads, PromotionStore,
    Purpose, reserve_coupon,
};

use super::{World, noon, somebody};

async fn coupon(world: &World, total: Option<u32>, per_account: Option<u32>) -> Coupon {
    let record = a_coupon(noon());
    let terms = CouponTerms { total_limit: total, per_account_limit: per_account, ..record.terms };
    let coupon = Coupon::restore(CouponRecord { terms, ..record });
    let mut tx = world.begin().await;
    tx.insert_coupon(&coupon).await.unwrap();
    tx.commit().await.unwrap();
    coupon
}

/// The `n`th thing that a coupon is used for.
fn request(n: u64, account: u64) -> CouponRequest {
    CouponRequest {
        id: CouponUseId::from_uuid(an_id(1_000 + n)),
        purpose: Purpose::Promotion,
        reference: format!("thing {n}"),
        account: AccountId::from_uuid(somebody(account)),
        price: euros(1_000),
        until: noon() + TimeDelta::hours(1),
    }
}

async fn reserve(
    store: Arc<adapter_postgres::PgStore>,
    request: CouponRequest,
) -> Result<CouponUse, PromotionError> {
    let code = CouponCode::new("welcome-20").unwrap();
    let mut tx = PromotionStore::begin(&*store).await?;
    let coupon_use = reserve_coupon(&mut *tx, &code, request, noon()).await?;
    tx.commit().await?;
    Ok(coupon_use)
}

/// Sends all of them at once; how many were served, and what the others heard.
async fn at_once(world: &World, requests: Vec<CouponRequest>) -> (usize, Vec<CouponRefusal>) {
    let all: Vec<_> = requests
        .into_iter()
        .map(|request| tokio::spawn(reserve(world.store.clone(), request)))
        .collect();
    let (mut served, mut refused) = (0, Vec::new());
    for one in all {
        match one.await.unwrap() {
            Ok(_) => served += 1,
            Err(PromotionError::CouponRefused(refusal)) => refused.push(refusal),
            Err(other) => panic!("{other:?}"),
        }
    }
    (served, refused)
}

#[tokio::test]
async fn of_twenty_who_use_a_coupon_for_five_at_once_five_do() {
    let world = World::new(20).await;
    let made = coupon(&world, Some(5), Some(1)).await;

    let (served, refused) = at_once(&world, (1..=20).map(|n| request(n, n)).collect()).await;

    assert_eq!(served, 5);
    assert_eq!(refused, vec![CouponRefusal::UsedUp; 15]);
    let uses = "SELECT count(*) FROM coupon_uses WHERE state = 'reserved'";
    assert_eq!(world.number(uses).await, 5);
    let (_, used) = world.store.coupon(made.record().id).await.unwrap().unwrap();
    assert_eq!(used, 5);
}

#[tokio::test]
async fn an_account_that_asks_ten_times_at_once_uses_it_as_often_as_it_may() {
    let world = World::new(12).await;
    coupon(&world, Some(100), Some(2)).await;

    let (served, refused) = at_once(&world, (1..=10).map(|n| request(n, 1)).collect()).await;

    assert_eq!(served, 2);
    assert_eq!(refused, vec![CouponRefusal::UsedByAccount; 8]);
    assert_eq!(world.number("SELECT used::bigint FROM coupon_counts").await, 2);
    reserve(world.store.clone(), request(11, 2)).await.unwrap();
}

#[tokio::test]
async fn what_is_released_can_be_used_again_once() {
    let world = World::new(10).await;
    coupon(&world, Some(1), Some(1)).await;
    let first = reserve(world.store.clone(), request(1, 1)).await.unwrap();
    let refused = reserve(world.store.clone(), request(2, 2)).await;
    assert!(matches!(refused, Err(PromotionError::CouponRefused(CouponRefusal::UsedUp))));

    // Several say at once that it was not paid for; it comes back once.
    let releases: Vec<_> = (0..6)
        .map(|_| {
            let (store, id) = (world.store.clone(), first.record().id);
            tokio::spawn(async move {
                let mut tx = PromotionStore::begin(&*store).await.unwrap();
                let mut found = tx.coupon_use_for_update(id).await.unwrap().unwrap();
                if found.release(noon()) {
                    tx.update_coupon_use(&found).await.unwrap();
                }
                tx.commit().await.unwrap();
            })
        })
        .collect();
    for release in releases {
        release.await.unwrap();
    }
    assert_eq!(world.number("SELECT used::bigint FROM coupon_counts").await, 0);
    assert_eq!(world.number("SELECT used::bigint FROM coupon_account_counts").await, 0);

    let (served, _) = at_once(&world, (3..=8).map(|n| request(n, n)).collect()).await;
    assert_eq!(served, 1);
}

#[tokio::test]
async fn the_database_refuses_a_use_that_passes_a_limit_whoever_counted_wrong() {
    let world = World::new(4).await;
    let record = |n: u64, account: u64| CouponUseRecord {
        id: CouponUseId::from_uuid(an_id(1_000 + n)),
        reference: format!("thing {n}"),
        account: AccountId::from_uuid(somebody(account)),
        ..a_coupon_use(noon())
    };
    let insert = async |record: CouponUseRecord| {
        let mut tx = world.begin().await;
        tx.insert_coupon_use(&CouponUse::restore(record)).await?;
        tx.commit().await.map_err(PromotionError::from)
    };
    coupon(&world, Some(2), Some(1)).await;
    insert(record(1, 1)).await.unwrap();

    let by_account = insert(record(2, 1)).await;
    let twice = CouponUseRecord { reference: "thing 1".to_owned(), ..record(3, 2) };
    let for_one_thing = insert(twice).await;
    insert(record(4, 2)).await.unwrap();
    let in_all = insert(record(5, 3)).await;

    assert!(
        matches!(by_account, Err(PromotionError::CouponRefused(CouponRefusal::UsedByAccount))),
        "{by_account:?}"
    );
    assert!(
        matches!(for_one_thing, Err(PromotionError::Storage(StorageError::Conflict))),
        "{for_one_thing:?}"
    );
    assert!(
        matches!(in_all, Err(PromotionError::CouponRefused(CouponRefusal::UsedUp))),
        "{in_all:?}"
    );
    assert_eq!(world.number("SELECT count(*) FROM coupon_uses").await, 2);
}

#[tokio::test]
async fn a_coupon_and_its_uses_survive_the_database() {
    let world = World::new(4).await;
    let made = coupon(&world, None, None).await;
    let used = reserve(world.store.clone(), request(1, 1)).await.unwrap();

    let mut tx = world.begin().await;
    let (mut read, count) = tx.coupon_for_update(made.record().id).await.unwrap().unwrap();
    assert_eq!((&read, count), (&made, 1));
    let found = tx.coupon_use_for(Purpose::Promotion, "thing 1").await.unwrap();
    assert_eq!(found, Some(used));
    assert!(read.close(noon()));
    tx.update_coupon(&read).await.unwrap();
    tx.commit().await.unwrap();

    let page = world.store.coupons(kernel::Limit::default(), None).await.unwrap();
    assert_eq!(page.items, [(read, 1)]);
    let another = CouponId::from_uuid(an_id(99));
    let same_code = CouponRecord { id: another, ..made.record().clone() };
    let again = world.begin().await.insert_coupon(&Coupon::restore(same_code)).await;
    assert!(matches!(again, Err(PromotionError::CodeTaken { .. })), "{again:?}");
}

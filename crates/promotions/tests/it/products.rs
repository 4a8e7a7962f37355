//! Products are data, checked when they are declared.

use std::sync::Arc;

use access::{Actor, Role};
use kernel::{Failure, FixedClock};
use promotions::testing::{
    MockPromotionReads, MockPromotionStore, MockPromotionTx, a_product, a_stranger, pro, the_owner,
    top,
};
use promotions::{
    Limits, PriceDeclaration, Product, ProductDeclaration, ProductService, PromotionError, Term,
};

use crate::lifecycle::NOW;

fn service(tx: MockPromotionTx) -> ProductService {
    ProductService::new(
        Arc::new(MockPromotionStore::with(tx)),
        Arc::new(MockPromotionReads::new()),
        Arc::new(FixedClock(NOW)),
    )
}

fn an_admin() -> Actor {
    a_stranger(Role::Admin)
}

#[test]
fn a_declaration_is_told_all_that_is_wrong_with_it() {
    let price = |duration_days, amount| PriceDeclaration { duration_days, amount };
    let wrong = ProductDeclaration {
        key: "Top!".to_owned(),
        title: " ".to_owned(),
        target: "provider".to_owned(),
        effect: Some("detailed".to_owned()),
        currency: "EUR".to_owned(),
        prices: vec![price(7, 1_000), price(7, 900), price(8, 900), price(14, 0), price(30, 999)],
        limits: Limits { per_provider: Some(0), start_ahead_days: 366, end_ahead_days: 29 },
    };

    let errors = Product::declare(&wrong, NOW).unwrap_err();

    let found: Vec<_> = errors.0.iter().map(|e| format!("{} {}", e.pointer, e.code)).collect();
    assert_eq!(
        found,
        [
            "/key invalid_key",
            "/title too_short",
            "/target does_not_fit",
            "/prices/1/duration_days repeated",
            "/prices/2/duration_days unknown",
            "/prices/3/amount out_of_range",
            "/prices falling",
            "/limits/per_provider out_of_range",
            "/limits/start_ahead_days out_of_range",
            "/limits/end_ahead_days out_of_range",
        ]
    );
    let none = ProductDeclaration { prices: Vec::new(), ..top() };
    assert_eq!(Product::declare(&none, NOW).unwrap_err().0[0].pointer, "/prices");
    let nowhere = ProductDeclaration { currency: "ZZZ".to_owned(), ..top() };
    assert_eq!(Product::declare(&nowhere, NOW).unwrap_err().0[0].pointer, "/currency");
}

#[test]
fn a_profile_writes_a_product_in_a_few_lines() {
    let declaration: ProductDeclaration = serde_json::from_value(serde_json::json!({
        "key": "detailed",
        "title": "Detailed",
        "target": "listing",
        "currency": "EUR",
        "prices": [{"duration_days": 30, "amount": 2_900}, {"duration_days": 7, "amount": 900}],
        "limits": {"per_provider": 5},
    }))
    .unwrap();

    let product = Product::declare(&declaration, NOW).unwrap();

    let record = product.record();
    assert_eq!(record.prices.iter().map(|p| p.term).collect::<Vec<_>>(), [Term::Week, Term::Month]);
    assert_eq!(record.limits.end_ahead_days, 365);
    assert_eq!(product.price(Term::Fortnight), None);
}

#[test]
fn a_changed_product_is_a_new_version_and_the_same_one_is_not() {
    let mut product = a_product(&top(), NOW);
    let later = NOW + chrono::TimeDelta::days(1);

    assert!(!product.redeclare(&top(), later).unwrap());
    assert_eq!((product.record().version, product.record().declared_at), (1, NOW));
    let mut dearer = top();
    dearer.prices[2].amount = 4_000;
    assert!(product.redeclare(&dearer, later).unwrap());
    assert_eq!((product.record().version, product.record().declared_at), (2, later));
    assert!(product.close(later) && !product.close(later));
    assert!(product.redeclare(&dearer, later).unwrap(), "declaring it again opens it");
    assert!(!product.record().closed);

    let other = ProductDeclaration { effect: Some("detailed".to_owned()), ..top() };
    assert_eq!(product.redeclare(&other, later).unwrap_err().0[0].pointer, "/effect");
}

#[tokio::test]
async fn an_admin_declares_and_the_audit_log_says_so() {
    let mut tx = MockPromotionTx::new();
    tx.expect_insert_product().once().returning(|_| Ok(()));
    tx.expect_published()
        .withf(|name, payload| {
            name == "promotion_product.declared.v1" && payload["product"] == "pro"
        })
        .once()
        .returning(|_, _| Ok(()));
    tx.expect_record_audit()
        .withf(|entry| entry.command == "declare" && entry.after["version"] == 1)
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    let product = service(tx).declare(&an_admin(), &pro()).await.unwrap();

    assert_eq!(product.record().key.as_str(), "pro");
}

#[tokio::test]
async fn a_stale_copy_changes_nothing() {
    let mut tx = MockPromotionTx::new();
    tx.expect_product_for_update().returning(|_| Ok(Some(a_product(&top(), NOW))));

    let error = service(tx).redeclare(&an_admin(), "top", 2, &top()).await.unwrap_err();

    assert_eq!(error.code(), "stale_version");
}

#[tokio::test]
async fn only_admins_change_products() {
    for actor in [Actor::visitor(), the_owner(), a_stranger(Role::Moderator)] {
        let service = service(MockPromotionTx::new());
        let refusals = [
            service.declare(&actor, &top()).await.unwrap_err(),
            service.redeclare(&actor, "top", 1, &top()).await.unwrap_err(),
            service.close(&actor, "top").await.unwrap_err(),
            service.products(&actor).await.unwrap_err(),
        ];
        let code = if actor.is_visitor() { "unauthenticated" } else { "forbidden" };
        assert!(refusals.iter().all(|error| error.code() == code), "{refusals:?}");
    }
}

#[tokio::test]
async fn the_products_of_a_profile_are_declared_once() {
    let mut tx = MockPromotionTx::new();
    tx.expect_product()
        .returning(|key| Ok((key.as_str() == "top").then(|| a_product(&top(), NOW))));
    tx.expect_insert_product()
        .withf(|product| product.record().key.as_str() == "pro")
        .once()
        .returning(|_| Ok(()));
    tx.expect_published().once().returning(|_, _| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));

    assert_eq!(service(tx).ensure(&[top(), pro()]).await.unwrap(), 1);

    let error = service(MockPromotionTx::new()).ensure(&[top(), top()]).await.unwrap_err();
    assert!(matches!(error, PromotionError::Invalid(e) if e.0[0].pointer == "/1/key"));
}

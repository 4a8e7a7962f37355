//! The use cases, with mocked ports.

use std::sync::Arc;

use access::{Action, Actor, Member, Role, Roles};
use catalog::media::an_unused_intake;
use catalog::testing::{MockCatalogStore, MockCatalogTx, a_listing, a_listing_type};
use catalog::{
    CatalogError, Decision, Listing, ListingRecord, ListingService, ListingStatus,
    ModerationService, ReviewTarget,
};
use chrono::{DateTime, Utc};
use kernel::{AccountId, FixedClock, ProviderId, SequentialIds, SessionId, SystemIds};
use serde_json::json;

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).expect("a valid time");

fn member(roles: Roles, provider: Option<ProviderId>) -> Actor {
    let account = AccountId::next(&SystemIds);
    Actor::member(Member { account, session: SessionId::next(&SystemIds), roles, provider })
}

fn provider(id: ProviderId) -> Actor {
    member(Roles::client().with(Role::Provider), Some(id))
}

fn moderator() -> Actor {
    member(Roles::client().with(Role::Moderator), None)
}

fn listings(tx: MockCatalogTx) -> ListingService {
    ListingService::new(
        Arc::new(MockCatalogStore::with(tx)),
        an_unused_intake(),
        Arc::new(FixedClock(NOW)),
        Arc::new(SequentialIds::default()),
    )
}

/// A transaction that holds one listing, and a type that wants nothing of it.
fn holding(record: ListingRecord, moderation: &'static str) -> MockCatalogTx {
    let mut tx = MockCatalogTx::new();
    tx.expect_listing_for_update()
        .returning(move |id| Ok((id == record.id).then(|| Listing::restore(record.clone()))));
    tx.expect_listing_type_for_share().returning(move |key| {
        Ok(Some(a_listing_type(json!({
            "key": key, "title": "Project", "plural": "Projects", "moderation": moderation,
        }))))
    });
    tx.expect_media_of().returning(|_| Ok(Vec::new()));
    tx.expect_pending_change_for_update().returning(|_| Ok(None));
    tx
}

#[tokio::test]
async fn the_provider_publishes() {
    let record = a_listing(NOW);
    let (id, ada) = (record.id, provider(record.provider));
    let mut tx = holding(record, "none");
    tx.expect_update_listing()
        .withf(|listing| listing.status() == &ListingStatus::Published)
        .once()
        .returning(|_| Ok(()));
    tx.expect_published().withf(|name| name == "listing.published.v1").once().return_const(());
    tx.expect_commit().once().returning(|| Ok(()));

    let stored = listings(tx).publish(&ada, id, Some(1)).await.unwrap();

    assert_eq!(stored.listing.record().published_at, Some(NOW));
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    let record = a_listing(NOW);
    let id = record.id;
    // No `expect_commit`: a commit here would fail the test.
    let tx = holding(record, "none");

    let stranger = provider(ProviderId::next(&SystemIds));
    let error = listings(tx).publish(&stranger, id, None).await.unwrap_err();

    assert!(matches!(error, CatalogError::ListingNotFound { .. }), "{error}");
}

#[tokio::test]
async fn who_sees_a_public_listing_still_may_not_change_it() {
    let record = ListingRecord {
        status: ListingStatus::Published,
        published_at: Some(NOW),
        ..a_listing(NOW)
    };
    let id = record.id;
    let tx = holding(record, "none");

    let stranger = provider(ProviderId::next(&SystemIds));
    let error = listings(tx).pause(&stranger, id, None).await.unwrap_err();

    let expected = Action::ListingPublish;
    assert!(matches!(error, CatalogError::Forbidden { action } if action == expected), "{error}");
}

#[tokio::test]
async fn a_stale_copy_changes_nothing() {
    let record = ListingRecord { version: 3, ..a_listing(NOW) };
    let (id, ada) = (record.id, provider(record.provider));
    let tx = holding(record, "none");

    let error = listings(tx).archive(&ada, id, Some(2)).await.unwrap_err();

    assert!(matches!(error, CatalogError::Stale { current: 3 }), "{error}");
}

#[tokio::test]
async fn a_moderators_decision_is_written_down() {
    let status = ListingStatus::PendingReview { since: NOW };
    let record = ListingRecord { status, ..a_listing(NOW) };
    let id = record.id;
    let mut tx = holding(record, "before");
    tx.expect_update_listing().once().returning(|_| Ok(()));
    tx.expect_published().withf(|name| name == "listing.published.v1").once().return_const(());
    tx.expect_record_audit()
        .withf(|entry| entry.command == "approve" && entry.after["status"] == "published")
        .once()
        .returning(|_| Ok(()));
    tx.expect_commit().once().returning(|| Ok(()));
    let store = Arc::new(MockCatalogStore::with(tx));
    let moderation = ModerationService::new(store, Arc::new(FixedClock(NOW)));

    let target = ReviewTarget::Listing(id);
    moderation.decide(&moderator(), target, &Decision::Approve, None).await.unwrap();
}

#[tokio::test]
async fn only_moderators_decide() {
    let moderation =
        ModerationService::new(Arc::new(MockCatalogStore::new()), Arc::new(FixedClock(NOW)));
    let record = a_listing(NOW);
    let target = ReviewTarget::Listing(record.id);

    let ada = provider(record.provider);
    let error = moderation.decide(&ada, target, &Decision::Approve, None).await.unwrap_err();

    assert!(matches!(error, CatalogError::Forbidden { .. }), "{error}");
}

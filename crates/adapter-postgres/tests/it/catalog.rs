//! Listings, providers, categories and prices, on a real PostgreSQL.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use access::{Actor, Member, Role, Roles};
use adapter_postgres::{PgStore, Settings};
use catalog::media::an_unused_intake;
use catalog::{
    CatalogError, CatalogStore, CategoryPatch, Change, ContentPatch, Decision, GivenMoney,
    GivenPlace, Listing, ListingEdit, ListingName, ListingService, ListingTypeDeclaration,
    ModerationService, NewListing, ProfilePatch, ProviderService, Reason, Removal, ReviewQueue,
    ReviewTarget, StoredListing, TaxonomyService, lowest_30d,
};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{
    AccountId, Clock, Failure, Limit, ListingId, ManualClock, Money, Once, SessionId, SystemIds,
};
use serde_json::{Value, json};
use test_support::TestDatabase;

const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).expect("a valid time");

struct Market {
    database: TestDatabase,
    store: Arc<PgStore>,
    clock: Arc<ManualClock>,
    listings: ListingService,
    providers: ProviderService,
    moderation: ModerationService,
    taxonomy: TaxonomyService,
}

impl Market {
    async fn new() -> Self {
        let database = TestDatabase::new().await;
        let settings = Settings { connections: 8, ..Settings::new(database.url()) };
        let store = Arc::new(PgStore::connect(&settings, |_| &[]).unwrap());
        let clock = Arc::new(ManualClock::new(NOW));
        let ids = Arc::new(SystemIds);
        let taxonomy = TaxonomyService::new(store.clone(), clock.clone(), ids.clone());
        taxonomy.seed(vec![declaration("none"), declaration("before")], vec![]).await.unwrap();
        Self {
            listings: ListingService::new(
                store.clone(),
                an_unused_intake(),
                clock.clone(),
                ids.clone(),
            ),
            providers: ProviderService::new(
                store.clone(),
                an_unused_intake(),
                clock.clone(),
                ids.clone(),
            ),
            moderation: ModerationService::new(store.clone(), clock.clone()),
            taxonomy,
            database,
            store,
            clock,
        }
    }

    /// Somebody with an account and a role.
    async fn member(&self, role: Role) -> Member {
        let account = AccountId::next(&SystemIds);
        let client = self.database.client().await;
        let id = account.as_uuid();
        let row = format!(
            "INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, \
             roles, status, token_version, created_at, version) VALUES ('{id}', \
             '{id}@example.org', 'x', 'Ada', 'en', 'UTC', '{{client}}', 'active', 1, now(), 1)"
        );
        client.batch_execute(&row).await.unwrap();
        let session = SessionId::next(&SystemIds);
        Member { account, session, roles: Roles::client().with(role), provider: None }
    }

    /// A provider with its profile.
    async fn provider(&self, name: &str) -> Actor {
        let member = self.member(Role::Provider).await;
        let profile = ProfilePatch { name: Change::Set(name.to_owned()), ..<_>::default() };
        let provider = self
            .providers
            .register(&Actor::member(member), &profile, None)
            .await
            .unwrap()
            .into_done()
            .unwrap();
        Actor::member(Member { provider: Some(provider.id), ..member })
    }

    async fn moderator(&self) -> Actor {
        Actor::member(self.member(Role::Moderator).await)
    }

    async fn admin(&self) -> Actor {
        Actor::member(self.member(Role::Admin).await)
    }

    async fn draft(&self, actor: &Actor, listing_type: &str, title: &str) -> Listing {
        done(self.listings.create(actor, new_listing(listing_type, title), None).await.unwrap())
            .listing
    }

    /// A listing that is public.
    async fn published(&self, actor: &Actor, listing_type: &str, title: &str) -> Listing {
        let draft = self.draft(actor, listing_type, title).await;
        let listing = self.listings.publish(actor, draft.id(), None).await.unwrap().listing;
        if listing_type == "before" {
            let moderator = self.moderator().await;
            let target = ReviewTarget::Listing(listing.id());
            self.moderation.decide(&moderator, target, &Decision::Approve, None).await.unwrap();
        }
        self.stored(listing.id()).await
    }

    async fn stored(&self, id: ListingId) -> Listing {
        self.store.listing_detail(&ListingName::Id(id), None).await.unwrap().unwrap().listing
    }
}

fn declaration(moderation: &str) -> ListingTypeDeclaration {
    serde_json::from_value(json!({
        "key": moderation,
        "title": "Lamp",
        "plural": "Lamps",
        "moderation": moderation,
        "price_required": true,
        "attributes": [
            {"key": "watts", "label": "Power", "kind": "integer", "min": 1, "max": 100},
            {"key": "base", "label": "Base", "kind": "enum", "choices": [
                {"key": "e14", "label": "E14"}, {"key": "e27", "label": "E27"},
            ]},
        ],
    }))
    .unwrap()
}

fn new_listing(listing_type: &str, title: &str) -> NewListing {
    NewListing {
        listing_type: listing_type.to_owned(),
        content: ContentPatch {
            title: Change::Set(title.to_owned()),
            description: Change::Set("Brass and linen.".to_owned()),
            price: eur(10_000),
            stock: Change::Set(3),
            attributes: BTreeMap::from([("watts".to_owned(), json!(40))]),
            location: Change::Set(GivenPlace { lat: 52.52, lon: 13.4 }),
            ..<_>::default()
        },
        ..<_>::default()
    }
}

fn eur(amount: i64) -> Change<GivenMoney> {
    Change::Set(GivenMoney { amount, currency: "EUR".to_owned() })
}

fn priced(amount: i64) -> ListingEdit {
    ListingEdit { content: ContentPatch { price: eur(amount), ..<_>::default() }, ..<_>::default() }
}

fn titled(title: &str) -> ListingEdit {
    ListingEdit {
        content: ContentPatch { title: Change::Set(title.to_owned()), ..<_>::default() },
        ..<_>::default()
    }
}

fn done(once: Once<StoredListing>) -> StoredListing {
    match once {
        Once::Done(stored) => stored,
        Once::Replayed(answer) => panic!("replayed: {answer:?}"),
    }
}

fn reason() -> Reason {
    Reason::new("Not a lamp.").unwrap()
}

fn queue() -> ReviewQueue {
    ReviewQueue { listing_type: None, limit: Limit::default(), after: None }
}

#[tokio::test]
async fn a_listing_survives_the_database() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;

    let created = market.draft(&ada, "none", "Desk lamp, Bauhaus").await;

    assert_eq!(market.stored(created.id()).await, created);
    assert_eq!(created.record().slug.as_str(), "desk-lamp-bauhaus");
    let name =
        ListingName::Slug { listing_type: "none".to_owned(), slug: "desk-lamp-bauhaus".to_owned() };
    let found = market.listings.listing(&ada, &name).await.unwrap();
    assert_eq!(found.listing.id(), created.id());
    let hidden = market.listings.listing(&Actor::visitor(), &name).await.unwrap_err();
    assert!(matches!(hidden, CatalogError::NoListingOfThatName), "{hidden}");
}

#[tokio::test]
async fn equal_titles_get_names_of_their_own() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;

    let drafts = (0..8).map(|_| market.draft(&ada, "none", "Desk lamp"));
    let drafts = futures_util::future::join_all(drafts).await;

    let slugs: HashSet<_> = drafts.iter().map(|listing| listing.record().slug.clone()).collect();
    assert_eq!(slugs.len(), 8);
    assert!(slugs.iter().any(|slug| slug.as_str() == "desk-lamp"));
}

#[tokio::test]
async fn of_many_who_publish_at_once_one_does() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    let draft = market.draft(&ada, "none", "Desk lamp").await;

    let tries = (0..6).map(|_| market.listings.publish(&ada, draft.id(), None));
    let outcomes = futures_util::future::join_all(tries).await;

    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 5));
    for error in lost {
        let error = error.unwrap_err();
        assert_eq!(error.allowed(), Some(&["edit", "pause", "archive", "reject"][..]), "{error}");
    }
    assert_eq!(market.stored(draft.id()).await.version(), 2);
}

#[tokio::test]
async fn of_two_who_saw_the_same_version_the_second_is_told() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    let id = market.draft(&ada, "none", "Desk lamp").await.id();

    let (first, second) = tokio::join!(
        market.listings.update(&ada, id, titled("Floor lamp"), Some(1)),
        market.listings.update(&ada, id, titled("Wall lamp"), Some(1)),
    );

    let errors: Vec<_> = [first, second].into_iter().filter_map(Result::err).collect();
    assert!(matches!(errors[..], [CatalogError::Stale { current: 2 }]), "{errors:?}");
}

#[tokio::test]
async fn every_change_of_a_price_leaves_a_line() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    let id = market.published(&ada, "none", "Desk lamp").await.id();

    for amount in [12_000, 12_000, 9_000, 15_000] {
        market.clock.advance(TimeDelta::days(1));
        market.listings.update(&ada, id, priced(amount), None).await.unwrap();
    }
    market.listings.update(&ada, id, titled("Brass lamp"), None).await.unwrap();

    let changes = market.store.price_changes(id, NOW - TimeDelta::days(1)).await.unwrap();
    let chain: Vec<_> = changes.iter().map(|c| (c.old.map(Money::minor), c.new)).collect();
    let minor = |minor: i64| Some(Money::new(minor, kernel::Currency::EUR));
    let expected = [
        (Some(9_000), minor(15_000)),
        (Some(12_000), minor(9_000)),
        (Some(10_000), minor(12_000)),
        (None, minor(10_000)),
    ];
    assert_eq!(chain, expected);
    assert!(changes.iter().all(|change| change.actor == ada.account()));
    let lowest = lowest_30d(minor(15_000), &changes, market.clock.now());
    assert_eq!(lowest, minor(9_000));
}

#[tokio::test]
async fn an_edit_of_a_moderated_listing_waits_while_the_public_sees_the_old_one() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    let moderator = market.moderator().await;
    let id = market.published(&ada, "before", "Desk lamp").await.id();

    let both = ListingEdit {
        content: ContentPatch {
            title: Change::Set("Buy my watches".to_owned()),
            stock: Change::Set(1),
            price: eur(11_000),
            ..<_>::default()
        },
        ..<_>::default()
    };
    market.listings.update(&ada, id, both, None).await.unwrap();
    let public = market.stored(id).await;
    let more = ContentPatch {
        attributes: BTreeMap::from([("watts".to_owned(), json!(60))]),
        ..<_>::default()
    };
    let edit = ListingEdit { content: more, ..<_>::default() };
    let pending = market.listings.update(&ada, id, edit, None).await.unwrap().pending.unwrap();

    assert_eq!(public.content().title.as_str(), "Desk lamp");
    assert_eq!(public.content().stock, Some(1));
    assert_eq!(public.content().price.map(Money::minor), Some(11_000));
    let waiting = market.moderation.queue(&moderator, &queue()).await.unwrap().items;
    let [item] = &waiting[..] else { panic!("one item was expected: {waiting:?}") };
    assert_eq!(item.change.as_ref(), Some(&pending));
    let shown: Vec<_> = pending.changes.differences();
    let shown: Vec<_> = shown.into_iter().map(|d| (d.field, d.before, d.after)).collect();
    let expected = [
        ("title".to_owned(), json!("Desk lamp"), json!("Buy my watches")),
        ("attributes.watts".to_owned(), json!(40), json!(60)),
    ];
    assert_eq!(shown, expected);

    let target = ReviewTarget::Change(pending.id);
    market.moderation.decide(&moderator, target, &Decision::Approve, None).await.unwrap();

    let content = market.stored(id).await.content().clone();
    assert_eq!(content.title.as_str(), "Buy my watches");
    assert_eq!(content.attributes.get("watts").unwrap().to_json(), json!(60));
    assert_eq!(content.stock, Some(1));
    assert!(market.moderation.queue(&moderator, &queue()).await.unwrap().items.is_empty());
    let again = market.moderation.decide(&moderator, target, &Decision::Approve, None).await;
    assert!(matches!(again, Err(CatalogError::IllegalTransition { .. })), "{again:?}");
}

#[tokio::test]
async fn a_refused_listing_can_be_mended() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    let moderator = market.moderator().await;
    let id = market.draft(&ada, "before", "Desk lamp").await.id();
    market.listings.publish(&ada, id, None).await.unwrap();

    let decision = Decision::Reject { reason: reason() };
    let targets = [ReviewTarget::Listing(id), ReviewTarget::Listing(ListingId::next(&SystemIds))];
    let results = market.moderation.decide_in_bulk(&moderator, &targets, &decision).await.unwrap();
    market.listings.update(&ada, id, titled("Desk lamp, brass"), None).await.unwrap();

    assert!(results[0].1.is_ok());
    assert!(matches!(results[1].1, Err(CatalogError::ListingNotFound { .. })));
    assert_eq!(market.stored(id).await.status().name(), "draft");
    let client = market.database.client().await;
    let audited =
        client.query_one("SELECT after ->> 'status', reason FROM audit_log", &[]).await.unwrap();
    assert_eq!(audited.get::<_, &str>(0), "rejected");
    assert_eq!(audited.get::<_, &str>(1), "Not a lamp.");
}

#[tokio::test]
async fn what_something_refers_to_is_archived_and_the_rest_is_gone() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    let kept = market.published(&ada, "none", "Desk lamp").await.id();
    let gone = market.published(&ada, "none", "Wall lamp").await.id();
    let client = market.database.client().await;
    client
        .batch_execute("CREATE TABLE bets (listing_id uuid REFERENCES listings (id))")
        .await
        .unwrap();
    let bet = format!("INSERT INTO bets VALUES ('{}')", kept.as_uuid());
    client.batch_execute(&bet).await.unwrap();

    let kept_removal = market.listings.delete(&ada, kept, None).await.unwrap();
    let gone_removal = market.listings.delete(&ada, gone, None).await.unwrap();

    assert_eq!((kept_removal, gone_removal), (Removal::Archived, Removal::Deleted));
    assert_eq!(market.stored(kept).await.status().name(), "archived");
    let found = market.listings.listing(&ada, &ListingName::Id(gone)).await;
    assert!(matches!(found, Err(CatalogError::ListingNotFound { .. })));
}

#[tokio::test]
async fn a_suspended_provider_takes_its_listings_along() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    let moderator = market.moderator().await;
    let id = market.published(&ada, "none", "Desk lamp").await.id();
    let provider = ada.provider().unwrap();
    let seen =
        async || market.listings.listing(&Actor::visitor(), &ListingName::Id(id)).await.is_ok();
    assert!(seen().await);

    market.providers.suspend(&moderator, provider, &reason()).await.unwrap();
    assert!(!seen().await);
    let refused = market.listings.create(&ada, new_listing("none", "Wall lamp"), None).await;
    assert!(matches!(refused, Err(CatalogError::ProviderSuspended { .. })), "{refused:?}");
    let refused = market.listings.update(&ada, id, priced(1), None).await;
    assert!(matches!(refused, Err(CatalogError::ProviderSuspended { .. })), "{refused:?}");

    market.providers.restore(&moderator, provider, None).await.unwrap();
    assert!(seen().await);
}

#[tokio::test]
async fn a_listing_type_cannot_change_under_what_is_public() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    let admin = market.admin().await;
    let public = market.published(&ada, "none", "Desk lamp").await;
    market.draft(&ada, "none", "Wall lamp").await;
    let key = public.record().listing_type.clone();
    let narrowed = |max: Value| {
        let mut declaration = json!(declaration("none"));
        declaration["attributes"][0]["max"] = max;
        serde_json::from_value::<ListingTypeDeclaration>(declaration).unwrap()
    };

    let refused = market
        .taxonomy
        .replace_listing_type(&admin, &key, narrowed(json!(39)), Some(1))
        .await
        .unwrap_err();
    let changed = market
        .taxonomy
        .replace_listing_type(&admin, &key, narrowed(json!(40)), Some(1))
        .await
        .unwrap();

    assert!(
        matches!(&refused, CatalogError::WouldInvalidate { count: 1, first } if *first == [public.id()]),
        "{refused}"
    );
    assert_eq!(changed.version(), 2);
    let in_use = market.taxonomy.delete_listing_type(&admin, &key).await;
    assert!(matches!(in_use, Err(CatalogError::ListingTypeInUse { .. })));
}

#[tokio::test]
async fn the_tree_of_categories_stays_a_tree() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    let admin = market.admin().await;
    let named = |name: &str, parent: Option<String>| CategoryPatch {
        name: Change::Set(name.to_owned()),
        parent: parent.map_or(Change::Keep, Change::Set),
        ..<_>::default()
    };
    let top = market
        .taxonomy
        .create_category(&admin, &named("Light", None), None)
        .await
        .unwrap()
        .into_done()
        .unwrap();
    let parent = Some(top.id.to_string());
    let low = market
        .taxonomy
        .create_category(&admin, &named("Lamps", parent), None)
        .await
        .unwrap()
        .into_done()
        .unwrap();
    let moved = CategoryPatch { parent: Change::Set(low.id.to_string()), ..<_>::default() };

    let cycle = market.taxonomy.update_category(&admin, top.id, &moved, None).await.unwrap_err();
    let mut listing = new_listing("none", "Desk lamp");
    listing.content.category = Change::Set(low.id.to_string());
    market.listings.create(&ada, listing, None).await.unwrap();
    let in_use = market.taxonomy.delete_category(&admin, low.id).await;
    let taken = market.taxonomy.create_category(&admin, &named("Lamps", None), None).await;

    assert_eq!(cycle.fields()[0].code, "cycle");
    assert!(matches!(in_use, Err(CatalogError::CategoryInUse { .. })), "{in_use:?}");
    assert!(matches!(taken, Err(CatalogError::SlugTaken)), "{taken:?}");
    let tree = market.store.taxonomy().await.unwrap();
    assert_eq!(tree.with_descendants(top.id), [top.id, low.id]);
}

#[tokio::test]
async fn an_account_becomes_one_provider_once() {
    let market = Market::new().await;
    let member = market.member(Role::Client).await;
    let actor = Actor::member(member);
    let profile = ProfilePatch { name: Change::Set("Ada".to_owned()), ..<_>::default() };

    let (first, second) = tokio::join!(
        market.providers.register(&actor, &profile, None),
        market.providers.register(&actor, &profile, None),
    );

    let errors: Vec<_> = [first, second].into_iter().filter_map(Result::err).collect();
    assert!(matches!(errors[..], [CatalogError::AlreadyAProvider]), "{errors:?}");
    let client = market.database.client().await;
    let roles: Vec<String> = client
        .query_one("SELECT a.roles FROM accounts a JOIN providers ON account_id = a.id", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(roles, ["client", "provider"]);
}

#[tokio::test]
async fn own_listings_come_in_pages_that_hold_still() {
    let market = Market::new().await;
    let ada = market.provider("Ada's lamps").await;
    for title in ["Lamp one", "Lamp two", "Lamp three"] {
        market.draft(&ada, "none", title).await; // all at the same time
    }
    let limit = Limit::new(2).unwrap();

    let first = market.listings.own_listings(&ada, vec![], limit, None).await.unwrap();
    market.draft(&ada, "none", "Lamp four").await;
    let second = market.listings.own_listings(&ada, vec![], limit, first.next).await.unwrap();

    let titles: HashSet<_> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|listed| listed.listing.content().title.to_string())
        .collect();
    assert_eq!(titles.len(), 3);
    assert_eq!(second.next, None);
}

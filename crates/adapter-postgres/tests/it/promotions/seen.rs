//! What people see of promotions: flags at the instant, who stands in front, figures.

use std::collections::BTreeSet;
use std::sync::Arc;

use access::Actor;
use catalog::engagement::EngagementStore;
use catalog::search::{ListingQuery, ProviderQuery, SearchService, Vocabulary};
use catalog::{CatalogStore, ListingName, ListingType, ProviderListings, Taxonomy};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{AccountId, Currency, Limit, ListingId};
use promotions::testing::{a_paid_promotion, another, listing, provider, the_owner};
use promotions::{
    Bought, Effect, Flags, ProductKey, PromotionReads, PromotionRecord, Target, Window,
};

use super::{World, declaration, noon, somebody};

fn query(text: &str) -> ListingQuery {
    ListingQuery::parse(pairs(text), &vocabulary()).unwrap().query
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), value.to_owned())
    };
    text.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

fn vocabulary() -> Vocabulary {
    let declared = ListingType::new(declaration()).unwrap();
    Vocabulary::new(Arc::new(Taxonomy::new(vec![declared], Vec::new())), Currency::EUR)
}

async fn promote(world: &World, n: u64, target: Target, effect: Effect, start: DateTime<Utc>) {
    let record = a_paid_promotion(noon(), start);
    let product = if effect == Effect::Pro { "pro" } else { "top" };
    let product = ProductKey::new(product).unwrap();
    let bought = Bought { effect, product, ..record.bought };
    world.insert(another(n, PromotionRecord { target, bought, ..record })).await.unwrap();
}

/// What every place that shows listing 1 and its provider says of them.
async fn shown_everywhere(world: &World) -> BTreeSet<(bool, bool, bool)> {
    let mut said = BTreeSet::new();
    let viewer = Some(AccountId::from_uuid(somebody(1)));
    for name in [
        ListingName::Id(listing(1)),
        ListingName::Slug { listing_type: "offer".to_owned(), slug: "offer-1".to_owned() },
    ] {
        let detail = world.store.listing_detail(&name, viewer).await.unwrap().unwrap();
        let promoted = detail.listing.record().promoted;
        said.insert((promoted.is_top, promoted.is_detailed, detail.provider.is_pro));
    }
    let is_pro = world.store.provider(provider()).await.unwrap().unwrap().is_pro;
    let own = ProviderListings {
        provider: provider(),
        statuses: Vec::new(),
        limit: Limit::new(50).unwrap(),
        after: None,
    };
    let own = world.store.listings_of_provider(&own, viewer).await.unwrap();
    let own = own.items.iter().find(|it| it.listing.id() == listing(1)).unwrap();
    let promoted = own.listing.record().promoted;
    said.insert((promoted.is_top, promoted.is_detailed, is_pro));

    let search = SearchService::new(world.store.clone());
    let visitor = Actor::visitor();
    let found = search.listings(&visitor, &query("limit=50")).await.unwrap();
    let kept = world
        .store
        .favorite_listings(AccountId::from_uuid(somebody(1)), Limit::default(), None)
        .await
        .unwrap();
    let kept = kept.items.into_iter().map(|kept| kept.item);
    for card in found.items.into_iter().chain(kept).filter(|card| card.id == listing(1)) {
        said.insert((card.promoted.is_top, card.promoted.is_detailed, card.provider.is_pro));
    }
    let everybody = ProviderQuery::parse(Vec::new(), &vocabulary()).unwrap().query;
    let found = search.providers(&visitor, &everybody).await.unwrap();
    assert_eq!(found.items[0].is_pro, is_pro);
    said
}

#[tokio::test]
async fn flags_begin_and_end_at_the_instant_wherever_something_is_shown() {
    let world = World::new(4).await;
    let start = noon() + TimeDelta::days(1);
    let end = start + TimeDelta::days(7);
    let target = Target::Listing(listing(1));
    promote(&world, 1, target, Effect::Top, start).await;
    promote(&world, 2, target, Effect::Detailed, start).await;
    promote(&world, 3, Target::Provider(provider()), Effect::Pro, start).await;
    world
        .run(&format!(
            "INSERT INTO listing_favorites VALUES ('{}', '{}', now())",
            somebody(1),
            listing(1).as_uuid()
        ))
        .await;

    let instant = TimeDelta::microseconds(1);
    for (at, is) in [(start - instant, false), (start, true), (end - instant, true), (end, false)] {
        world.set(at);
        assert_eq!(shown_everywhere(&world).await, BTreeSet::from([(is, is, is)]), "{at}");
        let targets = vec![target, Target::Listing(listing(2))];
        let flags = world.store.flags(targets, at).await.unwrap();
        let expected = Flags { is_top: is, is_detailed: is, is_pro: false };
        assert_eq!(flags.get(&target).copied().unwrap_or_default(), expected);
        assert!(!flags.contains_key(&Target::Listing(listing(2))));
    }
}

/// All pages of a list: the ids in order, and which of them are sponsored.
async fn pages(world: &World, text: &str) -> (Vec<ListingId>, Vec<ListingId>) {
    let search = SearchService::new(world.store.clone());
    let mut wanted = query(text);
    let (mut all, mut sponsored) = (Vec::new(), Vec::new());
    for number in 0.. {
        let page = search.listings(&Actor::visitor(), &wanted).await.unwrap();
        assert!(page.items.len() <= 7);
        for (place, card) in page.items.iter().enumerate() {
            assert!(!card.sponsored || (number == 0 && place < 3), "{card:?}");
            all.push(card.id);
            sponsored.extend(card.sponsored.then_some(card.id));
        }
        let Some(next) = page.next else { break };
        wanted.continue_after(next).unwrap();
    }
    (all, sponsored)
}

#[tokio::test]
async fn three_at_most_take_turns_in_front_and_nothing_comes_twice() {
    let world = World::new(4).await;
    for n in 1..=5 {
        promote(&world, n, Target::Listing(listing(2 * n)), Effect::Top, noon()).await;
    }
    let odd = Target::Listing(listing(9));
    promote(&world, 6, odd, Effect::Top, noon() + TimeDelta::days(1)).await;

    let mut seen_in_front = BTreeSet::new();
    for hour in 0..5 {
        world.set(noon() + TimeDelta::hours(hour));
        let (all, sponsored) = pages(&world, "limit=7").await;
        assert_eq!(all.len(), 30);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 30, "something came twice");
        assert_eq!(sponsored.len(), 3);
        let mut others: Vec<_> = (1..=30).rev().map(listing).collect();
        others.retain(|id| !sponsored.contains(id));
        assert_eq!(all[3..], others);
        seen_in_front.extend(sponsored);
    }
    assert_eq!(seen_in_front, (1..=5).map(|n| listing(2 * n)).collect());

    // What does not match stands nowhere, and other orders have nothing in front.
    for (text, in_front) in [
        ("limit=7&attr.style=loft", 3),
        ("limit=7&attr.style=classic", 0),
        ("limit=7&price[lte]=450", 2),
        ("limit=7&q=offer", 3),
        ("limit=7&sort=price", 0),
        ("limit=1", 0),
        ("limit=2", 1),
    ] {
        let (all, sponsored) = pages(&world, text).await;
        assert_eq!(sponsored.len(), in_front, "{text}");
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{text}");
    }
}

#[tokio::test]
async fn figures_have_a_line_for_every_day() {
    let world = World::new(4).await;
    world.run(&format!(
        "INSERT INTO listing_days (listing_id, day, provider_id, views, favorites, requests) VALUES \
             ('{0}', '2026-05-04', '{1}', 5, 1, 2), ('{0}', '2026-05-01', '{1}', 3, 0, 0), \
             ('{0}', '2026-04-25', '{1}', 7, 0, 0), ('{0}', '2026-04-20', '{1}', 9, 0, 0)",
        listing(1).as_uuid(),
        provider().as_uuid(),
    ))
    .await;
    let start = noon() - TimeDelta::days(3);
    promote(&world, 1, Target::Listing(listing(1)), Effect::Top, start).await;
    let id = another(1, a_paid_promotion(noon(), noon())).id;

    let statistics = world.promotions().statistics(&the_owner(), id, Window::Week).await.unwrap();

    let views = |series: &promotions::Series| {
        series.days.iter().map(|day| day.figures.views).collect::<Vec<_>>()
    };
    assert_eq!(views(&statistics.current), [0, 0, 0, 3, 0, 0, 5]);
    assert_eq!(views(&statistics.previous), [0, 0, 0, 0, 7, 0, 0]);
    let total = statistics.current.total;
    assert_eq!((total.views, total.favorites, total.requests), (8, 1, 2));
    let month = world.promotions().statistics(&the_owner(), id, Window::Month).await.unwrap();
    assert_eq!((month.current.days.len(), month.current.total.views), (30, 24));
}

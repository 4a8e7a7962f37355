//! Kept cards: found again, but not readable.

use adapter_postgres::{SecretKey, SecretKeys};
use billing::testing::{a_card, the_payer_account};
use billing::{BillingReads, CardId, CardRepository, SavedCard, Secret};
use chrono::TimeDelta;
use kernel::SystemIds;
use tokio::task::JoinSet;

use super::{World, commit, noon, store};

#[tokio::test]
async fn a_card_comes_back_and_its_token_stands_nowhere_in_the_table() {
    let world = World::new(4).await;
    let token = "card_of_a_gateway_4242";
    let card = SavedCard { token: Secret::new(token.to_owned()), ..a_card(noon()) };

    let mut tx = world.begin().await;
    assert_eq!(tx.store_card(&card).await.unwrap(), card.id);
    assert_eq!(tx.saved_card(card.id).await.unwrap(), Some(card.clone()));
    tx.commit().await.unwrap();

    assert_eq!(world.store.card(card.id).await.unwrap(), Some(card.clone()));
    let row = "SELECT saved_cards::text, encode(token, 'escape') FROM saved_cards";
    let row = world.client().await.query_one(row, &[]).await.unwrap();
    let (shown, raw): (String, String) = (row.get(0), row.get(1));
    assert!(!shown.contains(token) && !raw.contains(token), "{shown}");
    let hex = token.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    assert!(!shown.contains(&hex), "{shown}");
    // Moved to another card it does not open.
    let other = CardId::next(&SystemIds);
    let moved = format!("UPDATE saved_cards SET id = '{}'", other.as_uuid());
    world.client().await.batch_execute(&moved).await.unwrap();
    world.store.card(other).await.unwrap_err();
}

#[tokio::test]
async fn the_same_token_of_an_account_is_one_card_whoever_comes_first() {
    let world = World::new(20).await;
    let mut tries = JoinSet::new();
    for n in 0..20 {
        let store = world.store.clone();
        tries.spawn(async move {
            let id = CardId::next(&SystemIds);
            let brand = format!("visa {n}");
            let card = SavedCard { id, brand, ..a_card(noon()) };
            let mut tx = store.open().await.unwrap();
            let id = tx.store_card(&card).await.unwrap();
            commit(tx).await.unwrap();
            id
        });
    }
    let mut ids = tries.join_all().await;

    ids.dedup();
    assert_eq!(ids.len(), 1, "all were told of one card");
    let cards = world.store.cards(the_payer_account()).await.unwrap();
    assert_eq!(cards.iter().map(|card| card.id).collect::<Vec<_>>(), ids);
}

#[tokio::test]
async fn a_card_outlives_a_change_of_keys_and_is_encrypted_anew_when_it_is_stored() {
    let world = World::new(2).await;
    let card = a_card(noon());
    let mut tx = world.begin().await;
    tx.store_card(&card).await.unwrap();
    tx.commit().await.unwrap();
    let (old, new) = (SecretKey { id: 1, bytes: [7; 32] }, SecretKey { id: 2, bytes: [8; 32] });
    let rotated = store(&world.database, 2, SecretKeys::new(new.clone(), [old]));

    let again = SavedCard { id: CardId::next(&SystemIds), ..card.clone() };
    let mut tx = rotated.open().await.unwrap();
    assert_eq!(tx.saved_card(card.id).await.unwrap(), Some(card.clone()));
    assert_eq!(tx.store_card(&again).await.unwrap(), card.id, "it is the same card");
    commit(tx).await.unwrap();

    let without_the_old_one = store(&world.database, 2, SecretKeys::new(new, []));
    assert_eq!(without_the_old_one.card(card.id).await.unwrap(), Some(card));
}

#[tokio::test]
async fn removed_cards_are_kept_and_not_listed() {
    let world = World::new(2).await;
    let card = a_card(noon());
    let removed_at = Some(noon() + TimeDelta::days(1));
    let mut tx = world.begin().await;
    tx.store_card(&card).await.unwrap();
    tx.store_card(&SavedCard { removed_at, ..card.clone() }).await.unwrap();
    tx.commit().await.unwrap();

    assert_eq!(world.store.cards(the_payer_account()).await.unwrap(), []);
    assert_eq!(world.store.card(card.id).await.unwrap().unwrap().removed_at, removed_at);
}

#[tokio::test]
async fn without_a_key_no_card_is_kept() {
    let world = World::with_keys(2, SecretKeys::default()).await;
    let mut tx = world.begin().await;

    tx.store_card(&a_card(noon())).await.unwrap_err();
}

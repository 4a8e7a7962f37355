//! The tables of migration `discovery`.

use super::catalog::{listings, providers};

diesel::table! {
    listing_favorites (account_id, listing_id) {
        account_id -> Uuid,
        listing_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    provider_favorites (account_id, provider_id) {
        account_id -> Uuid,
        provider_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(listing_favorites, listings);
diesel::allow_tables_to_appear_in_same_query!(listing_favorites, providers);

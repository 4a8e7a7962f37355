//! The tables of migration `media`.

diesel::table! {
    media_objects (key) {
        key -> Text,
        state -> Text,
        bytes -> Int8,
        staged_at -> Timestamptz,
        account_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    media_usage (account_id) {
        account_id -> Uuid,
        bytes -> Int8,
    }
}

diesel::table! {
    listing_media (id) {
        id -> Uuid,
        listing_id -> Uuid,
        position -> Int2,
        kind -> Text,
        key -> Text,
        bytes -> Int8,
        width -> Nullable<Int4>,
        height -> Nullable<Int4>,
        alt -> Nullable<Text>,
        variants -> Nullable<Jsonb>,
        blur_hash -> Nullable<Text>,
        added_at -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(media_objects, listing_media);

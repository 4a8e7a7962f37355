//! The tables of migration `catalog`.

diesel::table! {
    listing_types (key) {
        key -> Text,
        position -> Int4,
        declaration -> Jsonb,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    categories (id) {
        id -> Uuid,
        parent_id -> Nullable<Uuid>,
        slug -> Text,
        name -> Text,
        translations -> Jsonb,
        position -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    providers (id) {
        id -> Uuid,
        account_id -> Uuid,
        slug -> Text,
        name -> Text,
        headline -> Nullable<Text>,
        about -> Nullable<Text>,
        category_ids -> Array<Uuid>,
        lat -> Nullable<Float8>,
        lon -> Nullable<Float8>,
        service_radius -> Nullable<Float8>,
        languages -> Array<Text>,
        avatar_media_id -> Nullable<Uuid>,
        verification -> Text,
        verification_at -> Nullable<Timestamptz>,
        status -> Text,
        suspended_at -> Nullable<Timestamptz>,
        suspension_reason -> Nullable<Text>,
        rating_count -> Int4,
        rating_mean -> Float8,
        rating_score -> Float8,
        favorite_count -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    listings (id) {
        id -> Uuid,
        listing_type -> Text,
        provider_id -> Uuid,
        provider_active -> Bool,
        category_id -> Nullable<Uuid>,
        title -> Text,
        slug -> Text,
        description -> Text,
        price_minor -> Nullable<Int8>,
        currency -> Nullable<Text>,
        price_unit -> Text,
        stock -> Nullable<Int4>,
        attributes -> Jsonb,
        lat -> Nullable<Float8>,
        lon -> Nullable<Float8>,
        access -> Text,
        status -> Text,
        submitted_at -> Nullable<Timestamptz>,
        rejected_at -> Nullable<Timestamptz>,
        rejection_reason -> Nullable<Text>,
        archived_at -> Nullable<Timestamptz>,
        unreviewed_since -> Nullable<Timestamptz>,
        cover_media_id -> Nullable<Uuid>,
        rating_count -> Int4,
        rating_mean -> Float8,
        rating_score -> Float8,
        view_count -> Int8,
        favorite_count -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        published_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    change_requests (id) {
        id -> Uuid,
        listing_id -> Uuid,
        provider_id -> Uuid,
        changes -> Jsonb,
        status -> Text,
        requested_by -> Uuid,
        requested_at -> Timestamptz,
        decided_by -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
        decision_reason -> Nullable<Text>,
        version -> Int4,
    }
}

diesel::table! {
    price_history (id) {
        id -> Int8,
        listing_id -> Uuid,
        old_minor -> Nullable<Int8>,
        old_currency -> Nullable<Text>,
        new_minor -> Nullable<Int8>,
        new_currency -> Nullable<Text>,
        reason -> Text,
        actor_id -> Nullable<Uuid>,
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    approved_prices (listing_id) {
        listing_id -> Uuid,
        price_minor -> Int8,
        currency -> Text,
    }
}

diesel::joinable!(listings -> providers (provider_id));
diesel::joinable!(listings -> categories (category_id));
diesel::joinable!(change_requests -> listings (listing_id));
diesel::joinable!(price_history -> listings (listing_id));
diesel::allow_tables_to_appear_in_same_query!(
    listing_types,
    categories,
    providers,
    listings,
    change_requests,
    price_history,
);

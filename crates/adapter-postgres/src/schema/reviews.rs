//! The tables of migration `reviews`.

diesel::table! {
    reviews (id) {
        id -> Uuid,
        booking_id -> Uuid,
        listing_id -> Uuid,
        provider_id -> Uuid,
        side -> Text,
        author_id -> Uuid,
        subject_id -> Uuid,
        stars -> Int2,
        body -> Text,
        criteria -> Jsonb,
        status -> Text,
        confirm_by -> Nullable<Timestamptz>,
        confirmed_at -> Nullable<Timestamptz>,
        published_at -> Nullable<Timestamptz>,
        hidden_at -> Nullable<Timestamptz>,
        hidden_reason -> Nullable<Text>,
        discarded_at -> Nullable<Timestamptz>,
        reply -> Nullable<Text>,
        replied_at -> Nullable<Timestamptz>,
        window_ends_at -> Timestamptz,
        created_at -> Timestamptz,
        edited_at -> Nullable<Timestamptz>,
        helpful_count -> Int4,
        open_reports -> Int4,
        version -> Int4,
    }
}

diesel::table! {
    review_confirmations (token_hash) {
        token_hash -> Bytea,
        review_id -> Uuid,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    review_votes (review_id, account_id) {
        review_id -> Uuid,
        account_id -> Uuid,
        voted_at -> Timestamptz,
    }
}

diesel::table! {
    review_reports (review_id, account_id) {
        review_id -> Uuid,
        account_id -> Uuid,
        reason -> Text,
        note -> Nullable<Text>,
        reported_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    review_ratings (kind, subject_id) {
        kind -> Text,
        subject_id -> Uuid,
        count -> Int4,
        stars -> Int4,
    }
}

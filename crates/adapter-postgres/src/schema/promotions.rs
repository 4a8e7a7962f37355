//! The tables of migration `promotions`.

diesel::table! {
    promotion_products (key) {
        key -> Text,
        version -> Int4,
    }
}

diesel::table! {
    promotion_product_versions (product, version) {
        product -> Text,
        version -> Int4,
        title -> Text,
        effect -> Text,
        currency -> Text,
        prices -> Jsonb,
        per_provider -> Nullable<Int4>,
        start_ahead_days -> Int4,
        end_ahead_days -> Int4,
        closed -> Bool,
        declared_at -> Timestamptz,
    }
}

diesel::table! {
    promotions (id) {
        id -> Uuid,
        account_id -> Uuid,
        provider_id -> Uuid,
        listing_id -> Nullable<Uuid>,
        product -> Text,
        product_version -> Int4,
        title -> Text,
        effect -> Text,
        term_days -> Int2,
        price_minor -> Int8,
        currency -> Text,
        coupon_use_id -> Nullable<Uuid>,
        coupon_code -> Nullable<Text>,
        discount_minor -> Nullable<Int8>,
        wanted_start -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        stage -> Text,
        pay_by -> Nullable<Timestamptz>,
        paid_at -> Nullable<Timestamptz>,
        starts_at -> Nullable<Timestamptz>,
        ends_at -> Nullable<Timestamptz>,
        payment_id -> Nullable<Uuid>,
        returned_minor -> Nullable<Int8>,
        told -> Nullable<Text>,
        cancelled_at -> Nullable<Timestamptz>,
        cause -> Nullable<Text>,
        reason -> Nullable<Text>,
        refund_minor -> Nullable<Int8>,
        version -> Int4,
    }
}

diesel::table! {
    coupons (id) {
        id -> Uuid,
        code -> Text,
        percent -> Nullable<Int2>,
        amount_minor -> Nullable<Int8>,
        amount_currency -> Nullable<Text>,
        purpose -> Text,
        minimum_minor -> Nullable<Int8>,
        minimum_currency -> Nullable<Text>,
        starts_at -> Timestamptz,
        ends_at -> Nullable<Timestamptz>,
        total_limit -> Nullable<Int4>,
        per_account_limit -> Nullable<Int4>,
        closed_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    coupon_counts (coupon_id) {
        coupon_id -> Uuid,
        used -> Int4,
        total_limit -> Nullable<Int4>,
    }
}

diesel::table! {
    coupon_uses (id) {
        id -> Uuid,
        coupon_id -> Uuid,
        code -> Text,
        purpose -> Text,
        reference -> Text,
        account_id -> Uuid,
        discount_minor -> Int8,
        currency -> Text,
        state -> Text,
        reserved_until -> Nullable<Timestamptz>,
        ended_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::joinable!(coupon_counts -> coupons (coupon_id));
diesel::allow_tables_to_appear_in_same_query!(coupon_counts, coupons);
diesel::allow_tables_to_appear_in_same_query!(promotion_products, promotion_product_versions);

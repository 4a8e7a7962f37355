//! The table of migration `bank_transfers`.

diesel::table! {
    bank_transfers (payment_id) {
        payment_id -> Uuid,
        code -> Text,
        standing -> Text,
        ordered_at -> Timestamptz,
        version -> Int4,
        document -> Jsonb,
    }
}

//! The tables of migration `bookings`.

diesel::table! {
    bookings (id) {
        id -> Uuid,
        listing_id -> Uuid,
        title -> Text,
        client_id -> Uuid,
        provider_id -> Uuid,
        provider_account_id -> Uuid,
        process -> Text,
        message -> Text,
        budget_minor -> Nullable<Int8>,
        price_minor -> Nullable<Int8>,
        currency -> Nullable<Text>,
        slot_start -> Nullable<Timestamptz>,
        slot_end -> Nullable<Timestamptz>,
        busy_start -> Nullable<Timestamptz>,
        busy_end -> Nullable<Timestamptz>,
        capacity -> Nullable<Int4>,
        funds -> Text,
        funds_until -> Nullable<Timestamptz>,
        cancellation -> Jsonb,
        offers -> Jsonb,
        changes_left -> Int2,
        status -> Text,
        since -> Nullable<Timestamptz>,
        due_at -> Nullable<Timestamptz>,
        cause -> Nullable<Text>,
        reason -> Nullable<Text>,
        refund_minor -> Nullable<Int8>,
        proposal -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        accepted_at -> Nullable<Timestamptz>,
        stale_at -> Nullable<Timestamptz>,
        version -> Int4,
    }
}

diesel::table! {
    booking_history (booking_id, number) {
        booking_id -> Uuid,
        number -> Int4,
        at -> Timestamptz,
        by_side -> Text,
        account_id -> Nullable<Uuid>,
        command -> Text,
        from_status -> Nullable<Text>,
        to_status -> Text,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    booking_reminders (booking_id, kind, due_at) {
        booking_id -> Uuid,
        kind -> Text,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    availabilities (provider_id) {
        provider_id -> Uuid,
        rules -> Jsonb,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    appointment_settings (listing_id) {
        listing_id -> Uuid,
        duration_minutes -> Nullable<Int4>,
        buffer_before_minutes -> Nullable<Int4>,
        buffer_after_minutes -> Nullable<Int4>,
        cancellation -> Nullable<Jsonb>,
        updated_at -> Timestamptz,
    }
}

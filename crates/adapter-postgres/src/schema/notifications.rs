//! The tables of migration `notifications`.

diesel::table! {
    notifications (id) {
        id -> Uuid,
        account_id -> Uuid,
        event_id -> Uuid,
        topic -> Text,
        text -> Text,
        subject -> Text,
        facts -> Jsonb,
        created_at -> Timestamptz,
        read_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mails (id) {
        id -> Uuid,
        account_id -> Uuid,
        template -> Text,
        topic -> Text,
        text -> Text,
        subject -> Text,
        data -> Jsonb,
        state -> Text,
        attempts -> Int4,
        claimed_until -> Nullable<Timestamptz>,
        problem -> Nullable<Text>,
        ended_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    notification_preferences (account_id, topic) {
        account_id -> Uuid,
        topic -> Text,
        in_app -> Bool,
        mail -> Bool,
    }
}

diesel::table! {
    events (id) {
        id -> Uuid,
        name -> Text,
        subject -> Text,
        payload -> Jsonb,
        actor_id -> Nullable<Uuid>,
        occurred_at -> Timestamptz,
        stored_at -> Timestamptz,
    }
}

diesel::table! {
    handled_events (event_id, handler) {
        handler -> Text,
        event_id -> Uuid,
        handled_at -> Timestamptz,
    }
}

diesel::table! {
    timers (subject, kind) {
        kind -> Text,
        subject -> Text,
        due_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (account_id, operation, key) {
        account_id -> Uuid,
        operation -> Text,
        key -> Text,
        body_hash -> Bytea,
        status -> Int2,
        headers -> Jsonb,
        body -> Text,
        stored_at -> Timestamptz,
    }
}

diesel::table! {
    audit_log (id) {
        id -> Int8,
        actor_id -> Nullable<Uuid>,
        action -> Text,
        command -> Text,
        object -> Text,
        before -> Jsonb,
        after -> Jsonb,
        reason -> Nullable<Text>,
        request_id -> Nullable<Text>,
        at -> Timestamptz,
    }
}

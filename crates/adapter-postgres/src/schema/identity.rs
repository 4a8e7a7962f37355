//! The tables of migration `identity`.

use super::catalog::providers;

diesel::table! {
    accounts (id) {
        id -> Uuid,
        email -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        display_name -> Text,
        locale -> Text,
        time_zone -> Text,
        roles -> Array<Text>,
        status -> Text,
        suspended_at -> Nullable<Timestamptz>,
        suspension_reason -> Nullable<Text>,
        erased_at -> Nullable<Timestamptz>,
        email_verified_at -> Nullable<Timestamptz>,
        token_version -> Int4,
        created_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        account_id -> Uuid,
        token_version -> Int4,
        device -> Nullable<Text>,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        end_reason -> Nullable<Text>,
        version -> Int4,
    }
}

diesel::table! {
    refresh_tokens (digest) {
        digest -> Bytea,
        session_id -> Uuid,
        issued_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        successor -> Nullable<Bytea>,
    }
}

diesel::table! {
    account_links (digest) {
        digest -> Bytea,
        account_id -> Uuid,
        purpose -> Text,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    throttle_buckets (key) {
        key -> Bytea,
        empty_at -> Timestamptz,
    }
}

diesel::joinable!(sessions -> accounts (account_id));
diesel::joinable!(refresh_tokens -> sessions (session_id));
diesel::allow_tables_to_appear_in_same_query!(accounts, sessions, refresh_tokens);
diesel::joinable!(providers -> accounts (account_id));
diesel::allow_tables_to_appear_in_same_query!(accounts, providers);
diesel::allow_tables_to_appear_in_same_query!(sessions, providers);

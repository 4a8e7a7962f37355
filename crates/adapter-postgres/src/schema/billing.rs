//! The tables of migration `billing`.

diesel::table! {
    saved_cards (id) {
        id -> Uuid,
        account_id -> Uuid,
        gateway -> Text,
        token_key -> Int2,
        token -> Binary,
        token_digest -> Binary,
        brand -> Text,
        last_four -> Text,
        expires -> Nullable<Text>,
        created_at -> Timestamptz,
        removed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    payments (id) {
        id -> Uuid,
        purpose -> Text,
        purpose_id -> Uuid,
        payer_id -> Uuid,
        seller_provider_id -> Nullable<Uuid>,
        seller_account_id -> Nullable<Uuid>,
        amount_minor -> Int8,
        currency -> Text,
        gateway -> Text,
        capture -> Text,
        initiator -> Text,
        card_id -> Nullable<Uuid>,
        agreement -> Jsonb,
        challenge -> Nullable<Jsonb>,
        transaction_id -> Nullable<Text>,
        stage -> Text,
        stage_detail -> Jsonb,
        status -> Text,
        captured_minor -> Int8,
        refunded_minor -> Int8,
        charged_back_minor -> Int8,
        reinstated_minor -> Int8,
        wanted -> Nullable<Text>,
        progress -> Jsonb,
        holding -> Text,
        custody -> Jsonb,
        live -> Bool,
        concerns -> Array<Text>,
        parked -> Bool,
        created_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    refunds (id) {
        id -> Uuid,
        payment_id -> Uuid,
        number -> Int4,
        amount_minor -> Int8,
        reason -> Text,
        by_account -> Nullable<Uuid>,
        requested_at -> Timestamptz,
        state -> Text,
        ended_at -> Nullable<Timestamptz>,
        decline -> Nullable<Jsonb>,
    }
}

diesel::table! {
    gateway_messages (id) {
        id -> Uuid,
        gateway -> Text,
        event_id -> Text,
        kind -> Text,
        subject -> Text,
        payment_id -> Nullable<Uuid>,
        reference -> Nullable<Text>,
        body -> Binary,
        received_at -> Timestamptz,
        attempts -> Int2,
        last_error -> Nullable<Text>,
        state -> Text,
        state_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    payouts (id) {
        id -> Uuid,
        batch_id -> Uuid,
        provider_id -> Uuid,
        account_id -> Uuid,
        amount_minor -> Int8,
        currency -> Text,
        gateway -> Nullable<Text>,
        state -> Text,
        state_at -> Nullable<Timestamptz>,
        reference -> Nullable<Text>,
        reason -> Nullable<Text>,
        attempt -> Int4,
        inquiry_since -> Timestamptz,
        inquiry_asked -> Int2,
        inquiry_again_at -> Nullable<Timestamptz>,
        approved_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    payout_terms (provider_id) {
        provider_id -> Uuid,
        terms -> Jsonb,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    payout_accounts (provider_id) {
        provider_id -> Uuid,
        account_id -> Uuid,
        gateway -> Nullable<Text>,
        destination_key -> Nullable<Int2>,
        destination -> Nullable<Binary>,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    ledger_journals (id) {
        id -> Uuid,
        fact -> Text,
        reference -> Text,
        payment_id -> Nullable<Uuid>,
        payout_id -> Nullable<Uuid>,
        at -> Timestamptz,
    }
}

diesel::table! {
    ledger_postings (id) {
        id -> Uuid,
        journal_id -> Uuid,
        number -> Int2,
        account_kind -> Text,
        owner -> Text,
        provider_id -> Nullable<Uuid>,
        amount_minor -> Int8,
        currency -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    ledger_balances (owner, account_kind, currency) {
        owner -> Text,
        account_kind -> Text,
        currency -> Text,
        provider_id -> Nullable<Uuid>,
        balance_minor -> Int8,
    }
}

diesel::table! {
    plans (id) {
        id -> Uuid,
        seller_provider_id -> Nullable<Uuid>,
        seller_account_id -> Nullable<Uuid>,
        seller -> Text,
        right_kind -> Text,
        right_id -> Nullable<Uuid>,
        name -> Text,
        description -> Text,
        tier -> Int2,
        price_minor -> Int8,
        currency -> Text,
        interval_unit -> Text,
        interval_count -> Int2,
        trial_days -> Int2,
        trial_needs_card -> Bool,
        dunning -> Jsonb,
        open -> Bool,
        created_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    subscriptions (id) {
        id -> Uuid,
        subscriber_id -> Uuid,
        plan_id -> Uuid,
        right_kind -> Text,
        right_id -> Nullable<Uuid>,
        terms -> Jsonb,
        next_terms -> Nullable<Jsonb>,
        gateway -> Text,
        reference -> Nullable<Text>,
        seen_version -> Nullable<Int8>,
        card_id -> Nullable<Uuid>,
        state -> Text,
        state_detail -> Jsonb,
        access_until -> Nullable<Timestamptz>,
        pending -> Nullable<Jsonb>,
        paid -> Jsonb,
        created_at -> Timestamptz,
        version -> Int4,
    }
}

diesel::table! {
    entitlements (source_id, source) {
        source -> Text,
        source_id -> Uuid,
        account_id -> Uuid,
        right_kind -> Text,
        right_id -> Nullable<Uuid>,
        tier -> Int2,
        holds_until -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    invoice_numbers (seller, year) {
        seller -> Text,
        year -> Int4,
        last -> Int4,
    }
}

diesel::table! {
    invoices (id) {
        id -> Uuid,
        seller -> Text,
        year -> Int4,
        sequence -> Int4,
        seller_provider_id -> Nullable<Uuid>,
        seller_account_id -> Nullable<Uuid>,
        seller_party -> Jsonb,
        payer_id -> Uuid,
        payer_party -> Jsonb,
        payment_id -> Uuid,
        purpose -> Text,
        purpose_id -> Uuid,
        lines -> Jsonb,
        total_minor -> Int8,
        tax_minor -> Int8,
        currency -> Text,
        tax_basis_points -> Int4,
        issued_at -> Timestamptz,
    }
}

diesel::joinable!(ledger_postings -> ledger_journals (journal_id));
diesel::allow_tables_to_appear_in_same_query!(ledger_postings, ledger_journals);

-- Twenty thousand of everything that billing lists, for tests of plans and pages.

INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, roles, status,
    token_version, created_at, version)
SELECT md5('account ' || n)::uuid, 'a' || n || '@example.com', 'x', 'a' || n, 'en', 'UTC',
    '{client}', 'active', 1, now(), 1
FROM generate_series(1, 2000) n;

INSERT INTO providers (id, account_id, slug, name, category_ids, languages, verification, status,
    version, created_at, updated_at)
SELECT md5('provider ' || n)::uuid, md5('account ' || n)::uuid, 'p' || n, 'p' || n, '{}', '{}',
    'unverified', 'active', 1, now(), now()
FROM generate_series(1, 500) n;

INSERT INTO saved_cards (id, account_id, gateway, token_key, token, token_digest, brand,
    last_four, created_at)
SELECT md5('card ' || n)::uuid, md5('account ' || n % 2000 + 1)::uuid, 'sandbox', 1, '\x00',
    sha256(n::text::bytea), 'visa', '4242', now()
FROM generate_series(1, 20000) n;

INSERT INTO payments (id, purpose, purpose_id, payer_id, seller_provider_id, seller_account_id,
    amount_minor, currency, gateway, capture, initiator, agreement, transaction_id, stage,
    stage_detail, status, captured_minor, refunded_minor, charged_back_minor, reinstated_minor,
    progress, holding, custody, live, concerns, parked, created_at, version)
SELECT md5('payment ' || n)::uuid, 'booking', md5('booking ' || n)::uuid,
    md5('account ' || n % 2000 + 1)::uuid, md5('provider ' || n % 500 + 1)::uuid,
    md5('account ' || n % 500 + 1)::uuid, 1000, 'EUR', 'sandbox', 'at_once', 'payer',
    '{"terms": {"kind": "own_sale", "vat_basis_points": 0}, "description": "x"}', 't' || n,
    CASE WHEN n % 100 = 0 THEN 'voided' ELSE 'created' END,
    CASE WHEN n % 100 = 0 THEN '{"at": "2026-01-01T00:00:00Z"}' ELSE '{}' END::jsonb,
    CASE WHEN n % 100 = 0 THEN 'voided' ELSE 'created' END, 0, 0, 0, 0,
    '{"attempt": 1, "tries": 0, "asked_since": "2026-01-01T00:00:00Z", "asked": 0}', 'nothing',
    '{}', n % 100 <> 0, CASE WHEN n % 500 = 1 THEN '{stuck}' ELSE '{}' END::text[], n % 500 = 1,
    -- Many at the same moment.
    timestamptz '2026-01-01' + n / 64 * interval '1 minute', 1
FROM generate_series(1, 20000) n;

INSERT INTO refunds (id, payment_id, number, amount_minor, reason, requested_at, state)
SELECT md5('refund ' || n)::uuid, md5('payment ' || n)::uuid, 1, 1, 'x', now(), 'requested'
FROM generate_series(1, 20000) n;

INSERT INTO gateway_messages (id, gateway, event_id, kind, subject, body, received_at, attempts,
    state, state_at)
SELECT md5('message ' || n)::uuid, CASE n % 50 WHEN 0 THEN 'stripe' ELSE 'sandbox' END, 'e' || n,
    'k', 'other', '', timestamptz '2026-01-01' + n / 64 * interval '1 minute', 0,
    CASE n % 200 WHEN 0 THEN 'parked' ELSE 'applied' END, now()
FROM generate_series(1, 20000) n;

INSERT INTO payouts (id, batch_id, provider_id, account_id, amount_minor, currency, gateway, state,
    state_at, reference, attempt, inquiry_since, inquiry_asked, created_at, version)
SELECT md5('payout ' || n)::uuid, md5('batch')::uuid, md5('provider ' || n % 500 + 1)::uuid,
    md5('account ' || n % 500 + 1)::uuid, 100, 'EUR', 'sandbox', 'paid', now(), 'po' || n, 1,
    now(), 0, timestamptz '2026-01-01' + n / 64 * interval '1 minute', 1
FROM generate_series(1, 20000) n;

INSERT INTO payout_terms (provider_id, terms, updated_at)
SELECT md5('provider ' || n)::uuid, '{}', now() FROM generate_series(1, 500) n;
INSERT INTO payout_accounts (provider_id, account_id, updated_at)
SELECT md5('provider ' || n)::uuid, md5('account ' || n)::uuid, now()
FROM generate_series(1, 500) n;

INSERT INTO ledger_journals (id, fact, reference, payment_id, at)
SELECT md5('journal ' || n)::uuid, 'release', 'j' || n, md5('payment ' || n)::uuid,
    timestamptz '2026-01-01' + n / 64 * interval '1 minute'
FROM generate_series(1, 20000) n;

INSERT INTO ledger_postings (id, journal_id, number, account_kind, owner, provider_id,
    amount_minor, currency, at)
SELECT md5('posting ' || n || ' ' || side)::uuid, md5('journal ' || n)::uuid, side,
    CASE side WHEN 1 THEN 'provider_pending' ELSE 'provider_payable' END,
    'prv_' || md5('provider ' || n % 500 + 1), md5('provider ' || n % 500 + 1)::uuid,
    CASE side WHEN 1 THEN 100 ELSE -100 END, 'EUR',
    timestamptz '2026-01-01' + n / 64 * interval '1 minute'
FROM generate_series(1, 20000) n, generate_series(1, 2) side;

-- Accounts of providers that are owed nothing.
INSERT INTO ledger_journals (id, fact, reference, at)
SELECT md5('kept ' || n)::uuid, 'reserve_hold', 'k' || n, timestamptz '2025-01-01'
FROM generate_series(1, 5000) n;

INSERT INTO ledger_postings (id, journal_id, number, account_kind, owner, provider_id,
    amount_minor, currency, at)
SELECT md5('kept ' || n || ' ' || side)::uuid, md5('kept ' || n)::uuid, side,
    CASE side WHEN 1 THEN 'provider_pending' ELSE 'provider_reserve' END,
    'prv_' || md5('other ' || n), md5('other ' || n)::uuid,
    CASE side WHEN 1 THEN 100 ELSE -100 END, 'EUR', timestamptz '2025-01-01'
FROM generate_series(1, 5000) n, generate_series(1, 2) side;

INSERT INTO plans (id, seller_provider_id, seller_account_id, seller, right_kind, right_id, name,
    description, tier, price_minor, currency, interval_unit, interval_count, trial_days,
    trial_needs_card, dunning, open, created_at, version)
SELECT md5('plan ' || n)::uuid, md5('provider ' || n % 500 + 1)::uuid,
    md5('account ' || n % 500 + 1)::uuid, 'prv_' || md5('provider ' || n % 500 + 1), 'provider',
    md5('right ' || n)::uuid, 'Gold', '', 1, 1000 + n % 7, 'EUR', 'month', 1, 0, false,
    '{"retry_days": [1], "grace_days": 7, "suspension_days": 21}', n % 10 <> 0, now(), 1
FROM generate_series(1, 20000) n;

INSERT INTO subscriptions (id, subscriber_id, plan_id, right_kind, right_id, terms, gateway,
    reference, seen_version, card_id, state, state_detail, access_until, created_at, version)
SELECT md5('subscription ' || n)::uuid, md5('account ' || n % 2000 + 1)::uuid,
    md5('plan ' || n)::uuid, 'provider', md5('right ' || n)::uuid,
    jsonb_build_object('plan', md5('plan ' || n)::uuid, 'name', 'Gold', 'right',
        jsonb_build_object('kind', 'provider', 'id', md5('right ' || n)::uuid), 'tier', 1,
        'minor', 1000, 'currency', 'EUR', 'unit', 'month', 'count', 1, 'dunning',
        '{"retry_days": [1], "grace_days": 7, "suspension_days": 21}'::jsonb),
    'stripe', 's' || n, 1, md5('card ' || n)::uuid, 'trialing',
    '{"at": "2026-02-01T00:00:00Z", "card": true}', timestamptz '2026-02-08',
    timestamptz '2026-01-01' + n / 64 * interval '1 minute', 1
FROM generate_series(1, 20000) n;

INSERT INTO entitlements (source, source_id, account_id, right_kind, right_id, tier, holds_until)
SELECT 'subscription', md5('subscription ' || n)::uuid, md5('account ' || n % 2000 + 1)::uuid,
    'provider', md5('right ' || n)::uuid, 1, now()
FROM generate_series(1, 20000) n;

INSERT INTO invoice_numbers SELECT 'prv_' || md5('provider ' || n), 2026, 40
FROM generate_series(1, 500) n;

INSERT INTO invoices (id, seller, year, sequence, seller_provider_id, seller_account_id,
    seller_party, payer_id, payer_party, payment_id, purpose, purpose_id, lines, total_minor,
    tax_minor, currency, tax_basis_points, issued_at)
SELECT md5('invoice ' || n)::uuid, 'prv_' || md5('provider ' || n % 500 + 1), 2026, n / 500 + 1,
    md5('provider ' || n % 500 + 1)::uuid, md5('account ' || n % 500 + 1)::uuid,
    '{"name": "a", "details": []}', md5('account ' || n % 2000 + 1)::uuid,
    '{"name": "b", "details": []}', md5('payment ' || n)::uuid, 'booking',
    md5('booking ' || n)::uuid, '[]', 1000, 0, 'EUR', 0,
    timestamptz '2026-01-01' + n / 64 * interval '1 minute'
FROM generate_series(1, 20000) n;

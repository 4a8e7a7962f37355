-- Products, promotions, coupons; what people are told of them.
SET lock_timeout = '5s';

-- Equality of uuids and texts in a GiST index.
CREATE EXTENSION IF NOT EXISTS btree_gist;

-- What can be bought, and which version of it. Whoever changes a product locks its row.
CREATE TABLE promotion_products (
    key     text PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 40),
    version integer NOT NULL CHECK (version >= 1)
);

-- Every version is kept: purchases refer to them.
CREATE TABLE promotion_product_versions (
    product          text NOT NULL REFERENCES promotion_products (key),
    version          integer NOT NULL CHECK (version >= 1),
    title            text NOT NULL,
    effect           text NOT NULL,
    currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- Days and minor units, the shortest term first. Checked by the domain when it is written.
    prices           jsonb NOT NULL CHECK (jsonb_typeof(prices) = 'array'),
    per_provider     integer CHECK (per_provider BETWEEN 1 AND 65535),
    start_ahead_days integer NOT NULL CHECK (start_ahead_days BETWEEN 0 AND 365),
    end_ahead_days   integer NOT NULL CHECK (end_ahead_days BETWEEN 1 AND 1095),
    closed           boolean NOT NULL,
    declared_at      timestamptz NOT NULL,
    PRIMARY KEY (product, version),
    CONSTRAINT promotion_product_versions_effect CHECK (effect IN ('top', 'detailed', 'pro'))
);

ALTER TABLE promotion_products ADD CONSTRAINT promotion_products_version
    FOREIGN KEY (key, version) REFERENCES promotion_product_versions (product, version)
    DEFERRABLE INITIALLY DEFERRED;

-- Whoever buys, pays or cancels for a provider locks this row first. It is narrow, and nothing
-- refers to it, so that the lock stops nobody else.
CREATE TABLE promotion_locks (
    provider_id uuid PRIMARY KEY
);

CREATE TABLE promotions (
    id              uuid PRIMARY KEY,
    account_id      uuid NOT NULL CONSTRAINT promotions_of_account REFERENCES accounts (id),
    provider_id     uuid NOT NULL CONSTRAINT promotions_of_provider REFERENCES providers (id),
    -- Set: it is for this listing; unset: for the provider. A listing that was promoted is
    -- archived, never deleted.
    listing_id      uuid CONSTRAINT promotions_of_listing REFERENCES listings (id),
    -- What is promoted, whichever it is.
    target_id       uuid NOT NULL GENERATED ALWAYS AS (COALESCE(listing_id, provider_id)) STORED,
    -- What of which product was bought, frozen.
    product         text NOT NULL,
    product_version integer NOT NULL,
    title           text NOT NULL,
    effect          text NOT NULL,
    term_days       smallint NOT NULL,
    -- Price, discount, refund and what was returned are in one currency.
    price_minor     bigint NOT NULL CHECK (price_minor > 0),
    currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    coupon_use_id   uuid,
    coupon_code     text,
    discount_minor  bigint,
    wanted_start    timestamptz,
    created_at      timestamptz NOT NULL,
    stage           text NOT NULL,
    pay_by          timestamptz,
    paid_at         timestamptz,
    -- Its time while it is paid; the part of it that it ran once it is cancelled.
    starts_at       timestamptz,
    ends_at         timestamptz,
    -- Which payment paid for it; unset if a coupon took off the whole price.
    payment_id      uuid,
    returned_minor  bigint CHECK (returned_minor >= 0),
    -- The last thing that people were told about its time.
    told            text,
    cancelled_at    timestamptz,
    cause           text,
    reason          text,
    refund_minor    bigint CHECK (refund_minor >= 0),
    version         integer NOT NULL CHECK (version >= 1),
    CONSTRAINT promotions_product FOREIGN KEY (product, product_version)
        REFERENCES promotion_product_versions (product, version),
    CONSTRAINT promotions_effect CHECK (
        CASE WHEN listing_id IS NULL THEN effect = 'pro' ELSE effect IN ('top', 'detailed') END
    ),
    CONSTRAINT promotions_term CHECK (term_days IN (7, 14, 30)),
    CONSTRAINT promotions_discount CHECK (
        num_nonnulls(coupon_use_id, coupon_code, discount_minor) IN (0, 3)
        AND (discount_minor IS NULL OR discount_minor BETWEEN 0 AND price_minor)
    ),
    CONSTRAINT promotions_time CHECK (
        (starts_at IS NULL) = (ends_at IS NULL) AND (starts_at IS NULL OR starts_at < ends_at)
    ),
    CONSTRAINT promotions_told
        CHECK (told IN ('started', 'three_days_left', 'one_day_left', 'expired')),
    CONSTRAINT promotions_stage CHECK (
        CASE stage
            WHEN 'pending_payment' THEN pay_by IS NOT NULL AND num_nonnulls(
                paid_at, starts_at, payment_id, returned_minor, told, cancelled_at, cause, reason,
                refund_minor) = 0
            WHEN 'paid' THEN paid_at IS NOT NULL AND starts_at IS NOT NULL
                AND (payment_id IS NULL) = (returned_minor IS NULL)
                AND num_nonnulls(pay_by, cancelled_at, cause, reason, refund_minor) = 0
            WHEN 'cancelled' THEN cancelled_at IS NOT NULL AND refund_minor IS NOT NULL
                AND cause IS NOT NULL
                AND cause IN
                    ('owner', 'admin', 'payment_failed', 'unpaid', 'refunded', 'charged_back')
                AND num_nonnulls(pay_by, paid_at, returned_minor, told) = 0
            ELSE false
        END
    ),
    -- The last word on paying twice for one moment.
    CONSTRAINT promotions_overlap EXCLUDE USING gist
        (target_id WITH =, effect WITH =, tstzrange(starts_at, ends_at) WITH &&)
        WHERE (stage = 'paid')
) WITH (fillfactor = 85);

CREATE INDEX promotions_newest ON promotions (created_at DESC, id DESC);
CREATE INDEX promotions_by_stage ON promotions (stage, created_at DESC, id DESC);
CREATE INDEX promotions_of_provider_newest ON promotions (provider_id, created_at DESC, id DESC);
-- What limits count, and what a new one must not overlap.
CREATE INDEX promotions_open ON promotions (provider_id, effect) WHERE stage <> 'cancelled';
CREATE INDEX promotions_unpaid ON promotions (provider_id) WHERE stage = 'pending_payment';
CREATE INDEX promotions_by_listing ON promotions (listing_id) WHERE listing_id IS NOT NULL;
-- What a listing or provider has now: one probe per flag in every query that shows one.
CREATE INDEX promotions_in_force ON promotions (target_id, effect, ends_at) INCLUDE (starts_at)
    WHERE stage = 'paid';
-- Who may take a turn before the results of a search.
CREATE INDEX promotions_on_top ON promotions (ends_at) INCLUDE (starts_at, listing_id)
    WHERE stage = 'paid' AND effect = 'top';

CREATE TABLE coupons (
    id                uuid PRIMARY KEY,
    -- Closed or not, a code names one coupon.
    code              text NOT NULL CONSTRAINT coupons_code_taken UNIQUE,
    -- Either so many hundredths, or an amount.
    percent           smallint CHECK (percent BETWEEN 1 AND 100),
    amount_minor      bigint CHECK (amount_minor > 0),
    amount_currency   text CHECK (amount_currency ~ '^[A-Z]{3}$'),
    purpose           text NOT NULL,
    minimum_minor     bigint CHECK (minimum_minor > 0),
    minimum_currency  text CHECK (minimum_currency ~ '^[A-Z]{3}$'),
    starts_at         timestamptz NOT NULL,
    ends_at           timestamptz,
    total_limit       integer CHECK (total_limit > 0),
    per_account_limit integer CHECK (per_account_limit > 0),
    closed_at         timestamptz,
    created_at        timestamptz NOT NULL,
    version           integer NOT NULL CHECK (version >= 1),
    CONSTRAINT coupons_code CHECK (code ~ '^[A-Z0-9]+(-[A-Z0-9]+)*$' AND length(code) <= 32),
    CONSTRAINT coupons_discount CHECK (
        num_nonnulls(percent, amount_minor) = 1
        AND (amount_minor IS NULL) = (amount_currency IS NULL)
    ),
    CONSTRAINT coupons_minimum CHECK ((minimum_minor IS NULL) = (minimum_currency IS NULL)),
    CONSTRAINT coupons_purpose CHECK
        (purpose IN ('booking', 'order', 'subscription', 'promotion', 'purchase', 'auction')),
    CONSTRAINT coupons_time CHECK (ends_at > starts_at)
);

CREATE INDEX coupons_newest ON coupons (created_at DESC, id DESC);

-- How often a coupon was used, apart from it: its row is locked by whoever uses it, and nothing
-- refers to it. The copy of the limit makes the limit a constraint.
CREATE TABLE coupon_counts (
    coupon_id   uuid PRIMARY KEY REFERENCES coupons (id) ON DELETE CASCADE,
    used        integer NOT NULL CHECK (used >= 0),
    total_limit integer,
    CONSTRAINT coupon_counts_limit CHECK (used <= total_limit)
);

-- The same by account. The copy of the limit is as old as the last use that counted.
CREATE TABLE coupon_account_counts (
    coupon_id         uuid NOT NULL REFERENCES coupon_counts (coupon_id) ON DELETE CASCADE,
    account_id        uuid NOT NULL,
    used              integer NOT NULL CHECK (used >= 0),
    per_account_limit integer,
    PRIMARY KEY (coupon_id, account_id),
    CONSTRAINT coupon_account_counts_limit CHECK (used <= per_account_limit)
);

CREATE TABLE coupon_uses (
    id             uuid PRIMARY KEY,
    coupon_id      uuid NOT NULL CONSTRAINT coupon_uses_of_coupon REFERENCES coupons (id),
    code           text NOT NULL,
    -- What it is used for, as payments name it.
    purpose        text NOT NULL,
    reference      text NOT NULL,
    account_id     uuid NOT NULL CONSTRAINT coupon_uses_of_account REFERENCES accounts (id),
    discount_minor bigint NOT NULL CHECK (discount_minor >= 0),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    state          text NOT NULL,
    -- Released then, unless it was paid for.
    reserved_until timestamptz,
    ended_at       timestamptz,
    created_at     timestamptz NOT NULL,
    CONSTRAINT coupon_uses_purpose CHECK
        (purpose IN ('booking', 'order', 'subscription', 'promotion', 'purchase', 'auction')),
    CONSTRAINT coupon_uses_state CHECK (
        CASE state
            WHEN 'reserved' THEN reserved_until IS NOT NULL AND ended_at IS NULL
            WHEN 'redeemed' THEN reserved_until IS NULL AND ended_at IS NOT NULL
            WHEN 'released' THEN reserved_until IS NULL AND ended_at IS NOT NULL
            ELSE false
        END
    )
);

-- A thing has one coupon.
CREATE UNIQUE INDEX coupon_uses_one_per_thing ON coupon_uses (purpose, reference)
    WHERE state <> 'released';
CREATE INDEX coupon_uses_by_coupon ON coupon_uses (coupon_id);

ALTER TABLE notifications
    DROP CONSTRAINT notifications_topic,
    ADD CONSTRAINT notifications_topic CHECK (topic IN (
        'bookings', 'payments', 'promotions', 'reviews', 'listings', 'moderation', 'account'
    )) NOT VALID;

ALTER TABLE mails
    DROP CONSTRAINT mails_topic,
    ADD CONSTRAINT mails_topic CHECK (topic IN (
        'bookings', 'payments', 'promotions', 'reviews', 'listings', 'moderation', 'account'
    )) NOT VALID;

ALTER TABLE notification_preferences
    DROP CONSTRAINT notification_preferences_topic,
    ADD CONSTRAINT notification_preferences_topic CHECK (topic IN (
        'bookings', 'payments', 'promotions', 'reviews', 'listings', 'moderation'
    )) NOT VALID;

ALTER TABLE notifications VALIDATE CONSTRAINT notifications_topic;
ALTER TABLE mails VALIDATE CONSTRAINT mails_topic;
ALTER TABLE notification_preferences VALIDATE CONSTRAINT notification_preferences_topic;

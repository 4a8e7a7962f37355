-- Payments, kept cards, gateways' messages, the ledger, payouts, plans, subscriptions, rights,
-- invoices.

-- A card that a gateway keeps. Its token is encrypted; the digest finds the same card again.
CREATE TABLE saved_cards (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL CONSTRAINT saved_cards_of_account REFERENCES accounts (id),
    gateway      text NOT NULL,
    -- Which key the token is encrypted with.
    token_key    smallint NOT NULL,
    token        bytea NOT NULL,
    token_digest bytea NOT NULL CHECK (octet_length(token_digest) = 32),
    brand        text NOT NULL,
    last_four    text NOT NULL,
    expires      text,
    created_at   timestamptz NOT NULL,
    removed_at   timestamptz,
    CONSTRAINT saved_cards_gateway CHECK (gateway IN ('stripe', 'cloudpayments', 'sandbox', 'manual')),
    CONSTRAINT saved_cards_last_four CHECK (length(last_four) <= 4),
    CONSTRAINT saved_cards_once UNIQUE (account_id, token_digest)
);

CREATE INDEX saved_cards_of_account_newest ON saved_cards (account_id, created_at DESC, id DESC)
    WHERE removed_at IS NULL;

-- One attempt to move money for one purpose.
CREATE TABLE payments (
    id                 uuid PRIMARY KEY,
    purpose            text NOT NULL,
    purpose_id         uuid NOT NULL,
    payer_id           uuid NOT NULL CONSTRAINT payments_of_payer REFERENCES accounts (id),
    -- Both unset: the marketplace itself sells.
    seller_provider_id uuid CONSTRAINT payments_of_provider REFERENCES providers (id),
    seller_account_id  uuid REFERENCES accounts (id),
    amount_minor       bigint NOT NULL CHECK (amount_minor > 0),
    currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    gateway            text NOT NULL,
    capture            text NOT NULL,
    initiator          text NOT NULL,
    -- The card that the marketplace charges without its owner.
    card_id            uuid CONSTRAINT payments_by_card REFERENCES saved_cards (id),
    -- How it is divided, what it gives the right to, what it is called: frozen.
    agreement          jsonb NOT NULL,
    -- The payer's way through 3-D Secure; secrets in it are encrypted.
    challenge          jsonb,
    transaction_id     text,
    -- How far the gateway's transaction is, and what only that stage knows.
    stage              text NOT NULL,
    stage_detail       jsonb NOT NULL,
    -- As people see it: stage and sums.
    status             text NOT NULL,
    captured_minor     bigint NOT NULL,
    refunded_minor     bigint NOT NULL,
    charged_back_minor bigint NOT NULL,
    reinstated_minor   bigint NOT NULL,
    -- What is to be done with a reservation.
    wanted             text,
    -- What is with the gateway, and when it is asked.
    progress           jsonb NOT NULL,
    -- Whose the provider's part is, and what is kept back of it.
    holding            text NOT NULL,
    custody            jsonb NOT NULL,
    -- Neither failed, nor let go, nor to be let go. Money that comes late for a purpose that is
    -- paid for otherwise by then does not claim it again.
    live               boolean NOT NULL,
    concerns           text[] NOT NULL,
    -- Whether people have to look.
    parked             boolean NOT NULL,
    created_at         timestamptz NOT NULL,
    version            integer NOT NULL CHECK (version >= 1),
    CONSTRAINT payments_purpose CHECK
        (purpose IN ('booking', 'order', 'subscription', 'promotion', 'purchase', 'auction')),
    CONSTRAINT payments_seller CHECK
        ((seller_provider_id IS NULL) = (seller_account_id IS NULL)),
    CONSTRAINT payments_gateway CHECK (gateway IN ('stripe', 'cloudpayments', 'sandbox', 'manual')),
    CONSTRAINT payments_capture CHECK (capture IN ('at_once', 'later')),
    CONSTRAINT payments_initiator CHECK (
        initiator IN ('payer', 'checkout', 'engine', 'gateway')
        AND (initiator = 'engine') = (card_id IS NOT NULL)
    ),
    CONSTRAINT payments_stage CHECK (
        CASE stage
            WHEN 'created' THEN true
            WHEN 'requires_action' THEN true
            WHEN 'processing' THEN stage_detail ? 'unknown'
            WHEN 'failed' THEN stage_detail ?& ARRAY['at', 'decline']
            WHEN 'authorized' THEN transaction_id IS NOT NULL
            WHEN 'voided' THEN stage_detail ? 'at'
            WHEN 'captured' THEN stage_detail ? 'at' AND transaction_id IS NOT NULL
            ELSE false
        END
    ),
    CONSTRAINT payments_status CHECK (
        CASE WHEN status IN ('captured', 'partially_refunded', 'refunded', 'charged_back')
             THEN stage = 'captured' ELSE status = stage END
    ),
    CONSTRAINT payments_sums CHECK (
        captured_minor BETWEEN 0 AND amount_minor
        AND refunded_minor BETWEEN 0 AND captured_minor
        AND charged_back_minor BETWEEN 0 AND captured_minor
        AND reinstated_minor BETWEEN 0 AND charged_back_minor
        AND (captured_minor > 0) = (stage = 'captured')
    ),
    CONSTRAINT payments_wanted CHECK (wanted IN ('capture', 'void')),
    CONSTRAINT payments_holding CHECK (
        holding IN ('nothing', 'held', 'releasing', 'frozen', 'released')
        AND (holding NOT IN ('releasing', 'released') OR custody ? 'at')
        -- What is about to be taken may be delivered or disputed before it arrives.
        AND (holding <> 'released' OR captured_minor > 0)
    ),
    CONSTRAINT payments_parked CHECK (parked = (concerns <> '{}'))
) WITH (fillfactor = 80);

-- The last word on paying twice for one thing. A subscription is paid for period by period.
CREATE UNIQUE INDEX payments_one_live ON payments (purpose, purpose_id)
    WHERE live AND purpose <> 'subscription';
CREATE UNIQUE INDEX payments_of_transaction ON payments (gateway, transaction_id)
    WHERE transaction_id IS NOT NULL;
CREATE INDEX payments_of_purpose ON payments (purpose, purpose_id, created_at DESC, id DESC);
CREATE INDEX payments_of_payer_newest ON payments (payer_id, created_at DESC, id DESC);
CREATE INDEX payments_of_payer_by_status ON payments (payer_id, status, created_at DESC, id DESC);
CREATE INDEX payments_newest ON payments (created_at DESC, id DESC);
CREATE INDEX payments_by_status ON payments (status, created_at DESC, id DESC);
CREATE INDEX payments_parked_newest ON payments (created_at DESC, id DESC) WHERE parked;

-- Money that goes back, in the order in which it was asked for.
CREATE TABLE refunds (
    id           uuid PRIMARY KEY,
    payment_id   uuid NOT NULL CONSTRAINT refunds_of_payment REFERENCES payments (id),
    number       integer NOT NULL CHECK (number >= 1),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    reason       text NOT NULL,
    -- Unset: the marketplace itself.
    by_account   uuid,
    requested_at timestamptz NOT NULL,
    state        text NOT NULL,
    -- When the payer had it back, or the gateway refused.
    ended_at     timestamptz,
    decline      jsonb,
    CONSTRAINT refunds_in_order UNIQUE (payment_id, number),
    CONSTRAINT refunds_state CHECK (
        CASE state
            WHEN 'requested' THEN ended_at IS NULL AND decline IS NULL
            WHEN 'sent' THEN ended_at IS NULL AND decline IS NULL
            WHEN 'succeeded' THEN ended_at IS NOT NULL AND decline IS NULL
            WHEN 'failed' THEN ended_at IS NOT NULL AND decline IS NOT NULL
            ELSE false
        END
    )
);

-- What gateways send, once each.
CREATE TABLE gateway_messages (
    id          uuid PRIMARY KEY,
    gateway     text NOT NULL,
    event_id    text NOT NULL,
    kind        text NOT NULL,
    subject     text NOT NULL,
    payment_id  uuid,
    -- The gateway's name for what it is about.
    reference   text,
    body        bytea NOT NULL CHECK (octet_length(body) <= 262144),
    received_at timestamptz NOT NULL,
    attempts    smallint NOT NULL CHECK (attempts >= 0),
    last_error  text,
    state       text NOT NULL,
    -- Since when it is in its state, or when it is tried again.
    state_at    timestamptz,
    CONSTRAINT gateway_messages_once UNIQUE (gateway, event_id),
    CONSTRAINT gateway_messages_gateway CHECK (gateway IN ('stripe', 'cloudpayments', 'sandbox', 'manual')),
    CONSTRAINT gateway_messages_subject CHECK (
        CASE subject
            WHEN 'payment' THEN reference IS NOT NULL
            WHEN 'subscription' THEN reference IS NOT NULL AND payment_id IS NULL
            WHEN 'payout' THEN reference IS NOT NULL AND payment_id IS NULL
            WHEN 'other' THEN reference IS NULL AND payment_id IS NULL
            ELSE false
        END
    ),
    CONSTRAINT gateway_messages_state CHECK (
        CASE WHEN state IN ('applied', 'ignored', 'failed', 'parked') THEN state_at IS NOT NULL
             ELSE state = 'received' AND state_at IS NULL END
    )
);

CREATE INDEX gateway_messages_newest ON gateway_messages (received_at DESC, id DESC);
CREATE INDEX gateway_messages_of_gateway
    ON gateway_messages (gateway, received_at DESC, id DESC);
CREATE INDEX gateway_messages_by_state ON gateway_messages (state, received_at DESC, id DESC);

-- A provider's money on its way to the provider.
CREATE TABLE payouts (
    id            uuid PRIMARY KEY,
    batch_id      uuid NOT NULL,
    provider_id   uuid NOT NULL CONSTRAINT payouts_of_provider REFERENCES providers (id),
    account_id    uuid NOT NULL REFERENCES accounts (id),
    amount_minor  bigint NOT NULL CHECK (amount_minor > 0),
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- Unset: by the marketplace's bank.
    gateway       text,
    state         text NOT NULL,
    state_at      timestamptz,
    reference     text,
    reason        text,
    attempt       integer NOT NULL CHECK (attempt >= 1),
    inquiry_since timestamptz NOT NULL,
    inquiry_asked smallint NOT NULL CHECK (inquiry_asked >= 0),
    approved_by   uuid,
    created_at    timestamptz NOT NULL,
    version       integer NOT NULL CHECK (version >= 1),
    CONSTRAINT payouts_gateway CHECK (gateway IN ('stripe', 'cloudpayments', 'sandbox', 'manual')),
    CONSTRAINT payouts_nobodys_own CHECK (approved_by <> account_id),
    CONSTRAINT payouts_state CHECK (
        CASE state
            WHEN 'awaiting_approval' THEN num_nonnulls(state_at, reference, reason) = 0
            WHEN 'ready' THEN num_nonnulls(state_at, reference, reason) = 0
            WHEN 'processing' THEN state_at IS NOT NULL AND reason IS NULL
            WHEN 'paid' THEN state_at IS NOT NULL AND reference IS NOT NULL AND reason IS NULL
            WHEN 'failed' THEN state_at IS NOT NULL AND reason IS NOT NULL AND reference IS NULL
            WHEN 'cancelled' THEN state_at IS NOT NULL AND num_nonnulls(reference, reason) = 0
            ELSE false
        END
    )
);

CREATE UNIQUE INDEX payouts_of_reference ON payouts (gateway, reference)
    WHERE gateway IS NOT NULL AND reference IS NOT NULL;
CREATE INDEX payouts_of_provider_newest ON payouts (provider_id, created_at DESC, id DESC);
CREATE INDEX payouts_newest ON payouts (created_at DESC, id DESC);

-- Terms that an admin set for one provider in place of the marketplace's.
CREATE TABLE payout_terms (
    provider_id uuid PRIMARY KEY REFERENCES providers (id),
    terms       jsonb NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- Where a provider's money goes; the gateway's name for it is encrypted.
CREATE TABLE payout_accounts (
    provider_id     uuid PRIMARY KEY REFERENCES providers (id),
    account_id      uuid NOT NULL REFERENCES accounts (id),
    -- Unset: by the marketplace's bank.
    gateway         text,
    destination_key smallint,
    destination     bytea,
    updated_at      timestamptz NOT NULL,
    CONSTRAINT payout_accounts_gateway CHECK (gateway IN ('stripe', 'cloudpayments', 'sandbox', 'manual')),
    CONSTRAINT payout_accounts_destination
        CHECK ((destination IS NULL) = (destination_key IS NULL))
);

-- The ledger. A journal is one balanced transaction; its postings are never changed. Debits are
-- positive, credits negative.
CREATE TABLE ledger_journals (
    id         uuid PRIMARY KEY,
    fact       text NOT NULL,
    -- Names the fact: it is posted once.
    reference  text NOT NULL CONSTRAINT ledger_journals_posted_once UNIQUE,
    payment_id uuid CONSTRAINT ledger_journals_of_payment REFERENCES payments (id),
    payout_id  uuid CONSTRAINT ledger_journals_of_payout REFERENCES payouts (id),
    at         timestamptz NOT NULL,
    -- Rises within a transaction; by it balances are counted once.
    number     bigint GENERATED ALWAYS AS IDENTITY,
    posted_by  xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT ledger_journals_fact CHECK (fact IN (
        'capture', 'release', 'refund', 'chargeback', 'reinstatement', 'reserve_hold',
        'reserve_release', 'clawback', 'payout_sent', 'payout_paid', 'payout_returned',
        'settlement'
    ))
);

CREATE UNIQUE INDEX ledger_journals_by_number ON ledger_journals (number);
CREATE INDEX ledger_journals_newest ON ledger_journals (at DESC, id DESC);
CREATE INDEX ledger_journals_of_payment_newest ON ledger_journals (payment_id, at DESC, id DESC)
    WHERE payment_id IS NOT NULL;

CREATE TABLE ledger_postings (
    id           uuid PRIMARY KEY,
    journal_id   uuid NOT NULL CONSTRAINT ledger_postings_of_journal
                 REFERENCES ledger_journals (id),
    number       smallint NOT NULL CHECK (number >= 1),
    account_kind text NOT NULL,
    -- A provider's id, a gateway's name, `platform`.
    owner        text NOT NULL,
    provider_id  uuid,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- The journal's.
    at           timestamptz NOT NULL,
    CONSTRAINT ledger_postings_in_order UNIQUE (journal_id, number),
    CONSTRAINT ledger_postings_account CHECK (
        CASE WHEN account_kind IN ('provider_pending', 'provider_payable', 'provider_reserve')
             THEN provider_id IS NOT NULL
             WHEN account_kind IN
                ('gateway_clearing', 'refunds', 'chargebacks', 'gateway_fees')
             THEN provider_id IS NULL AND owner IN ('stripe', 'cloudpayments', 'sandbox', 'manual')
             ELSE provider_id IS NULL AND owner = 'platform'
                AND account_kind IN ('platform_revenue', 'tax', 'payouts_in_transit', 'bank') END
    )
);

-- A provider's statement, and the journals that touch a provider.
CREATE INDEX ledger_postings_of_provider ON ledger_postings (provider_id, at DESC, id DESC)
    WHERE provider_id IS NOT NULL;
CREATE INDEX ledger_journals_of_provider ON ledger_postings (provider_id, at DESC, journal_id DESC)
    WHERE provider_id IS NOT NULL;
-- What a gateway took and gave within a time.
CREATE INDEX ledger_postings_of_account ON ledger_postings (owner, account_kind, at);

-- What stands on each account: its postings added up, by the trigger below and by nothing else.
-- Narrow rows that nothing refers to.
CREATE TABLE ledger_balances (
    owner         text NOT NULL,
    account_kind  text NOT NULL,
    currency      text NOT NULL,
    provider_id   uuid,
    balance_minor bigint NOT NULL,
    PRIMARY KEY (owner, account_kind, currency)
) WITH (fillfactor = 50);

CREATE INDEX ledger_balances_payable ON ledger_balances (provider_id, currency)
    WHERE account_kind = 'provider_payable';

CREATE TRIGGER ledger_journals_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON ledger_journals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_postings_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON ledger_postings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A posting belongs to a journal of its own transaction, and all of them add up to nothing in
-- each currency. Looked at when the transaction ends, as a journal comes line by line.
CREATE FUNCTION ledger_check_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    off bigint;
BEGIN
    SELECT sum(p.amount_minor) INTO off
    FROM ledger_postings p
    WHERE p.journal_id = NEW.journal_id AND p.currency = NEW.currency;
    IF off <> 0 THEN
        RAISE EXCEPTION 'journal % is off by % %', NEW.journal_id, off, NEW.currency
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_journals_balanced';
    END IF;
    IF NOT EXISTS (SELECT FROM ledger_journals j WHERE j.id = NEW.journal_id
                   AND j.at = NEW.at AND j.posted_by = pg_current_xact_id()) THEN
        RAISE EXCEPTION 'journal % was posted before', NEW.journal_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_journals_closed';
    END IF;
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER ledger_postings_balanced AFTER INSERT ON ledger_postings
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_check_balanced();

-- Moves the balances of all journals of a transaction at its end, in one order for everybody:
-- the accounts of all are locked for a moment only, and nobody waits in a circle. Accounts of
-- providers come first, as a run of payouts has locked some before.
CREATE FUNCTION ledger_count() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counted bigint := COALESCE(NULLIF(current_setting('ledger.counted', true), ''), '0')::bigint;
    last    bigint;
BEGIN
    IF NEW.number <= counted THEN
        RETURN NULL;
    END IF;
    SELECT max(number) INTO last FROM ledger_journals
    WHERE number >= NEW.number AND posted_by = pg_current_xact_id();
    INSERT INTO ledger_balances AS b (owner, account_kind, currency, provider_id, balance_minor)
    SELECT p.owner, p.account_kind, p.currency, p.provider_id, sum(p.amount_minor)
    FROM ledger_journals j JOIN ledger_postings p ON p.journal_id = j.id
    WHERE j.number BETWEEN NEW.number AND last AND j.posted_by = pg_current_xact_id()
    GROUP BY p.owner, p.account_kind, p.currency, p.provider_id
    ORDER BY p.provider_id NULLS LAST, p.owner, p.account_kind, p.currency
    ON CONFLICT (owner, account_kind, currency)
        DO UPDATE SET balance_minor = b.balance_minor + excluded.balance_minor;
    -- For this transaction only: numbers are never given twice.
    PERFORM set_config('ledger.counted', last::text, true);
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER ledger_journals_counted AFTER INSERT ON ledger_journals
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_count();

-- Balances move by postings alone.
CREATE FUNCTION ledger_guard_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION 'rows of % follow from postings', TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER ledger_balances_follow_postings BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON ledger_balances FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard_balances();

-- What can be subscribed to.
CREATE TABLE plans (
    id                 uuid PRIMARY KEY,
    seller_provider_id uuid CONSTRAINT plans_of_provider REFERENCES providers (id),
    seller_account_id  uuid REFERENCES accounts (id),
    -- `platform`, or the provider's id.
    seller             text NOT NULL,
    right_kind         text NOT NULL,
    right_id           uuid,
    name               text NOT NULL,
    description        text NOT NULL,
    tier               smallint NOT NULL CHECK (tier BETWEEN 1 AND 255),
    price_minor        bigint NOT NULL CHECK (price_minor > 0),
    currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    interval_unit      text NOT NULL CHECK (interval_unit IN ('day', 'week', 'month', 'year')),
    interval_count     smallint NOT NULL CHECK (interval_count >= 1),
    trial_days         smallint NOT NULL CHECK (trial_days BETWEEN 0 AND 365),
    trial_needs_card   boolean NOT NULL,
    dunning            jsonb NOT NULL,
    open               boolean NOT NULL,
    created_at         timestamptz NOT NULL,
    version            integer NOT NULL CHECK (version >= 1),
    CONSTRAINT plans_seller CHECK ((seller_provider_id IS NULL) = (seller_account_id IS NULL)),
    CONSTRAINT plans_right CHECK (
        right_kind IN ('provider', 'listing', 'selling')
        AND (right_kind = 'selling') = (right_id IS NULL)
    )
);

CREATE INDEX plans_of_seller ON plans (seller, price_minor, id);
CREATE INDEX plans_of_seller_open ON plans (seller, price_minor, id) WHERE open;

-- An account's running agreement to a plan.
CREATE TABLE subscriptions (
    id             uuid PRIMARY KEY,
    subscriber_id  uuid NOT NULL CONSTRAINT subscriptions_of_subscriber REFERENCES accounts (id),
    plan_id        uuid NOT NULL CONSTRAINT subscriptions_to_plan REFERENCES plans (id),
    right_kind     text NOT NULL,
    right_id       uuid,
    -- The plan as it was agreed, and the one that holds from the next period on.
    terms          jsonb NOT NULL,
    next_terms     jsonb,
    -- Who renews it: we by a card, or the gateway under its own name for it.
    gateway        text NOT NULL,
    reference      text,
    seen_version   bigint,
    card_id        uuid CONSTRAINT subscriptions_by_card REFERENCES saved_cards (id),
    state          text NOT NULL,
    state_detail   jsonb NOT NULL,
    -- Until when it gives access, by what was known at its last change.
    access_until   timestamptz,
    -- The charge whose outcome is awaited.
    pending        jsonb,
    created_at     timestamptz NOT NULL,
    version        integer NOT NULL CHECK (version >= 1),
    CONSTRAINT subscriptions_right CHECK (
        right_kind IN ('provider', 'listing', 'selling')
        AND (right_kind = 'selling') = (right_id IS NULL)
    ),
    CONSTRAINT subscriptions_gateway CHECK (gateway IN ('stripe', 'cloudpayments', 'sandbox', 'manual')),
    CONSTRAINT subscriptions_driver CHECK ((reference IS NULL) = (seen_version IS NULL)),
    CONSTRAINT subscriptions_state CHECK (
        CASE state
            WHEN 'incomplete' THEN state_detail ?& ARRAY['at', 'trial_days']
            WHEN 'trialing' THEN state_detail ?& ARRAY['at', 'card']
            WHEN 'paused' THEN state_detail ? 'at'
            WHEN 'active' THEN state_detail ?& ARRAY['period', 'ends']
            WHEN 'past_due' THEN state_detail ?& ARRAY['period', 'at', 'hard']
            WHEN 'suspended' THEN state_detail ? 'at'
            WHEN 'canceled' THEN state_detail ? 'at' AND state_detail ?| ARRAY['period', 'card']
            WHEN 'expired' THEN state_detail ? 'at'
            ELSE false
        END
    ),
    CONSTRAINT subscriptions_access CHECK (
        (access_until IS NULL) = (state IN ('incomplete', 'paused', 'suspended', 'expired'))
    )
);

-- One running subscription to a right; also whether there ever was one.
CREATE UNIQUE INDEX subscriptions_one_running
    ON subscriptions (subscriber_id, right_kind, right_id) NULLS NOT DISTINCT
    WHERE state <> 'expired';
CREATE INDEX subscriptions_to_right ON subscriptions (subscriber_id, right_kind, right_id);
CREATE INDEX subscriptions_of_subscriber_newest
    ON subscriptions (subscriber_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX subscriptions_of_reference ON subscriptions (gateway, reference)
    WHERE reference IS NOT NULL;
CREATE INDEX subscriptions_on_card ON subscriptions (card_id, id)
    WHERE card_id IS NOT NULL AND state <> 'expired';

-- What an account has a right to, from what, until when.
CREATE TABLE entitlements (
    source      text NOT NULL,
    source_id   uuid NOT NULL,
    account_id  uuid NOT NULL CONSTRAINT entitlements_of_account REFERENCES accounts (id),
    right_kind  text NOT NULL,
    right_id    uuid,
    tier        smallint NOT NULL CHECK (tier BETWEEN 1 AND 255),
    -- Unset: for good.
    holds_until timestamptz,
    PRIMARY KEY (source_id, source),
    CONSTRAINT entitlements_source CHECK (
        CASE source WHEN 'subscription' THEN holds_until IS NOT NULL
                    WHEN 'purchase' THEN true ELSE false END
    ),
    CONSTRAINT entitlements_right CHECK (
        right_kind IN ('provider', 'listing', 'selling')
        AND (right_kind = 'selling') = (right_id IS NULL)
    )
);

CREATE INDEX entitlements_to_right ON entitlements (account_id, right_kind, right_id);

-- The last number of each seller and year. Its row is locked until the transaction ends, so that
-- a number that is undone is given again.
CREATE TABLE invoice_numbers (
    seller text NOT NULL,
    year   integer NOT NULL,
    last   integer NOT NULL CHECK (last >= 1),
    PRIMARY KEY (seller, year)
);

-- What was paid, on paper. Never changed.
CREATE TABLE invoices (
    id                 uuid PRIMARY KEY,
    seller             text NOT NULL,
    year               integer NOT NULL,
    sequence           integer NOT NULL CHECK (sequence >= 1),
    seller_provider_id uuid CONSTRAINT invoices_of_provider REFERENCES providers (id),
    seller_account_id  uuid REFERENCES accounts (id),
    seller_party       jsonb NOT NULL,
    payer_id           uuid NOT NULL CONSTRAINT invoices_of_payer REFERENCES accounts (id),
    payer_party        jsonb NOT NULL,
    payment_id         uuid NOT NULL CONSTRAINT invoices_once UNIQUE REFERENCES payments (id),
    purpose            text NOT NULL,
    purpose_id         uuid NOT NULL,
    lines              jsonb NOT NULL,
    total_minor        bigint NOT NULL CHECK (total_minor >= 0),
    tax_minor          bigint NOT NULL CHECK (tax_minor BETWEEN 0 AND total_minor),
    currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    tax_basis_points   integer NOT NULL CHECK (tax_basis_points >= 0),
    issued_at          timestamptz NOT NULL,
    CONSTRAINT invoices_number UNIQUE (seller, year, sequence),
    CONSTRAINT invoices_purpose CHECK
        (purpose IN ('booking', 'order', 'subscription', 'promotion', 'purchase', 'auction')),
    CONSTRAINT invoices_seller CHECK ((seller_provider_id IS NULL) = (seller_account_id IS NULL))
);

CREATE INDEX invoices_of_payer_newest ON invoices (payer_id, issued_at DESC, id DESC);
CREATE INDEX invoices_of_seller_newest ON invoices (seller_provider_id, issued_at DESC, id DESC);

CREATE TRIGGER invoices_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE
    ON invoices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

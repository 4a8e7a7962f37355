-- Requests, quotes and appointments; opening hours; calendar links.

-- Exclusion of the same provider at overlapping times needs equality of uuids in a GiST index.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE bookings (
    id                  uuid PRIMARY KEY,
    -- A listing that was booked is archived, never deleted.
    listing_id          uuid NOT NULL CONSTRAINT bookings_of_listing REFERENCES listings (id),
    title               text NOT NULL,
    client_id           uuid NOT NULL CONSTRAINT bookings_of_client REFERENCES accounts (id),
    provider_id         uuid NOT NULL CONSTRAINT bookings_of_provider REFERENCES providers (id),
    provider_account_id uuid NOT NULL REFERENCES accounts (id),
    process             text NOT NULL,
    message             text NOT NULL,
    -- Budget, price and refund are in one currency.
    budget_minor        bigint CHECK (budget_minor > 0),
    price_minor         bigint CHECK (price_minor >= 0),
    currency            text,
    slot_start          timestamptz,
    slot_end            timestamptz,
    -- The slot with its buffers.
    busy_start          timestamptz,
    busy_end            timestamptz,
    -- How many the provider could serve at once when it was booked.
    capacity            integer CHECK (capacity >= 1),
    funds               text NOT NULL,
    funds_until         timestamptz,
    cancellation        jsonb NOT NULL,
    offers              jsonb NOT NULL,
    changes_left        smallint NOT NULL CHECK (changes_left >= 0),
    status              text NOT NULL,
    -- Since when it is in its state, where the state says so.
    since               timestamptz,
    -- The deadline of the state, where it has one of its own.
    due_at              timestamptz,
    -- What completed or cancelled it.
    cause               text,
    reason              text,
    refund_minor        bigint CHECK (refund_minor >= 0),
    -- Another time that one side proposes.
    proposal            jsonb,
    created_at          timestamptz NOT NULL,
    accepted_at         timestamptz,
    stale_at            timestamptz,
    version             integer NOT NULL CHECK (version >= 1),
    CONSTRAINT bookings_two_sides CHECK (client_id <> provider_account_id),
    CONSTRAINT bookings_process CHECK (process IN ('request', 'quote', 'appointment')),
    CONSTRAINT bookings_slot CHECK (
        CASE WHEN process = 'appointment'
             THEN slot_start < slot_end AND busy_start <= slot_start AND slot_end <= busy_end
                  AND capacity IS NOT NULL AND budget_minor IS NULL
             ELSE num_nonnulls(slot_start, slot_end, busy_start, busy_end, capacity) = 0 END
    ),
    CONSTRAINT bookings_money CHECK (
        (currency IS NOT NULL) = (num_nonnulls(budget_minor, price_minor) > 0)
    ),
    CONSTRAINT bookings_refund CHECK (refund_minor IS NULL OR refund_minor <= price_minor),
    CONSTRAINT bookings_funds CHECK (
        funds IN ('not_taken', 'awaited', 'authorised', 'captured', 'settled')
        AND (funds = 'authorised' OR funds_until IS NULL)
    ),
    CONSTRAINT bookings_status CHECK (
        CASE status
            WHEN 'awaiting_payment' THEN due_at IS NOT NULL AND process = 'appointment'
            WHEN 'requested' THEN due_at IS NOT NULL
            WHEN 'accepted' THEN accepted_at IS NOT NULL
            WHEN 'in_progress' THEN since IS NOT NULL
            WHEN 'done' THEN since IS NOT NULL AND due_at IS NOT NULL
            WHEN 'disputed' THEN since IS NOT NULL AND due_at IS NOT NULL AND reason IS NOT NULL
            WHEN 'completed' THEN since IS NOT NULL
                AND cause IN ('confirmed', 'automatic', 'resolved', 'no_show')
            WHEN 'declined' THEN since IS NOT NULL
            WHEN 'withdrawn' THEN since IS NOT NULL
            WHEN 'expired' THEN since IS NOT NULL
            WHEN 'cancelled' THEN since IS NOT NULL
                AND cause IN ('client', 'provider', 'no_show', 'stale', 'resolved', 'undecided')
            ELSE false
        END
    ),
    CONSTRAINT bookings_proposal CHECK (proposal IS NULL OR status = 'accepted'),
    CONSTRAINT bookings_agreed CHECK ((accepted_at IS NULL) = (stale_at IS NULL)),
    -- The last word on a slot of a provider who serves one at a time. Several seats are counted
    -- under the lock of the calendar.
    CONSTRAINT bookings_slot_taken EXCLUDE USING gist
        (provider_id WITH =, tstzrange(busy_start, busy_end) WITH &&)
        WHERE (capacity = 1
            AND status IN ('awaiting_payment', 'requested', 'accepted', 'in_progress', 'done'))
) WITH (fillfactor = 85);

CREATE INDEX bookings_of_client_newest ON bookings (client_id, created_at DESC, id DESC);
CREATE INDEX bookings_of_client_by_status
    ON bookings (client_id, status, created_at DESC, id DESC);
CREATE INDEX bookings_of_provider_newest
    ON bookings (provider_account_id, created_at DESC, id DESC);
CREATE INDEX bookings_of_provider_by_status
    ON bookings (provider_account_id, status, created_at DESC, id DESC);
CREATE INDEX bookings_by_listing ON bookings (listing_id);
-- What a provider has booked already; what a person's calendar shows.
CREATE INDEX bookings_in_calendar ON bookings (provider_id, slot_start)
    WHERE slot_start IS NOT NULL;
CREATE INDEX bookings_of_client_by_slot ON bookings (client_id, slot_start)
    WHERE slot_start IS NOT NULL;
CREATE INDEX bookings_of_provider_by_slot ON bookings (provider_account_id, slot_start)
    WHERE slot_start IS NOT NULL;
CREATE INDEX bookings_to_decide ON bookings (created_at, id) WHERE status = 'disputed';

-- What happened to a booking; its number is the version it led to.
CREATE TABLE booking_history (
    booking_id  uuid NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    number      integer NOT NULL CHECK (number >= 1),
    at          timestamptz NOT NULL,
    by_side     text NOT NULL CONSTRAINT booking_history_side
                CHECK (by_side IN ('client', 'provider', 'moderator', 'clock', 'gateway')),
    account_id  uuid,
    command     text NOT NULL,
    from_status text,
    to_status   text NOT NULL,
    note        text,
    PRIMARY KEY (booking_id, number)
);

-- Which deadlines people were reminded of, so that a job that runs again reminds nobody twice.
CREATE TABLE booking_reminders (
    booking_id uuid NOT NULL REFERENCES bookings (id) ON DELETE CASCADE,
    kind       text NOT NULL,
    due_at     timestamptz NOT NULL,
    PRIMARY KEY (booking_id, kind, due_at)
);

-- When a provider can be booked. The document is checked by the domain when it is written.
CREATE TABLE availabilities (
    provider_id uuid PRIMARY KEY REFERENCES providers (id) ON DELETE CASCADE,
    rules       jsonb NOT NULL,
    updated_at  timestamptz NOT NULL
);

-- Whoever books a time with a provider locks this row first. It is narrow, and nothing refers to
-- it, so that the lock stops nobody else.
CREATE TABLE calendar_locks (
    provider_id uuid PRIMARY KEY
);

-- Where a listing differs from its provider's hours and from the marketplace's policy.
CREATE TABLE appointment_settings (
    listing_id            uuid PRIMARY KEY REFERENCES listings (id) ON DELETE CASCADE,
    duration_minutes      integer CHECK (duration_minutes BETWEEN 5 AND 1440),
    buffer_before_minutes integer CHECK (buffer_before_minutes BETWEEN 0 AND 720),
    buffer_after_minutes  integer CHECK (buffer_after_minutes BETWEEN 0 AND 720),
    cancellation          jsonb,
    updated_at            timestamptz NOT NULL
);

-- The secret address of a person's calendar, as a digest.
CREATE TABLE calendar_links (
    account_id uuid PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    digest     bytea NOT NULL CONSTRAINT calendar_links_digest UNIQUE
               CHECK (octet_length(digest) = 32),
    created_at timestamptz NOT NULL
);

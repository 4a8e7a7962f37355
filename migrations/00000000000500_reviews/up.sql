-- Reviews of completed bookings, what readers think of them, and the ratings they add up to.

CREATE TABLE reviews (
    id             uuid PRIMARY KEY,
    booking_id     uuid NOT NULL CONSTRAINT reviews_of_booking REFERENCES bookings (id),
    listing_id     uuid NOT NULL REFERENCES listings (id),
    provider_id    uuid NOT NULL REFERENCES providers (id),
    -- Which side of the booking wrote it.
    side           text NOT NULL,
    author_id      uuid NOT NULL REFERENCES accounts (id),
    -- Whom it is about: the account of the other side.
    subject_id     uuid NOT NULL REFERENCES accounts (id),
    stars          smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    body           text NOT NULL,
    -- Stars by criterion.
    criteria       jsonb NOT NULL,
    status         text NOT NULL,
    confirm_by     timestamptz,
    confirmed_at   timestamptz,
    published_at   timestamptz,
    hidden_at      timestamptz,
    hidden_reason  text,
    discarded_at   timestamptz,
    reply          text,
    replied_at     timestamptz,
    -- When the time to review the booking is over.
    window_ends_at timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    edited_at      timestamptz,
    helpful_count  integer NOT NULL DEFAULT 0 CHECK (helpful_count >= 0),
    open_reports   integer NOT NULL DEFAULT 0 CHECK (open_reports >= 0),
    version        integer NOT NULL CHECK (version >= 1),
    CONSTRAINT reviews_side CHECK (side IN ('client', 'provider')),
    CONSTRAINT reviews_of_another CHECK (author_id <> subject_id),
    CONSTRAINT reviews_status CHECK (
        CASE status
            WHEN 'draft' THEN confirmed_at IS NULL
            WHEN 'pending_confirmation' THEN confirm_by IS NOT NULL AND confirmed_at IS NULL
            WHEN 'pending_moderation' THEN confirmed_at IS NOT NULL
            WHEN 'held' THEN confirmed_at IS NOT NULL AND published_at IS NULL
            WHEN 'published' THEN confirmed_at IS NOT NULL AND published_at IS NOT NULL
            WHEN 'hidden' THEN confirmed_at IS NOT NULL AND hidden_at IS NOT NULL
                AND hidden_reason IS NOT NULL
            WHEN 'discarded' THEN discarded_at IS NOT NULL
            ELSE false
        END
    ),
    CONSTRAINT reviews_hidden CHECK ((status = 'hidden') = (hidden_at IS NOT NULL)),
    CONSTRAINT reviews_reply CHECK ((reply IS NULL) = (replied_at IS NULL))
) WITH (fillfactor = 85);

-- A booking is reviewed once per side; what was discarded may be written again.
CREATE UNIQUE INDEX reviews_once_per_side ON reviews (booking_id, side)
    WHERE status <> 'discarded';

-- What everyone reads, in each order.
CREATE INDEX reviews_of_listing_newest ON reviews (listing_id, published_at DESC, id DESC)
    WHERE status = 'published' AND side = 'client';
CREATE INDEX reviews_of_listing_helpful ON reviews (listing_id, helpful_count DESC, id DESC)
    WHERE status = 'published' AND side = 'client';
CREATE INDEX reviews_of_listing_stars ON reviews (listing_id, stars DESC, id DESC)
    WHERE status = 'published' AND side = 'client';
CREATE INDEX reviews_of_provider_newest ON reviews (provider_id, published_at DESC, id DESC)
    WHERE status = 'published' AND side = 'client';
CREATE INDEX reviews_of_provider_helpful ON reviews (provider_id, helpful_count DESC, id DESC)
    WHERE status = 'published' AND side = 'client';
CREATE INDEX reviews_of_provider_stars ON reviews (provider_id, stars DESC, id DESC)
    WHERE status = 'published' AND side = 'client';

CREATE INDEX reviews_by_author ON reviews (author_id, created_at DESC, id DESC);
CREATE INDEX reviews_about_account ON reviews (subject_id, published_at DESC, id DESC)
    WHERE status = 'published';

-- What waits for moderators.
CREATE INDEX reviews_to_moderate ON reviews (confirmed_at, id)
    WHERE status = 'pending_moderation';
CREATE INDEX reviews_reported ON reviews (published_at, id)
    WHERE status = 'published' AND open_reports > 0;
CREATE INDEX reviews_hidden_at ON reviews (hidden_at, id) WHERE status = 'hidden';

-- Links in mails that confirm a review without signing in. The token is in the mail alone.
CREATE TABLE review_confirmations (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    review_id  uuid NOT NULL REFERENCES reviews (id),
    expires_at timestamptz NOT NULL
);

CREATE INDEX review_confirmations_of_review ON review_confirmations (review_id);

CREATE TABLE review_votes (
    review_id  uuid NOT NULL REFERENCES reviews (id),
    account_id uuid NOT NULL REFERENCES accounts (id),
    voted_at   timestamptz NOT NULL,
    PRIMARY KEY (review_id, account_id)
);

CREATE TABLE review_reports (
    review_id   uuid NOT NULL REFERENCES reviews (id),
    account_id  uuid NOT NULL REFERENCES accounts (id),
    reason      text NOT NULL,
    note        text,
    reported_at timestamptz NOT NULL,
    closed_at   timestamptz,
    PRIMARY KEY (review_id, account_id),
    CONSTRAINT review_reports_reason CHECK
        (reason IN ('abusive', 'personal_data', 'off_topic', 'spam', 'false', 'other'))
);

-- The two whole numbers behind a rating; mean and score, which searches sort by, are with the
-- listing and the provider.
CREATE TABLE review_ratings (
    kind       text NOT NULL,
    subject_id uuid NOT NULL,
    count      integer NOT NULL CHECK (count >= 0),
    stars      integer NOT NULL CHECK (stars >= 0),
    PRIMARY KEY (kind, subject_id),
    CONSTRAINT review_ratings_kind CHECK (kind IN ('listing', 'provider')),
    CONSTRAINT review_ratings_stars CHECK (stars BETWEEN count AND 5 * count)
);

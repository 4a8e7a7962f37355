-- Listing types, categories, providers, listings, changes that wait for a moderator, prices.

-- Data, not code: the declaration is checked by the catalogue whenever it is read or written.
CREATE TABLE listing_types (
    key         text PRIMARY KEY,
    position    integer NOT NULL CHECK (position >= 0),
    declaration jsonb NOT NULL,
    version     integer NOT NULL CHECK (version >= 1),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT listing_types_key CHECK (declaration ->> 'key' = key)
);

CREATE TABLE categories (
    id           uuid PRIMARY KEY,
    parent_id    uuid CONSTRAINT categories_parent REFERENCES categories (id),
    slug         text NOT NULL CONSTRAINT categories_slug_taken UNIQUE,
    name         text NOT NULL,
    -- By language tag.
    translations jsonb NOT NULL,
    position     integer NOT NULL CHECK (position >= 0),
    version      integer NOT NULL CHECK (version >= 1),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    CONSTRAINT categories_not_its_own_parent CHECK (parent_id <> id)
);

CREATE INDEX categories_by_parent ON categories (parent_id, position);

CREATE TABLE providers (
    id                uuid PRIMARY KEY,
    account_id        uuid NOT NULL CONSTRAINT providers_account_taken UNIQUE REFERENCES accounts (id),
    slug              text NOT NULL CONSTRAINT providers_slug_taken UNIQUE,
    name              text NOT NULL,
    headline          text,
    about             text,
    category_ids      uuid[] NOT NULL,
    lat               double precision,
    lon               double precision,
    service_radius    double precision CHECK (service_radius > 0), -- metres
    languages         text[] NOT NULL,
    avatar_media_id   uuid,
    verification      text NOT NULL,
    verification_at   timestamptz,
    status            text NOT NULL,
    suspended_at      timestamptz,
    suspension_reason text,
    -- Kept by the reviews.
    rating_count      integer NOT NULL DEFAULT 0 CHECK (rating_count >= 0),
    rating_mean       double precision NOT NULL DEFAULT 0,
    rating_score      double precision NOT NULL DEFAULT 0,
    -- Kept by the engagement.
    favorite_count    integer NOT NULL DEFAULT 0 CHECK (favorite_count >= 0),
    version           integer NOT NULL CHECK (version >= 1),
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    CONSTRAINT providers_place CHECK ((lat IS NULL) = (lon IS NULL)),
    CONSTRAINT providers_verification CHECK (verification IN ('unverified', 'pending', 'verified')),
    CONSTRAINT providers_verification_at
        CHECK ((verification = 'unverified') = (verification_at IS NULL)),
    CONSTRAINT providers_status CHECK (status IN ('active', 'suspended')),
    CONSTRAINT providers_suspension CHECK (
        (status = 'suspended') = (suspended_at IS NOT NULL AND suspension_reason IS NOT NULL)
    )
);

CREATE INDEX providers_newest ON providers (created_at DESC, id DESC) WHERE status = 'active';
CREATE INDEX providers_best_rated ON providers (rating_score DESC, id DESC) WHERE status = 'active';
CREATE INDEX providers_to_verify ON providers (verification_at, id) WHERE verification = 'pending';
CREATE INDEX providers_for_admins ON providers (created_at DESC, id DESC);

CREATE TABLE listings (
    id               uuid PRIMARY KEY,
    listing_type     text NOT NULL CONSTRAINT listings_of_type REFERENCES listing_types (key),
    provider_id      uuid NOT NULL CONSTRAINT listings_of_provider REFERENCES providers (id),
    -- As the provider's status says, so that every index of what is public can know it.
    provider_active  boolean NOT NULL,
    category_id      uuid CONSTRAINT listings_in_category REFERENCES categories (id),
    title            text NOT NULL,
    slug             text NOT NULL,
    description      text NOT NULL,
    price_minor      bigint CHECK (price_minor >= 0),
    currency         text,
    price_unit       text NOT NULL,
    stock            integer CHECK (stock >= 0),
    attributes       jsonb NOT NULL,
    lat              double precision,
    lon              double precision,
    access           text NOT NULL,
    status           text NOT NULL,
    submitted_at     timestamptz,
    rejected_at      timestamptz,
    rejection_reason text,
    archived_at      timestamptz,
    -- Public already, and still to be looked at by a moderator.
    unreviewed_since timestamptz,
    cover_media_id   uuid,
    -- Kept by the reviews.
    rating_count     integer NOT NULL DEFAULT 0 CHECK (rating_count >= 0),
    rating_mean      double precision NOT NULL DEFAULT 0,
    rating_score     double precision NOT NULL DEFAULT 0,
    -- Kept by the engagement.
    view_count       bigint NOT NULL DEFAULT 0 CHECK (view_count >= 0),
    favorite_count   integer NOT NULL DEFAULT 0 CHECK (favorite_count >= 0),
    version          integer NOT NULL CHECK (version >= 1),
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    published_at     timestamptz,
    CONSTRAINT listings_slug_taken UNIQUE (listing_type, slug),
    CONSTRAINT listings_place CHECK ((lat IS NULL) = (lon IS NULL)),
    CONSTRAINT listings_price CHECK ((price_minor IS NULL) = (currency IS NULL)),
    CONSTRAINT listings_price_unit CHECK
        (price_unit IN ('fixed', 'from', 'per_hour', 'per_day', 'per_visit', 'free_quote')),
    CONSTRAINT listings_access CHECK (access IN ('free', 'subscribers', 'purchase')),
    CONSTRAINT listings_status CHECK (status IN
        ('draft', 'pending_review', 'published', 'paused', 'rejected', 'archived')),
    CONSTRAINT listings_submitted CHECK ((status = 'pending_review') = (submitted_at IS NOT NULL)),
    CONSTRAINT listings_rejected CHECK (
        (status = 'rejected') = (rejected_at IS NOT NULL AND rejection_reason IS NOT NULL)
    ),
    CONSTRAINT listings_archived CHECK ((status = 'archived') = (archived_at IS NOT NULL)),
    CONSTRAINT listings_published CHECK
        (status NOT IN ('published', 'paused') OR published_at IS NOT NULL)
) WITH (fillfactor = 85);

-- What is public, in every order that a list has. The filters of attributes, words and places
-- come with the searches.
CREATE INDEX listings_public_newest ON listings (created_at DESC, id DESC)
    WHERE status = 'published' AND provider_active;
CREATE INDEX listings_public_newest_of_type ON listings (listing_type, created_at DESC, id DESC)
    WHERE status = 'published' AND provider_active;
CREATE INDEX listings_public_newest_in_category ON listings (category_id, created_at DESC, id DESC)
    WHERE status = 'published' AND provider_active;
-- The owner's lists: of all states, and of one.
CREATE INDEX listings_of_provider_newest ON listings (provider_id, created_at DESC, id DESC);
CREATE INDEX listings_of_provider_by_status
    ON listings (provider_id, status, created_at DESC, id DESC);
-- What moderators look at, oldest first.
CREATE INDEX listings_to_review ON listings ((COALESCE(submitted_at, unreviewed_since)), id)
    WHERE submitted_at IS NOT NULL OR unreviewed_since IS NOT NULL;
CREATE INDEX listings_by_category ON listings (category_id);
-- A change of a listing type reads all that are public under it.
CREATE INDEX listings_by_type ON listings (listing_type, id) WHERE status IN ('published', 'paused');

-- An edit of a published listing that waits for a moderator.
CREATE TABLE change_requests (
    id              uuid PRIMARY KEY,
    listing_id      uuid NOT NULL REFERENCES listings (id) ON DELETE CASCADE,
    provider_id     uuid NOT NULL REFERENCES providers (id),
    -- Field by field: what it was when the edit was made, and what it shall be.
    changes         jsonb NOT NULL,
    status          text NOT NULL,
    requested_by    uuid NOT NULL,
    requested_at    timestamptz NOT NULL,
    decided_by      uuid,
    decided_at      timestamptz,
    decision_reason text,
    version         integer NOT NULL CHECK (version >= 1),
    CONSTRAINT change_requests_status CHECK (status IN
        ('pending', 'approved', 'rejected', 'withdrawn', 'superseded')),
    CONSTRAINT change_requests_decided CHECK ((status = 'pending') = (decided_at IS NULL)),
    CONSTRAINT change_requests_reason CHECK
        ((status = 'rejected') = (decision_reason IS NOT NULL))
);

CREATE UNIQUE INDEX change_requests_one_pending ON change_requests (listing_id)
    WHERE status = 'pending';
CREATE INDEX change_requests_to_review ON change_requests (requested_at, id)
    WHERE status = 'pending';
CREATE INDEX change_requests_by_listing ON change_requests (listing_id, requested_at DESC, id DESC);

-- Every change of a price, in the transaction that changed it.
CREATE TABLE price_history (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    listing_id   uuid NOT NULL REFERENCES listings (id) ON DELETE CASCADE,
    old_minor    bigint,
    old_currency text,
    new_minor    bigint,
    new_currency text,
    reason       text NOT NULL CONSTRAINT price_history_reason
                 CHECK (reason IN ('manual', 'dynamic', 'import')),
    actor_id     uuid,
    changed_at   timestamptz NOT NULL,
    CONSTRAINT price_history_old CHECK ((old_minor IS NULL) = (old_currency IS NULL)),
    CONSTRAINT price_history_new CHECK ((new_minor IS NULL) = (new_currency IS NULL)),
    CONSTRAINT price_history_changes CHECK
        ((old_minor, old_currency) IS DISTINCT FROM (new_minor, new_currency))
);

CREATE INDEX price_history_by_listing ON price_history (listing_id, changed_at DESC, id DESC);

-- Whether anything refers to a listing that must not vanish with it: every foreign key says so
-- itself, by not cascading. Nothing can begin to refer to it until the transaction ends.
CREATE FUNCTION listing_is_referred_to(listing uuid) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    reference record;
    found boolean;
BEGIN
    PERFORM FROM listings WHERE id = listing FOR UPDATE;
    FOR reference IN
        SELECT conrelid::regclass AS child, attname AS key
        FROM pg_constraint
        JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f' AND confrelid = 'listings'::regclass AND confdeltype IN ('a', 'r')
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %I = $1)', reference.child, reference.key)
            INTO found USING listing;
        IF found THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

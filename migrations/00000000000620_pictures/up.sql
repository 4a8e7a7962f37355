SET LOCAL lock_timeout = '2s';

-- The pictures of what is no listing: the one that stands for a provider, and those of a review.
-- They lie in the object store, get their smaller copies and are swept like those of listings.
CREATE TABLE pictures (
    id          uuid PRIMARY KEY,
    provider_id uuid REFERENCES providers (id) ON DELETE CASCADE,
    review_id   uuid REFERENCES reviews (id) ON DELETE CASCADE,
    -- 0 comes first.
    position    smallint NOT NULL,
    key         text NOT NULL CONSTRAINT pictures_key UNIQUE REFERENCES media_objects (key),
    bytes       bigint NOT NULL,
    width       integer NOT NULL CHECK (width > 0),
    height      integer NOT NULL CHECK (height > 0),
    alt         text,
    -- As in `listing_media`.
    variants    jsonb,
    blur_hash   text,
    added_at    timestamptz NOT NULL,
    CONSTRAINT pictures_of_one CHECK (num_nonnulls(provider_id, review_id) = 1),
    -- A provider has one, a review six at most.
    CONSTRAINT pictures_most CHECK (
        position BETWEEN 0 AND CASE WHEN provider_id IS NULL THEN 5 ELSE 0 END
    ),
    CONSTRAINT pictures_preview CHECK ((variants IS NULL) = (blur_hash IS NULL)),
    -- Checked at the commit: an order is stored in one go.
    CONSTRAINT pictures_of_provider UNIQUE (provider_id, position) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT pictures_of_review UNIQUE (review_id, position) DEFERRABLE INITIALLY DEFERRED
);

CREATE TRIGGER pictures_gone AFTER DELETE ON pictures
    FOR EACH ROW EXECUTE FUNCTION listing_media_gone();

-- Files in the object store, and the media of listings.

-- Every object, noted before it is uploaded, so that none is ever stored and not known.
--
--   staged   noted, perhaps uploaded; its request is on its way or has failed
--   attached of a listing, or kept by a change request that waits: served
--   orphaned needed by nothing: deleted by the next sweep, and then this row
CREATE TABLE media_objects (
    key       text PRIMARY KEY,
    state     text NOT NULL,
    bytes     bigint NOT NULL CHECK (bytes > 0),
    staged_at timestamptz NOT NULL,
    CONSTRAINT media_objects_state CHECK (state IN ('staged', 'attached', 'orphaned')),
    CONSTRAINT media_objects_key CHECK (key ~ '^[0-9a-f]{2}/[0-9a-f]{30}\.[a-z]{3,4}$')
);

CREATE INDEX media_objects_staged ON media_objects (staged_at) WHERE state = 'staged';
CREATE INDEX media_objects_orphaned ON media_objects (key) WHERE state = 'orphaned';

CREATE FUNCTION media_objects_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.state <> 'orphaned' THEN
            RAISE EXCEPTION 'the % object % is not to be forgotten', OLD.state, OLD.key;
        END IF;
        RETURN OLD;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (
        ('staged', 'attached'), ('staged', 'orphaned'),
        ('attached', 'attached'), ('attached', 'orphaned')
    ) THEN
        RAISE EXCEPTION 'the object % cannot go from % to %', OLD.key, OLD.state, NEW.state;
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER media_objects_steps BEFORE UPDATE OR DELETE ON media_objects
    FOR EACH ROW EXECUTE FUNCTION media_objects_step();

-- The pictures and documents of a listing; position 0 comes first.
CREATE TABLE listing_media (
    id         uuid PRIMARY KEY,
    listing_id uuid NOT NULL REFERENCES listings (id) ON DELETE CASCADE,
    position   smallint NOT NULL CHECK (position BETWEEN 0 AND 49),
    kind       text NOT NULL,
    key        text NOT NULL CONSTRAINT listing_media_key UNIQUE REFERENCES media_objects (key),
    bytes      bigint NOT NULL,
    width      integer CHECK (width > 0),
    height     integer CHECK (height > 0),
    alt        text,
    -- [{"width", "height", "bytes", "key"}], from the narrowest to the widest; with the blur hash
    -- NULL until both are made.
    variants   jsonb,
    blur_hash  text,
    added_at   timestamptz NOT NULL,
    CONSTRAINT listing_media_kind CHECK (kind IN ('picture', 'document')),
    CONSTRAINT listing_media_pixels CHECK (
        (kind = 'picture') = (width IS NOT NULL) AND (width IS NULL) = (height IS NULL)
    ),
    CONSTRAINT listing_media_preview CHECK (
        (variants IS NULL) = (blur_hash IS NULL) AND (kind = 'picture' OR variants IS NULL)
    ),
    -- Checked at the commit: an order is stored in one go.
    CONSTRAINT listing_media_position UNIQUE (listing_id, position) DEFERRABLE INITIALLY DEFERRED
);

-- However an item goes, with its listing or alone, its files follow.
CREATE FUNCTION listing_media_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE media_objects SET state = 'orphaned'
    WHERE state = 'attached'
      AND (key = OLD.key
           OR key IN (SELECT variant ->> 'key'
                      FROM jsonb_array_elements(coalesce(OLD.variants, '[]')) variant));
    RETURN NULL;
END
$$;

CREATE TRIGGER listing_media_gone AFTER DELETE ON listing_media
    FOR EACH ROW EXECUTE FUNCTION listing_media_gone();

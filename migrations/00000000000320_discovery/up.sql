-- What lists and searches read, and what happens around listings and providers.
--
-- The tables of the search hold exactly what is public. Triggers keep them so, whoever writes:
-- what is not public cannot be found by any query, and no writer can forget to tell the search.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS cube;

-- Text as it is compared: small letters without accents, whatever the database's locale. One rule
-- for all languages: a marketplace mixes them, and the stems of the wrong one hide what matches.
CREATE FUNCTION search_fold(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT lower(CASE WHEN octet_length(value) = char_length(value) THEN value ELSE translate(
        replace(regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]+', '', 'g'), 'ß', 'ss'),
        'ØøŁłĐđАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЄІҐЂЈЉЊЋЏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩς',
        'oollddабвгдежзиклмнопрстуфхцчшщъыьэюяєіґђјљњћџαβγδεζηθικλμνξοπρστυφχψωσ') END)
$$;

CREATE FUNCTION search_vector(value text, weight "char") RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT setweight(to_tsvector('simple', search_fold(value)), weight)
$$;

-- A point on a sphere of the earth's mean radius, in metres: `<->` between two is the straight line
-- through the earth, from which the distance over ground follows.
CREATE FUNCTION earth_point(lat double precision, lon double precision) RETURNS cube
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT cube(ARRAY[
        6371008.8 * cos(radians(lat)) * cos(radians(lon)),
        6371008.8 * cos(radians(lat)) * sin(radians(lon)),
        6371008.8 * sin(radians(lat))])
$$;

-- The field of a grid of half degrees that a place lies in. The planner knows how many listings a
-- field holds, so it knows whether to start from the place or from the order; of a point it does not.
CREATE FUNCTION earth_cell(lat double precision, lon double precision) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (floor((lat + 90) * 2) * 721 + floor((lon + 180) * 2))::integer
$$;

-- In steps of about a fifth, so that a counter that moves does not move every index.
CREATE FUNCTION search_popularity(seen bigint, kept bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT floor(4 * log(2, 1 + greatest(seen, 0) + 10 * greatest(kept, 0)))::integer
$$;

CREATE TABLE listing_search (
    id           uuid PRIMARY KEY REFERENCES listings (id) ON DELETE CASCADE,
    listing_type text NOT NULL,
    provider_id  uuid NOT NULL,
    category_id  uuid,
    created_at   timestamptz NOT NULL,
    price_minor  bigint,
    currency     text,
    rating_mean  double precision NOT NULL,
    rating_score double precision NOT NULL,
    popularity   integer NOT NULL,
    point        cube,
    cell         integer,
    attributes   jsonb NOT NULL,
    document     tsvector NOT NULL
);

CREATE INDEX listing_search_newest ON listing_search (created_at DESC, id DESC);
CREATE INDEX listing_search_of_type ON listing_search (listing_type, created_at DESC, id DESC);
CREATE INDEX listing_search_in_category
    ON listing_search (category_id, created_at DESC, id DESC);
CREATE INDEX listing_search_of_provider
    ON listing_search (provider_id, created_at DESC, id DESC);
CREATE INDEX listing_search_by_price ON listing_search (currency, price_minor, id)
    WHERE price_minor IS NOT NULL;
CREATE INDEX listing_search_best_rated ON listing_search (rating_score DESC, id DESC);
CREATE INDEX listing_search_by_rating ON listing_search (rating_mean);
CREATE INDEX listing_search_popular ON listing_search (popularity DESC, id DESC);
CREATE INDEX listing_search_in_cell ON listing_search (cell, created_at DESC, id DESC);
CREATE INDEX listing_search_by_place ON listing_search USING gist (point);
-- Without a list of pending entries, which every search would read on top of the index.
CREATE INDEX listing_search_by_attribute ON listing_search
    USING gin (attributes jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX listing_search_by_word ON listing_search USING gin (document) WITH (fastupdate = off);

-- The filterable numbers and days (counted from 1970-01-01) of public listings, for ranges.
CREATE TABLE listing_numbers (
    listing_id uuid NOT NULL REFERENCES listing_search (id) ON DELETE CASCADE,
    key        text NOT NULL,
    number     double precision NOT NULL,
    PRIMARY KEY (listing_id, key)
);

CREATE INDEX listing_numbers_by_key ON listing_numbers (key, number, listing_id);

CREATE TABLE provider_search (
    id           uuid PRIMARY KEY REFERENCES providers (id) ON DELETE CASCADE,
    category_ids uuid[] NOT NULL,
    created_at   timestamptz NOT NULL,
    rating_mean  double precision NOT NULL,
    rating_score double precision NOT NULL,
    popularity   integer NOT NULL,
    point        cube,
    cell         integer,
    document     tsvector NOT NULL
);

CREATE INDEX provider_search_newest ON provider_search (created_at DESC, id DESC);
CREATE INDEX provider_search_best_rated ON provider_search (rating_score DESC, id DESC);
CREATE INDEX provider_search_by_rating ON provider_search (rating_mean);
CREATE INDEX provider_search_popular ON provider_search (popularity DESC, id DESC);
CREATE INDEX provider_search_in_category ON provider_search
    USING gin (category_ids) WITH (fastupdate = off);
CREATE INDEX provider_search_in_cell ON provider_search (cell, created_at DESC, id DESC);
CREATE INDEX provider_search_by_place ON provider_search USING gist (point);
CREATE INDEX provider_search_by_word ON provider_search USING gin (document) WITH (fastupdate = off);

-- Words of titles, names and attributes, to correct typing errors by. A word stays when the last
-- listing with it goes: a correction to it finds nothing, as before.
CREATE TABLE search_words (
    word text COLLATE "C" PRIMARY KEY
);

CREATE INDEX search_words_by_trigram ON search_words USING gin (word gin_trgm_ops)
    WITH (fastupdate = off);

-- Titles of public listings, from each of their first words on: what a beginning is completed to.
CREATE TABLE listing_title_starts (
    listing_id uuid NOT NULL REFERENCES listing_search (id) ON DELETE CASCADE,
    start      text COLLATE "C" NOT NULL,
    title      text COLLATE "C" NOT NULL,
    PRIMARY KEY (listing_id, start)
);

CREATE INDEX listing_title_starts_by_start ON listing_title_starts (start, title);

-- Short words and numbers are not corrected. Of transposed letters in a short word few trigrams
-- are left, hence the low threshold; the caller picks the nearest.
CREATE FUNCTION search_words_near(typed text) RETURNS SETOF text
    LANGUAGE sql STABLE STRICT PARALLEL SAFE SET pg_trgm.similarity_threshold = 0.2 AS $$
    SELECT word FROM search_words
    WHERE word % search_fold(typed) AND length(word) BETWEEN length(typed) - 2 AND length(typed) + 2
    ORDER BY similarity(word, search_fold(typed)) DESC, word LIMIT 20
$$;

CREATE FUNCTION search_words_learn(documents tsvector[]) RETURNS void LANGUAGE sql AS $$
    -- In order, so that two writers of the same new words do not wait for each other crosswise.
    INSERT INTO search_words (word)
    SELECT DISTINCT found.lexeme COLLATE "C"
    FROM unnest(documents) document, unnest(document) found
    WHERE found.weights && '{A,B}' AND length(found.lexeme) BETWEEN 3 AND 40
      AND found.lexeme !~ '[0-9]'
      AND NOT EXISTS (SELECT FROM search_words known WHERE known.word = found.lexeme COLLATE "C")
    ORDER BY 1
    ON CONFLICT DO NOTHING
$$;

-- What a search may read in the attributes of a listing: labels of choices, and texts.
CREATE FUNCTION listing_searchable_text(declaration jsonb, attributes jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(string_agg(said.text, ' '), '')
    FROM jsonb_array_elements(declaration -> 'attributes') declared
    CROSS JOIN LATERAL (
        SELECT attributes #>> ARRAY[declared ->> 'key'] AS text
        WHERE declared ->> 'kind' = 'text'
        UNION ALL
        SELECT (choice ->> 'label') || ' ' || replace(choice ->> 'key', '_', ' ')
        FROM jsonb_array_elements(declared -> 'choices') choice
        WHERE declared ->> 'kind' IN ('enum', 'multi_enum')
          -- A string contains itself, a list its members.
          AND attributes -> (declared ->> 'key') @> (choice -> 'key')
    ) said
    WHERE (declared -> 'searchable')::boolean AND attributes ? (declared ->> 'key')
$$;

-- What lists are filtered by: the attributes that are declared filterable, without those that are
-- asked for by range.
CREATE FUNCTION listing_filterable(declaration jsonb, attributes jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(key, attributes -> key), '{}')
    FROM jsonb_array_elements(declaration -> 'attributes') declared,
         LATERAL (SELECT declared ->> 'key' AS key) name
    WHERE (declared -> 'filterable')::boolean AND attributes ? key
      AND declared ->> 'kind' NOT IN ('integer', 'decimal', 'date')
$$;

-- Makes the search say of these listings what is true now.
CREATE FUNCTION listing_search_refresh(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    documents tsvector[];
BEGIN
    -- Of two writers the second waits here, and then reads what the first has written.
    PERFORM FROM listings WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;

    DELETE FROM listing_search s USING listings l
    WHERE s.id = ANY (ids) AND l.id = s.id
      AND NOT (l.status = 'published' AND l.provider_active);

    WITH written AS (
        INSERT INTO listing_search (
            id, listing_type, provider_id, category_id, created_at, price_minor, currency,
            rating_mean, rating_score, popularity, point, cell, attributes, document)
        SELECT l.id, l.listing_type, l.provider_id, l.category_id, l.created_at, l.price_minor,
               l.currency, l.rating_mean, l.rating_score,
               search_popularity(l.view_count, l.favorite_count), earth_point(l.lat, l.lon),
               earth_cell(l.lat, l.lon),
               listing_filterable(t.declaration, l.attributes),
               search_vector(l.title, 'A')
               || search_vector(listing_searchable_text(t.declaration, l.attributes), 'B')
               -- What only some may read must not be found out by searching for it.
               || search_vector(CASE l.access WHEN 'free' THEN l.description ELSE '' END, 'C')
               || search_vector(p.name, 'D')
        FROM listings l
        JOIN listing_types t ON t.key = l.listing_type
        JOIN providers p ON p.id = l.provider_id
        WHERE l.id = ANY (ids) AND l.status = 'published' AND l.provider_active
        ON CONFLICT (id) DO UPDATE SET
            category_id = excluded.category_id, price_minor = excluded.price_minor,
            currency = excluded.currency, rating_mean = excluded.rating_mean,
            rating_score = excluded.rating_score, popularity = excluded.popularity,
            point = excluded.point, cell = excluded.cell, attributes = excluded.attributes,
            document = excluded.document
        RETURNING document
    )
    SELECT array_agg(document) INTO documents FROM written;
    PERFORM search_words_learn(documents);

    DELETE FROM listing_numbers WHERE listing_id = ANY (ids);
    INSERT INTO listing_numbers (listing_id, key, number)
    SELECT l.id, declared ->> 'key',
           CASE declared ->> 'kind'
               WHEN 'date' THEN (l.attributes ->> (declared ->> 'key'))::date - date '1970-01-01'
               ELSE (l.attributes ->> (declared ->> 'key'))::double precision
           END
    FROM listings l
    JOIN listing_search s ON s.id = l.id
    JOIN listing_types t ON t.key = l.listing_type
    CROSS JOIN jsonb_array_elements(t.declaration -> 'attributes') declared
    WHERE l.id = ANY (ids) AND (declared -> 'filterable')::boolean
      AND declared ->> 'kind' IN ('integer', 'decimal', 'date')
      AND l.attributes ? (declared ->> 'key');

    DELETE FROM listing_title_starts WHERE listing_id = ANY (ids);
    INSERT INTO listing_title_starts (listing_id, start, title)
    SELECT DISTINCT l.id, left(search_fold(array_to_string(words.all[n:], ' ')), 80), l.title
    FROM listings l
    JOIN listing_search s ON s.id = l.id
    CROSS JOIN LATERAL (SELECT regexp_split_to_array(l.title, '\s+') AS all) words
    CROSS JOIN generate_series(1, least(cardinality(words.all), 6)) n
    WHERE l.id = ANY (ids);
END
$$;

CREATE FUNCTION listings_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM listing_search_refresh(array_agg(id)) FROM inserted
    WHERE status = 'published' AND provider_active;
    RETURN NULL;
END
$$;

CREATE TRIGGER listings_search_inserted AFTER INSERT ON listings
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION listings_inserted();

CREATE FUNCTION listings_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM listing_search_refresh(ARRAY[NEW.id]);
    RETURN NULL;
END
$$;

CREATE TRIGGER listings_search_changed
    AFTER UPDATE OF status, provider_active, title, description, category_id, attributes, lat, lon,
        access ON listings
    FOR EACH ROW WHEN (
        (OLD.status, OLD.provider_active, OLD.title, OLD.description, OLD.category_id,
         OLD.attributes, OLD.lat, OLD.lon, OLD.access)
        IS DISTINCT FROM
        (NEW.status, NEW.provider_active, NEW.title, NEW.description, NEW.category_id,
         NEW.attributes, NEW.lat, NEW.lon, NEW.access)
        AND (OLD.status = 'published' OR NEW.status = 'published'))
    EXECUTE FUNCTION listings_changed();

-- What changes often and concerns no word.
CREATE FUNCTION listings_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE listing_search SET
        price_minor = NEW.price_minor, currency = NEW.currency,
        rating_mean = NEW.rating_mean, rating_score = NEW.rating_score,
        popularity = search_popularity(NEW.view_count, NEW.favorite_count)
    WHERE id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER listings_search_moved
    AFTER UPDATE OF price_minor, currency, rating_mean, rating_score, view_count, favorite_count
        ON listings
    FOR EACH ROW WHEN (
        NEW.status = 'published'
        AND ((OLD.price_minor, OLD.currency, OLD.rating_mean, OLD.rating_score)
                IS DISTINCT FROM
                (NEW.price_minor, NEW.currency, NEW.rating_mean, NEW.rating_score)
             OR search_popularity(OLD.view_count, OLD.favorite_count)
                <> search_popularity(NEW.view_count, NEW.favorite_count)))
    EXECUTE FUNCTION listings_moved();

CREATE FUNCTION listing_types_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM listing_search_refresh(array_agg(id)) FROM listing_search
    WHERE listing_type = NEW.key;
    RETURN NULL;
END
$$;

CREATE TRIGGER listing_types_search AFTER UPDATE OF declaration ON listing_types
    FOR EACH ROW WHEN (OLD.declaration -> 'attributes' IS DISTINCT FROM NEW.declaration -> 'attributes')
    EXECUTE FUNCTION listing_types_changed();

-- What happened around a listing and a provider, by day in UTC: a provider may move between time
-- zones, a day that was counted may not.
CREATE TABLE listing_days (
    listing_id  uuid NOT NULL REFERENCES listings (id) ON DELETE CASCADE,
    day         date NOT NULL,
    provider_id uuid NOT NULL,
    views       integer NOT NULL DEFAULT 0 CHECK (views >= 0),
    -- Favourites made that day that still stand.
    favorites   integer NOT NULL DEFAULT 0 CHECK (favorites >= 0),
    -- Visits to the provider that came from the listing.
    to_profile  integer NOT NULL DEFAULT 0 CHECK (to_profile >= 0),
    requests    integer NOT NULL DEFAULT 0 CHECK (requests >= 0),
    bookings    integer NOT NULL DEFAULT 0 CHECK (bookings >= 0),
    PRIMARY KEY (listing_id, day)
);

CREATE INDEX listing_days_by_provider ON listing_days (provider_id, day);

CREATE TABLE provider_days (
    provider_id        uuid NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    day                date NOT NULL,
    -- Of its listings.
    views              integer NOT NULL DEFAULT 0 CHECK (views >= 0),
    listing_favorites  integer NOT NULL DEFAULT 0 CHECK (listing_favorites >= 0),
    to_profile         integer NOT NULL DEFAULT 0 CHECK (to_profile >= 0),
    -- Of itself.
    profile_visits     integer NOT NULL DEFAULT 0 CHECK (profile_visits >= 0),
    provider_favorites integer NOT NULL DEFAULT 0 CHECK (provider_favorites >= 0),
    requests           integer NOT NULL DEFAULT 0 CHECK (requests >= 0),
    bookings           integer NOT NULL DEFAULT 0 CHECK (bookings >= 0),
    PRIMARY KEY (provider_id, day)
);

CREATE FUNCTION provider_popularity(provider uuid, favorite_count integer) RETURNS integer
    LANGUAGE sql STABLE AS $$
    SELECT search_popularity(coalesce(sum(profile_visits), 0)::bigint, favorite_count)
    FROM provider_days WHERE provider_id = provider
$$;

CREATE FUNCTION provider_search_refresh(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    documents tsvector[];
BEGIN
    PERFORM FROM providers WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;

    DELETE FROM provider_search s USING providers p
    WHERE s.id = ANY (ids) AND p.id = s.id AND p.status <> 'active';

    WITH written AS (
        INSERT INTO provider_search (
            id, category_ids, created_at, rating_mean, rating_score, popularity, point,
            cell, document)
        SELECT p.id, p.category_ids, p.created_at, p.rating_mean, p.rating_score,
               provider_popularity(p.id, p.favorite_count), earth_point(p.lat, p.lon),
               earth_cell(p.lat, p.lon),
               search_vector(p.name, 'A') || search_vector(coalesce(p.headline, ''), 'B')
               || search_vector(coalesce(p.about, ''), 'C')
        FROM providers p WHERE p.id = ANY (ids) AND p.status = 'active'
        ON CONFLICT (id) DO UPDATE SET
            category_ids = excluded.category_ids, rating_mean = excluded.rating_mean,
            rating_score = excluded.rating_score, popularity = excluded.popularity,
            point = excluded.point, cell = excluded.cell, document = excluded.document
        RETURNING document
    )
    SELECT array_agg(document) INTO documents FROM written;
    PERFORM search_words_learn(documents);
END
$$;

CREATE FUNCTION providers_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM provider_search_refresh(array_agg(id)) FROM inserted;
    RETURN NULL;
END
$$;

CREATE TRIGGER providers_search_inserted AFTER INSERT ON providers
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION providers_inserted();

CREATE FUNCTION providers_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM provider_search_refresh(ARRAY[NEW.id]);
    IF OLD.name <> NEW.name THEN
        PERFORM listing_search_refresh(array_agg(id)) FROM listing_search
        WHERE provider_id = NEW.id;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER providers_search_changed
    AFTER UPDATE OF status, name, headline, about, category_ids, lat, lon, rating_mean,
        rating_score, favorite_count ON providers
    FOR EACH ROW WHEN (
        (OLD.status, OLD.name, OLD.headline, OLD.about, OLD.category_ids, OLD.lat, OLD.lon,
         OLD.rating_mean, OLD.rating_score, OLD.favorite_count)
        IS DISTINCT FROM
        (NEW.status, NEW.name, NEW.headline, NEW.about, NEW.category_ids, NEW.lat, NEW.lon,
         NEW.rating_mean, NEW.rating_score, NEW.favorite_count))
    EXECUTE FUNCTION providers_changed();

CREATE TABLE listing_favorites (
    account_id uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    listing_id uuid NOT NULL REFERENCES listings (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, listing_id)
);

CREATE INDEX listing_favorites_newest
    ON listing_favorites (account_id, created_at DESC, listing_id DESC);
CREATE INDEX listing_favorites_by_listing ON listing_favorites (listing_id);

CREATE TABLE provider_favorites (
    account_id  uuid NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    provider_id uuid NOT NULL REFERENCES providers (id) ON DELETE CASCADE,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, provider_id)
);

CREATE INDEX provider_favorites_newest
    ON provider_favorites (account_id, created_at DESC, provider_id DESC);
CREATE INDEX provider_favorites_by_provider ON provider_favorites (provider_id);

-- Who saw what in which hour: so that nothing is counted twice, whoever counts it and however
-- often. The viewer is a keyed hash that changes every day. Kept for two days.
CREATE TABLE sightings (
    subject_id uuid NOT NULL,
    kind       text NOT NULL CONSTRAINT sightings_kind
               CHECK (kind IN ('listing_view', 'profile_visit', 'to_profile')),
    viewer     bytea NOT NULL CHECK (length(viewer) = 16),
    hour       timestamptz NOT NULL,
    PRIMARY KEY (subject_id, kind, viewer, hour)
);

CREATE INDEX sightings_by_hour ON sightings (hour);

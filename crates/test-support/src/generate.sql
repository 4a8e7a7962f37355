-- A marketplace of any size, for measurements and for tests of plans: words with the distribution
-- of a language, places around ten cities, prices, every kind of attribute. The same every time.
--
-- Settings: generate.listings, generate.providers.

SELECT setseed(0.4);

CREATE FUNCTION pg_temp.word(n integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT ('{"",ma,lo,ri,te,ko,sa,vi,nu,pe}'::text[])[1 + n / 200 % 10]
        || ('{bar,den,fil,gro,hal,jun,kel,lim,mor,nes}'::text[])[1 + n / 20 % 10]
        || ('{a,en,ix,ow,ur,ist,ane,olo,ett,ick,ung,ent,oda,ilo,ass,ert,obe,uma,iff,ond}'::text[])
           [1 + n % 20]
$$;

-- Of 2,000 words the n-th is about 1/n as common as the first.
CREATE FUNCTION pg_temp.some_words(least_words integer) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT string_agg(pg_temp.word(floor(exp(random() * ln(2000)))::integer - 1), ' ')
    FROM generate_series(1, least_words + floor(random() * least_words)::integer)
$$;

INSERT INTO listing_types (key, position, declaration, version, created_at, updated_at)
SELECT key, position, jsonb_build_object(
    'key', key, 'title', initcap(key), 'plural', initcap(key) || 's',
    'attributes', jsonb_build_array(
        '{"key": "area", "label": "Area", "kind": "integer", "min": 1, "max": 1000}'::jsonb
            || '{"required": false, "filterable": true, "searchable": false, "harmless": false}',
        '{"key": "height", "label": "Height", "kind": "decimal", "min": 0, "max": 100}'::jsonb
            || '{"required": false, "filterable": true, "searchable": false, "harmless": false}',
        '{"key": "ready_on", "label": "Ready on", "kind": "date"}'::jsonb
            || '{"required": false, "filterable": true, "searchable": false, "harmless": false}',
        '{"key": "furnished", "label": "Furnished", "kind": "boolean"}'::jsonb
            || '{"required": false, "filterable": true, "searchable": false, "harmless": false}',
        '{"key": "style", "label": "Style", "kind": "enum", "choices": [
            {"key": "loft", "label": "Loft"}, {"key": "classic", "label": "Classic"},
            {"key": "modern", "label": "Modern"}, {"key": "rustic", "label": "Rustic"}]}'::jsonb
            || '{"required": false, "filterable": true, "searchable": true, "harmless": false}',
        '{"key": "features", "label": "Features", "kind": "multi_enum", "choices": [
            {"key": "balcony", "label": "Balcony"}, {"key": "garden", "label": "Garden"},
            {"key": "lift", "label": "Lift"}, {"key": "fireplace", "label": "Fireplace"}]}'::jsonb
            || '{"required": false, "filterable": true, "searchable": true, "harmless": false}'),
    'media', '{"kinds": ["picture"], "min": 0, "max": 12, "bytes": 10485760}'::jsonb,
    'transactions', '["request"]'::jsonb, 'access', '["free"]'::jsonb, 'price_required', false,
    'stock_required', false, 'location_required', false, 'moderation', 'none',
    'harmless', '["stock", "price"]'::jsonb, 'review_criteria', '[]'::jsonb),
    1, timestamptz '2026-01-01', timestamptz '2026-01-01'
FROM (VALUES ('project', 1000), ('service', 1001)) types (key, position)
ON CONFLICT (key) DO UPDATE SET declaration = excluded.declaration;

-- Ten trees of one root and ten branches.
INSERT INTO categories
    (id, parent_id, slug, name, translations, position, version, created_at, updated_at)
SELECT md5('category ' || n)::uuid,
       CASE WHEN n % 11 <> 0 THEN md5('category ' || n - n % 11)::uuid END,
       'generated-' || n, initcap(pg_temp.word(300 + n)), '{}', n, 1,
       timestamptz '2026-01-01', timestamptz '2026-01-01'
FROM generate_series(0, 109) c (n)
ORDER BY n;

INSERT INTO accounts (id, email, password_hash, display_name, locale, time_zone, roles, status,
                      token_version, created_at, version)
SELECT md5('account ' || n)::uuid, 'generated-' || n || '@example.test', 'none',
       'Generated ' || n, 'en', 'UTC', '{client,provider}', 'active', 1, timestamptz '2026-01-01', 1
FROM generate_series(1, current_setting('generate.providers')::integer) n;

INSERT INTO providers (id, account_id, slug, name, headline, about, category_ids, lat, lon,
                       languages, verification, status, rating_count, rating_mean, rating_score,
                       version, created_at, updated_at)
SELECT md5('provider ' || n)::uuid, md5('account ' || n)::uuid, 'generated-' || n,
       initcap(pg_temp.some_words(1)) || ' ' || n, pg_temp.some_words(4), pg_temp.some_words(30),
       ARRAY[md5('category ' || n % 110)::uuid], 47 + n % 10 + random() * 0.5 + n * 0,
       6 + n % 10 + random() * 0.5, '{en}', 'unverified', 'active', 10, 3 + random() * 2,
       3 + random() * 2, 1, timestamptz '2026-01-01' + n * interval '1 second',
       timestamptz '2026-01-01'
FROM generate_series(1, current_setting('generate.providers')::integer) n;

INSERT INTO listings (id, listing_type, provider_id, provider_active, category_id, title, slug,
                      description, price_minor, currency, price_unit, attributes, lat, lon, access,
                      status, rating_count, rating_mean, rating_score, view_count, favorite_count,
                      version, created_at, updated_at, published_at)
SELECT md5('listing ' || n)::uuid, CASE WHEN n % 4 = 0 THEN 'service' ELSE 'project' END,
       md5('provider ' || 1 + n % current_setting('generate.providers')::integer)::uuid, true,
       md5('category ' || floor(random() * 110 + n * 0))::uuid,
       initcap(pg_temp.some_words(3)), 'generated-' || n, pg_temp.some_words(40),
       100 + floor(random() * 500000), 'EUR', 'fixed',
       jsonb_build_object(
           'area', 10 + floor(random() * 300), 'height', round((2 + random() * 4)::numeric, 2),
           'ready_on', date '2026-01-01' + floor(random() * 700)::integer,
           'furnished', random() < 0.5,
           'style', (ARRAY['loft', 'classic', 'modern', 'rustic'])[1 + floor(random() * 4)::integer],
           'features', (ARRAY['["balcony"]', '["balcony", "garden"]', '["lift"]',
                              '["fireplace", "lift"]'])[1 + floor(random() * 4)::integer]::jsonb),
       47 + n % 10 + random() * 0.5, 6 + n % 10 + random() * 0.5, 'free', 'published', 5,
       1 + random() * 4, 1 + random() * 4, floor(random() * 5000), floor(random() * 50), 1,
       timestamptz '2026-01-01' + n * interval '10 seconds', timestamptz '2026-06-01',
       timestamptz '2026-06-01'
FROM generate_series(1, current_setting('generate.listings')::integer) n;

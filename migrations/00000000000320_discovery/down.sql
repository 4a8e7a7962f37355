DROP TABLE sightings, provider_favorites, listing_favorites;
DROP TRIGGER providers_search_changed ON providers;
DROP TRIGGER providers_search_inserted ON providers;
DROP TRIGGER listing_types_search ON listing_types;
DROP TRIGGER listings_search_moved ON listings;
DROP TRIGGER listings_search_changed ON listings;
DROP TRIGGER listings_search_inserted ON listings;
DROP FUNCTION providers_changed(), providers_inserted(), provider_search_refresh(uuid[]),
    provider_popularity(uuid, integer), listing_types_changed(), listings_moved(),
    listings_changed(), listings_inserted(), listing_search_refresh(uuid[]),
    listing_filterable(jsonb, jsonb), listing_searchable_text(jsonb, jsonb),
    search_words_learn(tsvector[]), search_words_near(text);
DROP TABLE provider_days, listing_days, listing_title_starts, search_words, provider_search,
    listing_numbers, listing_search;
DROP FUNCTION search_popularity(bigint, bigint),
    earth_cell(double precision, double precision), earth_point(double precision, double precision),
    search_vector(text, "char"), search_fold(text);

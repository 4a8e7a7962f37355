DROP FUNCTION listing_is_referred_to(uuid);
DROP TABLE price_history, change_requests, listings, providers, categories, listing_types;

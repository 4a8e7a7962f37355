DROP TABLE price_history, change_requests, listings, providers, categories, listing_types;

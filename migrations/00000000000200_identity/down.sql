DROP TABLE throttle_buckets, account_links, refresh_tokens, sessions, accounts;

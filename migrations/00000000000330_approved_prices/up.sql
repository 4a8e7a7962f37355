SET LOCAL lock_timeout = '2s';

-- What a listing cost when a moderator last approved it, or when it went public without one:
-- small changes of price are measured from here, however many there are.
CREATE TABLE approved_prices (
    listing_id  uuid PRIMARY KEY REFERENCES listings (id) ON DELETE CASCADE,
    price_minor bigint NOT NULL CHECK (price_minor >= 0),
    currency    text NOT NULL
);

INSERT INTO approved_prices (listing_id, price_minor, currency)
SELECT id, price_minor, currency FROM listings
WHERE status IN ('published', 'paused') AND price_minor IS NOT NULL;

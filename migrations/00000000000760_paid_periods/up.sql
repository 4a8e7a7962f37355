-- The payments on which a subscription's running period rests: what of them goes back ends it.
ALTER TABLE subscriptions ADD COLUMN paid jsonb NOT NULL DEFAULT '[]'
    CONSTRAINT subscriptions_paid CHECK (jsonb_typeof(paid) = 'array');

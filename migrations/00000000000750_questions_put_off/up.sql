-- When a gateway is asked again that could not be asked how a payout stands.
ALTER TABLE payouts ADD COLUMN inquiry_again_at timestamptz;

ALTER TABLE payouts DROP COLUMN inquiry_again_at;

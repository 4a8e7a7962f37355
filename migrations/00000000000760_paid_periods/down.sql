-- Loses which payments pay for the running periods: refunds of them do not end access any more.
ALTER TABLE subscriptions DROP COLUMN paid;

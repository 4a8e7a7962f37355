-- People are told of payments, subscriptions and payouts, too.
SET lock_timeout = '5s';

ALTER TABLE notifications
    DROP CONSTRAINT notifications_topic,
    ADD CONSTRAINT notifications_topic CHECK (topic IN (
        'bookings', 'payments', 'reviews', 'listings', 'moderation', 'account'
    )) NOT VALID;

ALTER TABLE mails
    DROP CONSTRAINT mails_topic,
    ADD CONSTRAINT mails_topic CHECK (topic IN (
        'bookings', 'payments', 'reviews', 'listings', 'moderation', 'account'
    )) NOT VALID;

ALTER TABLE notification_preferences
    DROP CONSTRAINT notification_preferences_topic,
    ADD CONSTRAINT notification_preferences_topic CHECK (topic IN (
        'bookings', 'payments', 'reviews', 'listings', 'moderation'
    )) NOT VALID;

ALTER TABLE notifications VALIDATE CONSTRAINT notifications_topic;
ALTER TABLE mails VALIDATE CONSTRAINT mails_topic;
ALTER TABLE notification_preferences VALIDATE CONSTRAINT notification_preferences_topic;

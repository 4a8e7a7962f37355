-- What people were told of payments is lost.
DELETE FROM notifications WHERE topic = 'payments';
DELETE FROM mails WHERE topic = 'payments';
DELETE FROM notification_preferences WHERE topic = 'payments';

ALTER TABLE notifications
    DROP CONSTRAINT notifications_topic,
    ADD CONSTRAINT notifications_topic
        CHECK (topic IN ('bookings', 'reviews', 'listings', 'moderation', 'account'));

ALTER TABLE mails
    DROP CONSTRAINT mails_topic,
    ADD CONSTRAINT mails_topic
        CHECK (topic IN ('bookings', 'reviews', 'listings', 'moderation', 'account'));

ALTER TABLE notification_preferences
    DROP CONSTRAINT notification_preferences_topic,
    ADD CONSTRAINT notification_preferences_topic
        CHECK (topic IN ('bookings', 'reviews', 'listings', 'moderation'));

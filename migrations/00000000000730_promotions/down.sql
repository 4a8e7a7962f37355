-- All products, promotions and coupons are lost, and what people were told of them. The extension
-- stays: others use it.
DELETE FROM notifications WHERE topic = 'promotions';
DELETE FROM mails WHERE topic = 'promotions';
DELETE FROM notification_preferences WHERE topic = 'promotions';

ALTER TABLE notifications
    DROP CONSTRAINT notifications_topic,
    ADD CONSTRAINT notifications_topic CHECK (topic IN (
        'bookings', 'payments', 'reviews', 'listings', 'moderation', 'account'
    ));

ALTER TABLE mails
    DROP CONSTRAINT mails_topic,
    ADD CONSTRAINT mails_topic CHECK (topic IN (
        'bookings', 'payments', 'reviews', 'listings', 'moderation', 'account'
    ));

ALTER TABLE notification_preferences
    DROP CONSTRAINT notification_preferences_topic,
    ADD CONSTRAINT notification_preferences_topic CHECK (topic IN (
        'bookings', 'payments', 'reviews', 'listings', 'moderation'
    ));

DROP TABLE coupon_uses;
DROP TABLE coupon_account_counts;
DROP TABLE coupon_counts;
DROP TABLE coupons;
DROP TABLE promotions;
DROP TABLE promotion_locks;
ALTER TABLE promotion_products DROP CONSTRAINT promotion_products_version;
DROP TABLE promotion_product_versions;
DROP TABLE promotion_products;

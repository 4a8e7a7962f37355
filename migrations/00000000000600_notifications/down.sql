DROP TABLE notification_preferences, mails, notifications;

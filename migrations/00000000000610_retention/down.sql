DROP INDEX notifications_read;
DROP INDEX mails_ended;

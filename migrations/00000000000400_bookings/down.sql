-- All bookings, opening hours and calendar links are lost. The extension stays: others may use it.
DROP TABLE calendar_links;
DROP TABLE appointment_settings;
DROP TABLE calendar_locks;
DROP TABLE availabilities;
DROP TABLE booking_reminders;
DROP TABLE booking_history;
DROP TABLE bookings;

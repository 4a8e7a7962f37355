DROP TABLE simulated_clock;
DROP TABLE audit_log;
DROP FUNCTION refuse_change();
DROP TABLE idempotency_keys;
DROP TABLE timers;
DROP TABLE handled_events;
DROP TABLE events;

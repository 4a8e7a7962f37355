-- What every domain stands on: events on their way out, timers, idempotency keys, the audit log,
-- simulated time.

-- Everything that happened, in the transaction that made it happen. One job per handler carries an
-- event on, by id; jobs live in the schema of the queue.
CREATE TABLE events (
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    subject     text NOT NULL,
    payload     jsonb NOT NULL,
    actor_id    uuid,
    occurred_at timestamptz NOT NULL,
    -- By the wall clock, whatever the simulated one says: retention goes by it.
    stored_at   timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX events_by_subject ON events (subject, occurred_at);
CREATE INDEX events_by_age ON events USING brin (stored_at);

-- What each handler has handled, so that a second delivery changes nothing.
CREATE TABLE handled_events (
    handler    text NOT NULL,
    event_id   uuid NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, handler)
);

CREATE INDEX handled_events_by_age ON handled_events USING brin (handled_at);

-- What is due when, by the domain's clock, which a simulation moves; the queue's own schedule
-- follows the wall clock and could not.
CREATE TABLE timers (
    kind    text NOT NULL,
    subject text NOT NULL,
    due_at  timestamptz NOT NULL,
    PRIMARY KEY (subject, kind)
);

CREATE INDEX timers_due ON timers (due_at);

CREATE TABLE idempotency_keys (
    account_id uuid NOT NULL,
    operation  text NOT NULL,
    key        text NOT NULL,
    body_hash  bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    status     smallint NOT NULL,
    headers    jsonb NOT NULL,
    body       text NOT NULL,
    stored_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, operation, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (stored_at);

-- Append-only: the trigger refuses what no code of ours does.
CREATE TABLE audit_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor_id   uuid,
    action     text NOT NULL,
    command    text NOT NULL,
    object     text NOT NULL,
    before     jsonb NOT NULL,
    after      jsonb NOT NULL,
    reason     text,
    request_id text,
    at         timestamptz NOT NULL
);

CREATE INDEX audit_log_by_object ON audit_log (object, id DESC);
CREATE INDEX audit_log_by_actor ON audit_log (actor_id, id DESC);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME;
END
$$;

CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One row when time is simulated, none otherwise: how far the clock is ahead of the wall.
CREATE TABLE simulated_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    ahead    interval NOT NULL CHECK (ahead >= interval '0')
);

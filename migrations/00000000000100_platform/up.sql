-- What every domain stands on: months of what is only ever added to, events on their way out,
-- timers, idempotency keys, the audit log, simulated time.

-- Tables that only ever grow have a partition per month, which goes as a whole when its time has
-- come, and a DEFAULT one for what no month is there for, so that no row is ever refused. The key
-- is a time, or an id that begins with one (UUIDv7).

-- Where the ids of a time begin.
CREATE FUNCTION first_id_at(moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- When an id was made; NULL for one that does not say.
CREATE FUNCTION id_made_at(id uuid) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE substr(id::text, 15, 1) WHEN '7' THEN
        to_timestamp(('x' || translate(left(id::text, 13), '-', ''))::bit(48)::bigint / 1000.0) END
$$;

-- The column that a table is parted by, and whether it is an id.
CREATE FUNCTION partition_key(parent text, OUT key text, OUT is_id boolean)
    LANGUAGE sql STABLE AS $$
    SELECT a.attname, a.atttypid = 'uuid'::regtype
    FROM pg_partitioned_table p
    JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
    WHERE p.partrelid = parent::regclass
$$;

-- The months that a table has a partition for.
CREATE FUNCTION partition_months(parent text) RETURNS TABLE (month date, name text)
    LANGUAGE sql STABLE AS $$
    SELECT to_date(right(c.relname, -length(parent) - 1), 'YYYY_MM'), c.relname::text
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = parent::regclass AND c.relname ~ '_\d{4,}_\d\d$'
$$;

-- The months that want a partition: from that of `moment` so many ahead, and those of rows that
-- lie in the DEFAULT one, from `oldest` on.
CREATE FUNCTION missing_months(parent text, moment timestamptz, ahead integer, oldest timestamptz)
    RETURNS SETOF date LANGUAGE plpgsql STABLE AS $$
DECLARE
    part record;
    time_of text;
BEGIN
    SELECT * INTO STRICT part FROM partition_key(parent);
    time_of := format(CASE WHEN part.is_id THEN 'id_made_at(%I)' ELSE '%I' END, part.key);
    RETURN QUERY EXECUTE format(
        $q$
        SELECT (date_trunc('month', $1 AT TIME ZONE 'UTC') + make_interval(months => n))::date
        FROM generate_series(0, $2) n
        UNION
        SELECT DISTINCT date_trunc('month', %1$s AT TIME ZONE 'UTC')::date FROM %2$I
        WHERE %1$s >= coalesce(date_trunc('month', $3 AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
                               '-infinity')
          -- An id that says another century was not made by a clock.
          AND (NOT $4 OR %1$s < $1 + interval '2 years')
        EXCEPT SELECT month FROM partition_months(%3$L)
        ORDER BY 1
        $q$, time_of, parent || '_default', parent)
    USING moment, ahead, oldest, part.is_id;
END
$$;

-- Makes the partition of a month and moves there what lies in the DEFAULT one; false if it exists.
-- Whoever adds rows meanwhile waits: routed by the old partitions, they would be refused.
CREATE FUNCTION make_partition(parent text, month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    name text := parent || to_char(month, '_YYYY_MM');
    rest text := parent || '_default';
    starts timestamptz := month::timestamp AT TIME ZONE 'UTC';
    ends timestamptz := (month + interval '1 month') AT TIME ZONE 'UTC';
    part record;
    low text;
    high text;
BEGIN
    EXECUTE format('LOCK TABLE ONLY %I IN SHARE ROW EXCLUSIVE MODE', parent);
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    SELECT * INTO STRICT part FROM partition_key(parent);
    low := quote_literal(CASE WHEN part.is_id THEN first_id_at(starts)::text ELSE starts::text END);
    high := quote_literal(CASE WHEN part.is_id THEN first_id_at(ends)::text ELSE ends::text END);
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
        name, parent);
    -- The triggers that refuse changes are for those who have a change in mind.
    EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', rest);
    EXECUTE format(
        'WITH moved AS (DELETE FROM %1$I WHERE %2$I >= %3$s AND %2$I < %4$s RETURNING *) '
        'INSERT INTO %5$I SELECT * FROM moved', rest, part.key, low, high, name);
    EXECUTE format('ALTER TABLE %I ENABLE TRIGGER USER', rest);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
        parent, name, low, high);
    RETURN true;
END
$$;

-- Drops a partition, but for rows of these keys, which go to the DEFAULT one.
CREATE FUNCTION drop_partition(parent text, name text, kept uuid[]) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    part record;
BEGIN
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', parent);
    -- Another may have been here first.
    IF to_regclass(name) IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO STRICT part FROM partition_key(parent);
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, name);
    IF cardinality(kept) > 0 THEN
        EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE %I = ANY ($1)', parent, name, part.key)
        USING kept;
    END IF;
    EXECUTE format('DROP TABLE %I', name);
END
$$;

-- Everything that happened, in the transaction that made it happen. One job per handler carries an
-- event on, by id; jobs live in the schema of the queue.
CREATE TABLE events (
    -- Made by the wall clock, whatever the simulated one says: retention goes by it.
    id          uuid PRIMARY KEY,
    name        text NOT NULL,
    subject     text NOT NULL,
    payload     jsonb NOT NULL,
    actor_id    uuid,
    occurred_at timestamptz NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT now()
) PARTITION BY RANGE (id);

CREATE TABLE events_default PARTITION OF events DEFAULT;

CREATE INDEX events_by_subject ON events (subject, occurred_at);

-- What each handler has handled, so that a second delivery changes nothing. By the month of the
-- event: by that of the handling, a key could not span the months.
CREATE TABLE handled_events (
    handler    text NOT NULL,
    event_id   uuid NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, handler)
) PARTITION BY RANGE (event_id);

CREATE TABLE handled_events_default PARTITION OF handled_events DEFAULT;

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
CREATE SEQUENCE audit_log_ids;

CREATE TABLE audit_log (
    id         bigint NOT NULL DEFAULT nextval('audit_log_ids'),
    actor_id   uuid,
    action     text NOT NULL,
    command    text NOT NULL,
    object     text NOT NULL,
    before     jsonb NOT NULL,
    after      jsonb NOT NULL,
    reason     text,
    request_id text,
    -- By the clock of the marketplace, which a simulation moves.
    at         timestamptz NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);

ALTER SEQUENCE audit_log_ids OWNED BY audit_log.id;

CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;

CREATE INDEX audit_log_by_object ON audit_log (object, id DESC);
CREATE INDEX audit_log_by_actor ON audit_log (actor_id, id DESC);

-- Says the name that it is told, since a partition has one of its own.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', coalesce(TG_ARGV[0], TG_TABLE_NAME);
END
$$;

CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change('audit_log');

-- One row when time is simulated, none otherwise: how far the clock is ahead of the wall.
CREATE TABLE simulated_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    ahead    interval NOT NULL CHECK (ahead >= interval '0')
);

-- This month and the next three; a cron job of the worker makes those that follow.
SELECT make_partition(parent, month)
FROM unnest(ARRAY['events', 'handled_events', 'audit_log']) parent
CROSS JOIN LATERAL missing_months(parent, now(), 3, NULL) month;

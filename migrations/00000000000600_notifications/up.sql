-- What people are told, the mails that carry it, and what they want to be told.

-- Ids and facts: the words are chosen when they are read.
CREATE TABLE notifications (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts (id),
    event_id   uuid NOT NULL,
    topic      text NOT NULL,
    text       text NOT NULL,
    subject    text NOT NULL,
    facts      jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    read_at    timestamptz,
    CONSTRAINT notifications_once UNIQUE (account_id, event_id, text),
    CONSTRAINT notifications_topic
        CHECK (topic IN ('bookings', 'reviews', 'listings', 'moderation', 'account'))
);

CREATE INDEX notifications_newest ON notifications (account_id, created_at DESC, id DESC);
CREATE INDEX notifications_unread ON notifications (account_id, created_at DESC, id DESC)
    WHERE read_at IS NULL;

-- A mail to a person: no address, no words, no secrets. Those are looked up when it is sent.
CREATE TABLE mails (
    id            uuid PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES accounts (id),
    template      text NOT NULL,
    topic         text NOT NULL,
    text          text NOT NULL,
    subject       text NOT NULL,
    data          jsonb NOT NULL,
    state         text NOT NULL,
    attempts      integer NOT NULL CHECK (attempts >= 0),
    -- A sender is at it.
    claimed_until timestamptz,
    -- Why it was put off or given up: an SMTP code or a word of ours.
    problem       text,
    ended_at      timestamptz,
    created_at    timestamptz NOT NULL,
    CONSTRAINT mails_template CHECK (template IN
        ('notification', 'verify_address', 'reset_password', 'address_taken', 'confirm_review')),
    CONSTRAINT mails_topic
        CHECK (topic IN ('bookings', 'reviews', 'listings', 'moderation', 'account')),
    CONSTRAINT mails_state CHECK (
        CASE state
            WHEN 'queued' THEN ended_at IS NULL
            WHEN 'sent' THEN ended_at IS NOT NULL
            WHEN 'failed' THEN ended_at IS NOT NULL AND problem IS NOT NULL
            WHEN 'dropped' THEN ended_at IS NOT NULL
            ELSE false
        END
    ),
    CONSTRAINT mails_claim CHECK (claimed_until IS NULL OR state = 'queued')
);

CREATE INDEX mails_of_account ON mails (account_id, created_at DESC);
CREATE INDEX mails_waiting ON mails (created_at) WHERE state = 'queued';

-- What a person chose; a topic without a row is on.
CREATE TABLE notification_preferences (
    account_id uuid NOT NULL REFERENCES accounts (id),
    topic      text NOT NULL,
    in_app     boolean NOT NULL,
    mail       boolean NOT NULL,
    PRIMARY KEY (account_id, topic),
    CONSTRAINT notification_preferences_topic
        CHECK (topic IN ('bookings', 'reviews', 'listings', 'moderation'))
);

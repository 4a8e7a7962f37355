-- Accounts, their sessions, the links mailed to them, and how often somebody tried.

-- Finding an account by a part of its address or name.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE accounts (
    id                uuid PRIMARY KEY,
    -- In lower case. An erased account has neither an address nor a password.
    email             text CONSTRAINT accounts_address_taken UNIQUE,
    password_hash     text,
    display_name      text NOT NULL,
    locale            text NOT NULL,
    time_zone         text NOT NULL,
    roles             text[] NOT NULL,
    status            text NOT NULL,
    suspended_at      timestamptz,
    suspension_reason text,
    erased_at         timestamptz,
    email_verified_at timestamptz,
    -- Sessions carry the version they were opened under; those of an older one are over.
    token_version     integer NOT NULL CHECK (token_version >= 1),
    created_at        timestamptz NOT NULL,
    version           integer NOT NULL CHECK (version >= 1),
    CONSTRAINT accounts_status CHECK (status IN ('active', 'suspended', 'erased')),
    CONSTRAINT accounts_suspension CHECK (
        (status = 'suspended') = (suspended_at IS NOT NULL AND suspension_reason IS NOT NULL)
    ),
    CONSTRAINT accounts_erasure CHECK (
        CASE WHEN status = 'erased'
             THEN erased_at IS NOT NULL AND email IS NULL AND password_hash IS NULL
             ELSE erased_at IS NULL AND email IS NOT NULL AND password_hash IS NOT NULL END
    ),
    CONSTRAINT accounts_email_lower CHECK (email = lower(email)),
    CONSTRAINT accounts_roles CHECK (
        roles <@ ARRAY['client', 'provider', 'moderator', 'admin'] AND 'client' = ANY (roles)
    )
);

CREATE INDEX accounts_newest ON accounts (created_at DESC, id DESC);
CREATE INDEX accounts_by_status ON accounts (status, created_at DESC, id DESC);
CREATE INDEX accounts_by_role ON accounts USING gin (roles);
CREATE INDEX accounts_by_words ON accounts USING gin (email gin_trgm_ops, display_name gin_trgm_ops);

-- One device that signed in: one family of refresh tokens.
CREATE TABLE sessions (
    id            uuid PRIMARY KEY,
    account_id    uuid NOT NULL REFERENCES accounts (id),
    token_version integer NOT NULL,
    -- What the device said it is.
    device        text,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    end_reason    text,
    version       integer NOT NULL CHECK (version >= 1),
    CONSTRAINT sessions_end CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT sessions_end_reason CHECK (end_reason IN
        ('signed_out', 'revoked', 'password_changed', 'suspended', 'erased', 'token_reused'))
);

CREATE INDEX sessions_by_account ON sessions (account_id, created_at DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The digest of every refresh token of a session, also of those that were exchanged: seeing one of
-- them again is how a theft shows.
CREATE TABLE refresh_tokens (
    digest     bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    used_at    timestamptz,
    -- The successor, readable only with the token itself, and only until the successor is used.
    successor  bytea CHECK (octet_length(successor) = 32),
    CONSTRAINT refresh_tokens_use CHECK (successor IS NULL OR used_at IS NOT NULL)
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
-- A session has one token that was not used.
CREATE UNIQUE INDEX refresh_tokens_one_current ON refresh_tokens (session_id) WHERE used_at IS NULL;

-- One-time links, by the digest of their token.
CREATE TABLE account_links (
    digest     bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    account_id uuid NOT NULL REFERENCES accounts (id),
    purpose    text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT account_links_purpose CHECK (purpose IN ('verify_email', 'reset_password'))
);

CREATE INDEX account_links_by_account ON account_links (account_id, purpose);
CREATE INDEX account_links_by_expiry ON account_links (expires_at);

-- Leaky buckets, by a digest of what they are about.
CREATE TABLE throttle_buckets (
    key      bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    -- When it will have drained; before that it holds something. No index, so that an update stays
    -- on its page.
    empty_at timestamptz NOT NULL
) WITH (fillfactor = 70);

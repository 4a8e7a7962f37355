-- Bank transfers that admins confirm: one for each payment that is made by one.
CREATE TABLE bank_transfers (
    payment_id uuid PRIMARY KEY,
    -- What the payer writes on it.
    code       text        NOT NULL CONSTRAINT bank_transfers_code UNIQUE,
    -- What it waits for.
    standing   text        NOT NULL
               CONSTRAINT bank_transfers_standing CHECK (standing IN ('expected', 'to_return', 'settled')),
    ordered_at timestamptz NOT NULL,
    version    integer     NOT NULL CHECK (version >= 1),
    document   jsonb       NOT NULL
);

CREATE INDEX bank_transfers_by_standing ON bank_transfers (standing, ordered_at, payment_id);

-- Only TEXT and BIGINT, so that both databases take the same text. Times are milliseconds since 1970, hashes are hex.
CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    -- Null: a token of the system and not of one customer.
    customer TEXT,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX tokens_by_customer ON tokens (customer, id);

-- One entry for each thing that was done, and for refusals of one kind and place together. `hash` covers the entry and
-- the hash of the one before.
CREATE TABLE audit (
    number BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    role TEXT NOT NULL,
    customer TEXT NOT NULL,
    source TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    status BIGINT NOT NULL,
    code TEXT NOT NULL,
    request TEXT NOT NULL,
    times BIGINT NOT NULL,
    hash TEXT NOT NULL
);

CREATE INDEX audit_by_customer ON audit (customer, number);

-- One row. The last entry, and the last one that was removed to make room.
CREATE TABLE audit_head (
    id BIGINT NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    hash TEXT NOT NULL,
    removed_number BIGINT NOT NULL,
    removed_hash TEXT NOT NULL
);

INSERT INTO audit_head (id, number, hash, removed_number, removed_hash) VALUES (1, 0, '', 0, '');

-- Where alerts are sent to, and how that goes.
CREATE TABLE destinations (
    id TEXT NOT NULL PRIMARY KEY,
    customer TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    form TEXT NOT NULL,
    secret TEXT NOT NULL,
    matchers TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    -- Until when one server alone sends, and when the next try may be.
    leased_until BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    -- Tries that have failed since the last success, and why the last one did.
    failures BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    delivered BIGINT NOT NULL,
    dropped BIGINT NOT NULL
);

CREATE INDEX destinations_by_customer ON destinations (customer, id);

-- What is still to be sent, in the order of the alert topic.
CREATE TABLE deliveries (
    number BIGINT NOT NULL PRIMARY KEY,
    destination TEXT NOT NULL,
    at BIGINT NOT NULL,
    document TEXT NOT NULL
);

CREATE INDEX deliveries_by_destination ON deliveries (destination, number);

-- One row for each alert: what the alert topic says of it, and what people did about it.
CREATE TABLE alerts (
    instance TEXT NOT NULL PRIMARY KEY,
    -- Counts alerts as they came first, for pages.
    number BIGINT NOT NULL,
    customer TEXT NOT NULL,
    rule TEXT NOT NULL,
    name TEXT NOT NULL,
    severity TEXT NOT NULL,
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- How many records of the topic it has, and in which reading of the topic they were counted.
    records BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    document TEXT NOT NULL,
    status TEXT NOT NULL,
    assignee TEXT NOT NULL,
    -- When the status was set, and how often people have changed something.
    handled_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE UNIQUE INDEX alerts_by_number ON alerts (number);
CREATE INDEX alerts_by_customer ON alerts (customer, number);

-- What people did about an alert, in their order.
CREATE TABLE alert_actions (
    instance TEXT NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    status TEXT NOT NULL,
    assignee TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (instance, version)
);

-- How far a topic was read into tables, by partition. The row of partition -1 is taken first by whoever writes; its
-- `next` is the last number that was given.
CREATE TABLE projections (
    name TEXT NOT NULL,
    part BIGINT NOT NULL,
    next BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    PRIMARY KEY (name, part)
);

CREATE TABLE silences (
    id TEXT NOT NULL PRIMARY KEY,
    customer TEXT NOT NULL,
    matchers TEXT NOT NULL,
    reason TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at BIGINT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL
);

CREATE INDEX silences_by_customer ON silences (customer, id);

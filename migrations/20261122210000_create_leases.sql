-- Who may do what only one process may do at a time, such as closing epochs. Times are the database's own, so that the
-- processes' clocks do not matter.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_ms BIGINT NOT NULL,
    -- How often the lease changed hands.
    terms BIGINT NOT NULL
);

-- Where a subscriber goes on after a restart: what was dealt with of each publisher's chain.
CREATE TABLE positions (
    stream BYTEA NOT NULL,
    publisher BYTEA NOT NULL,
    -- 8 bytes, big-endian.
    chain BYTEA NOT NULL,
    -- The first number that is not dealt with.
    next BIGINT NOT NULL,
    -- When that was written, milliseconds since 1970: the longest silent chains are forgotten first.
    written_ms BIGINT NOT NULL,
    PRIMARY KEY (stream, publisher, chain)
) WITHOUT ROWID;

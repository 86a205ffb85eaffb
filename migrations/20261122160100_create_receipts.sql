-- The newest receipt of each key. The key is epoch (8 bytes, big-endian) ‖ payer ‖ node ‖ stream key ‖ role, 93 bytes, so
-- that one epoch, and one payer in it, is one range of the primary key.
CREATE TABLE receipts (
    key BYTEA NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    -- The 274 canonical bytes; every other field is in them.
    signed BYTEA NOT NULL
);

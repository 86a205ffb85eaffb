-- The receipt of each key that counts. The key is epoch (8 bytes, big-endian) ‖ payer ‖ operator ‖ node ‖ stream key ‖ role ‖
-- reader, 101 bytes, so that one epoch, and one payer in it, is one range of the primary key, in canonical order.
CREATE TABLE receipts (
    key BYTEA NOT NULL PRIMARY KEY,
    -- Bytes on time (8, big-endian) ‖ sequence (8) ‖ EIP-712 struct hash (32), compared as bytes: the highest counts.
    rank BYTEA NOT NULL,
    -- The 278 canonical bytes; every other field is in them.
    signed BYTEA NOT NULL
);

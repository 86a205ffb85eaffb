-- The highest ranking receipt of each key that passed through this process: given to a relay, or by a client.
CREATE TABLE node_receipts (
    -- epoch (8 bytes, big-endian) ‖ payer ‖ operator ‖ node ‖ stream key ‖ role ‖ reader, as in the aggregator's table.
    key BYTEA NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    -- As in the aggregator's table.
    rank BYTEA NOT NULL,
    -- The 278 canonical bytes.
    signed BYTEA NOT NULL,
    -- The node's acknowledgement (32 bytes digest, 64 bytes signature) of the highest ranking acknowledged one.
    acknowledgement BYTEA,
    -- Its rank; empty, which is below any, until one is acknowledged.
    acknowledged_rank BYTEA NOT NULL,
    -- The aggregator has answered for receipts up to this rank; less than `rank` means that it is to be handed in.
    answered_rank BYTEA NOT NULL,
    -- How often the aggregator refused the newest one, and its last words.
    refusals BIGINT NOT NULL,
    reason TEXT
);

CREATE INDEX node_receipts_by_epoch ON node_receipts (epoch);

-- Which of its payer's processes this one is: drawn once and kept, so that its receipts go on from where they were. One row.
CREATE TABLE reader (
    id BIGINT NOT NULL PRIMARY KEY,
    reader BIGINT NOT NULL
);

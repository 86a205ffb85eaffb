-- The highest ranking receipt of each key that passed through this process: given to a relay, or by a client.
CREATE TABLE node_receipts (
    -- epoch (8 bytes, big-endian) ‖ payer ‖ operator ‖ node ‖ stream key ‖ role ‖ reader, as in the aggregator's table.
    key BYTEA NOT NULL PRIMARY KEY,
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
    -- How often the aggregator rejected the newest one, and its last words.
    rejections BIGINT NOT NULL,
    reason TEXT
    -- In the order of their keys, as the outbox reads and answers them: a batch then lies on few pages. This file is SQLite's only.
) WITHOUT ROWID;

-- Which of its payer's processes this one is: drawn once and kept, so that its receipts go on from where they were. One row.
CREATE TABLE reader (
    id BIGINT NOT NULL PRIMARY KEY,
    reader BIGINT NOT NULL
);

-- The newest receipt of each key that passed through this process: given to a relay, or by a client.
CREATE TABLE node_receipts (
    -- epoch (8 bytes, big-endian) ‖ payer ‖ node ‖ stream key ‖ role, as in the aggregator's table.
    key BYTEA NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    -- The 274 canonical bytes.
    signed BYTEA NOT NULL,
    -- The node's acknowledgement (32 bytes digest, 64 bytes signature) of the newest acknowledged sequence.
    acknowledgement BYTEA,
    acknowledged_sequence BIGINT NOT NULL,
    -- The aggregator has answered for receipts up to this sequence; less than `sequence` means that it is to be handed in.
    answered_sequence BIGINT NOT NULL,
    -- How often the aggregator refused the newest one, and its last words.
    refusals BIGINT NOT NULL,
    reason TEXT
);

CREATE INDEX node_receipts_by_epoch ON node_receipts (epoch);

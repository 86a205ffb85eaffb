-- What was rejected, with the reason, for a limited time. The id is keccak256(code ‖ 0 ‖ bytes): rejecting the same bytes for
-- the same reason again counts up instead of adding a row.
CREATE TABLE rejected_receipts (
    id BYTEA NOT NULL PRIMARY KEY,
    code TEXT NOT NULL,
    -- The whole reason as JSON.
    reason TEXT NOT NULL,
    -- The payer and epoch named in the receipt, if it could be read.
    payer BYTEA,
    epoch BIGINT,
    -- As handed in; the first 2048 bytes.
    bytes BYTEA NOT NULL,
    times BIGINT NOT NULL,
    first_ms BIGINT NOT NULL,
    last_ms BIGINT NOT NULL
);

CREATE INDEX rejected_receipts_by_payer ON rejected_receipts (payer, last_ms);
CREATE INDEX rejected_receipts_by_time ON rejected_receipts (last_ms);

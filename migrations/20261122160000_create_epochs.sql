-- One row per epoch that saw a receipt or was closed. Only `open` epochs take receipts: writers lock the row by updating it,
-- so closing an epoch waits for the transactions that still write into it, and none can begin afterwards.
CREATE TABLE epochs (
    epoch BIGINT NOT NULL PRIMARY KEY,
    -- open, closing, rolled, proposed, finalized; only ever moves to the right.
    state TEXT NOT NULL,
    -- Transactions that wrote receipts of the epoch.
    batches BIGINT NOT NULL,
    -- Set when the epoch is rolled up.
    receipts BIGINT,
    block_number BIGINT,
    block_hash BYTEA,
    manifest_hash BYTEA,
    root BYTEA,
    receipts_root BYTEA,
    pot_nano BIGINT,
    distributed_nano BIGINT,
    utilisation_bps BIGINT,
    uri TEXT,
    -- Set when the root stands on the chain as a proposal, ours or another proposer's equal one.
    proposer BYTEA,
    propose_tx BYTEA,
    finalizable_at_s BIGINT,
    finalize_tx BYTEA,
    -- What an operator should know about the epoch, such as why it does not move on.
    note TEXT,
    updated_ms BIGINT NOT NULL
);

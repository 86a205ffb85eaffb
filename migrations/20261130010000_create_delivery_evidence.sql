-- The receipts that payment channels pay, of each key the one that ranks highest: evidence of delivery, and part of no epoch's
-- roll-up. As the table of receipts, so that a payer's with an operator in an epoch are one range of the primary key.
CREATE TABLE delivery_evidence (
    key BYTEA NOT NULL PRIMARY KEY,
    rank BYTEA NOT NULL,
    signed BYTEA NOT NULL,
    -- As in the table of receipts.
    beside BYTEA
);

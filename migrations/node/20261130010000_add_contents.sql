-- What lies beside the receipt and what its `contents` commits to: lines of 100 bytes; NULL if nothing came with it.
ALTER TABLE node_receipts ADD COLUMN beside BYTEA;

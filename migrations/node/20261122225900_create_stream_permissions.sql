-- The newest permission list of each stream, signed by the stream's owner. A store never goes back to an older one.
CREATE TABLE stream_permissions (
    stream TEXT NOT NULL PRIMARY KEY,
    -- Which of two lists is newer: the version (8 bytes, big-endian) ‖ the EIP-712 struct hash, compared as bytes.
    rank BYTEA NOT NULL,
    -- The list and its signature as JSON.
    signed TEXT NOT NULL
);

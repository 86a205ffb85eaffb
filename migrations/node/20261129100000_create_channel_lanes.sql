-- Of each lane of a payment channel the receipt that owes most, whatever its epoch and rank: what the channel is redeemed with, and
-- what both sides go on from.
CREATE TABLE channel_lanes (
    -- keccak256(channel ‖ node ‖ stream key ‖ role ‖ reader).
    lane BYTEA NOT NULL PRIMARY KEY,
    -- Wei, 16 bytes, big-endian.
    owed BYTEA NOT NULL,
    -- The 278 canonical bytes.
    signed BYTEA NOT NULL
);

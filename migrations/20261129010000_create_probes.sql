-- One line, written again and again to find out whether anything can be written.
CREATE TABLE probes (
    id BIGINT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL
);

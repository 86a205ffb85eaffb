-- What a distribution pays no longer comes with a report of what was used: prices follow what the chain knows.
ALTER TABLE epochs DROP COLUMN utilisation_bps;

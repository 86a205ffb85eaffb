-- What each payer's receipts steer to each operator: one row a pair that has a receipt, also at nothing. The receipts that were
-- counted for it go along to the end, so that rows that an engine reads twice or not at all are noticed.
--
-- The rule is that of "Payout of an epoch" in docs/dataset.md, over the tables of a dataset (receipts, payers, operators) and
-- the one row of `parameters`, which is from the manifest. checks.sql must have found nothing before. The other queries read
-- this one as the view `edges`.
--
-- Whole numbers only. floor(x / c) is written (x - x % c) / c, an exact division, of which a cast to DECIMAL(20, 0) takes
-- nothing away. Engines scale x up for a division, some by ten thousand, so every x here stays below 1.7e34, and every
-- result below 1e38: a cast to fewer digits fails where a number would not fit, and the bound is noted beside it.
--
-- floor(a * b / c) of large a goes digit by digit, as on paper. With a = high * B + low and high * b = q * c + r,
-- floor(a * b / c) = q * B + floor((r * B + low * b) / c).
WITH
-- The units of each receipt are its bytes on time, at most 2^40.
units AS (
    SELECT payer,
           operator_id,
           CAST(bytes_on_time AS DECIMAL(13, 0)) AS units
    FROM receipts
),
pairs AS (
    SELECT payer,
           operator_id,
           CAST(SUM(units) AS DECIMAL(23, 0)) AS units,
           COUNT(*) AS receipts
    FROM units
    GROUP BY payer, operator_id
),
totals AS (
    SELECT payer, CAST(SUM(units) AS DECIMAL(23, 0)) AS units
    FROM units
    GROUP BY payer
),
-- What a payer's receipts steer: the fee less its pool share, in two digits of base 1e9. Whoever pays nothing steers nothing,
-- and so do units of nothing.
fees AS (
    SELECT payer,
           CAST((fee_wei - fee_wei % 1000000000) / 1000000000 AS DECIMAL(20, 0)) AS nano
    FROM payers
),
steered AS (
    SELECT payer,
           nano - CAST((nano * pool_bps - nano * pool_bps % 10000) / 10000 AS DECIMAL(20, 0)) AS nano
    FROM fees
    CROSS JOIN parameters
),
payer_digits AS (
    SELECT totals.payer,
           CAST((COALESCE(nano, 0) - COALESCE(nano, 0) % 1000000000) / 1000000000 AS DECIMAL(11, 0)) AS high,
           CAST(COALESCE(nano, 0) % 1000000000 AS DECIMAL(9, 0)) AS low,
           totals.units AS payer_units,
           CASE WHEN totals.units = 0 THEN CAST(1 AS DECIMAL(23, 0)) ELSE totals.units END AS total
    FROM totals
    LEFT JOIN steered ON steered.payer = totals.payer
),
-- The first digit: below 1e11 * 1e23.
first_digit AS (
    SELECT pairs.payer,
           pairs.operator_id,
           pairs.units,
           pairs.receipts,
           payer_units,
           high * pairs.units AS product,
           low * pairs.units AS rest,
           total
    FROM pairs
    JOIN payer_digits ON payer_digits.payer = pairs.payer
),
-- The second: below 1e23 * 1e9 + 1e9 * 1e23.
second_digit AS (
    SELECT payer,
           operator_id,
           units,
           receipts,
           payer_units,
           CAST((product - product % total) / total AS DECIMAL(11, 0)) AS quotient,
           CAST(product % total AS DECIMAL(23, 0)) * 1000000000 + rest AS product,
           total
    FROM first_digit
)
SELECT operator_id,
       payer,
       units,
       receipts,
       payer_units,
       CAST(quotient * 1000000000 + CAST((product - product % total) / total AS DECIMAL(10, 0))
            AS DECIMAL(20, 0)) AS nano
FROM second_digit

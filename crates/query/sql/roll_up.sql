-- What each operator gets of one epoch: from payers' receipts, and from the common pool. One row an operator, by id.
--
-- The rule is that of "Payout of an epoch" in docs/architecture.md, over the tables of a dataset (receipts, payers,
-- operators) and the one row of `parameters`, which is from the manifest. checks.sql must have found nothing before.
--
-- Whole numbers only. floor(x / c) is written (x - x % c) / c, an exact division, of which a cast to DECIMAL(20, 0) takes
-- nothing away. Engines scale x up for a division, some by ten thousand, so every x here stays below 1.7e34, and every
-- result below 1e38: a cast to fewer digits fails where a number would not fit, and the bound is noted beside it.
--
-- floor(a * b / c) of large a goes digit by digit, as on paper. With a = high * B + low and high * b = q * c + r,
-- floor(a * b / c) = q * B + floor((r * B + low * b) / c).
WITH
-- The units of each receipt are its bytes on time, at most 2^40. Operators' ids are 0, 1, 2 ...; those that do not exist
-- count for nothing.
units AS (
    SELECT payer,
           operator_id,
           CAST(bytes_on_time AS DECIMAL(13, 0)) AS units
    FROM receipts
    WHERE operator_id < (SELECT COUNT(*) FROM operators)
),
edges AS (
    SELECT payer, operator_id, CAST(SUM(units) AS DECIMAL(23, 0)) AS units
    FROM units
    GROUP BY payer, operator_id
),
totals AS (
    SELECT payer, CAST(SUM(units) AS DECIMAL(23, 0)) AS units
    FROM units
    GROUP BY payer
    HAVING SUM(units) > 0
),
-- What a payer's receipts steer: the fee less its pool share, in two digits of base 1e9.
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
    SELECT steered.payer,
           CAST((nano - nano % 1000000000) / 1000000000 AS DECIMAL(11, 0)) AS high,
           CAST(nano % 1000000000 AS DECIMAL(9, 0)) AS low,
           totals.units
    FROM steered
    JOIN totals ON totals.payer = steered.payer
),
-- The first digit: below 1e11 * 1e23.
first_digit AS (
    SELECT edges.operator_id,
           high * edges.units AS product,
           low * edges.units AS rest,
           payer_digits.units AS total
    FROM edges
    JOIN payer_digits ON payer_digits.payer = edges.payer
),
-- The second: below 1e23 * 1e9 + 1e9 * 1e23.
second_digit AS (
    SELECT operator_id,
           CAST((product - product % total) / total AS DECIMAL(11, 0)) AS quotient,
           CAST(product % total AS DECIMAL(23, 0)) * 1000000000 + rest AS product,
           total
    FROM first_digit
),
shares AS (
    SELECT operator_id,
           CAST(quotient * 1000000000 + CAST((product - product % total) / total AS DECIMAL(10, 0))
                AS DECIMAL(20, 0)) AS nano
    FROM second_digit
),
earned AS (
    SELECT operator_id, CAST(SUM(nano) AS DECIMAL(20, 0)) AS nano
    FROM shares
    GROUP BY operator_id
),
-- Everything else of what is available is the common pool, split by weight over the eligible.
weights AS (
    SELECT operators.operator_id,
           CAST(COALESCE(earned.nano, 0) AS DECIMAL(20, 0)) AS from_receipts,
           CASE WHEN NOT eligible THEN CAST(0 AS DECIMAL(28, 0))
                WHEN pool_weight = 'bond' THEN CAST(bond_wei AS DECIMAL(28, 0))
                ELSE CAST(1 AS DECIMAL(28, 0))
           END AS weight,
           available_nano
    FROM operators
    CROSS JOIN parameters
    LEFT JOIN earned ON earned.operator_id = operators.operator_id
),
pools AS (
    SELECT operator_id,
           from_receipts,
           weight,
           CAST(SUM(weight) OVER () AS DECIMAL(28, 0)) AS total,
           CAST(available_nano - SUM(from_receipts) OVER () AS DECIMAL(20, 0)) AS pool
    FROM weights
),
-- Four digits of base 1e5, for weights in wei go up to 1e28. Nobody's weight: nobody's pool.
pool_digits AS (
    SELECT operator_id,
           from_receipts,
           weight,
           CASE WHEN total = 0 THEN CAST(1 AS DECIMAL(28, 0)) ELSE total END AS total,
           pool % 100000 AS d0,
           CAST((pool % 10000000000 - pool % 100000) / 100000 AS DECIMAL(5, 0)) AS d1,
           CAST((pool % 1000000000000000 - pool % 10000000000) / 10000000000 AS DECIMAL(5, 0)) AS d2,
           CAST((pool - pool % 1000000000000000) / 1000000000000000 AS DECIMAL(5, 0)) AS d3
    FROM pools
),
pool_3 AS (
    SELECT *, d3 * weight AS x3 FROM pool_digits
),
pool_2 AS (
    SELECT *,
           CAST((x3 - x3 % total) / total AS DECIMAL(5, 0)) AS q3,
           CAST(x3 % total AS DECIMAL(28, 0)) * 100000 + d2 * weight AS x2
    FROM pool_3
),
pool_1 AS (
    SELECT *,
           CAST((x2 - x2 % total) / total AS DECIMAL(6, 0)) AS q2,
           CAST(x2 % total AS DECIMAL(28, 0)) * 100000 + d1 * weight AS x1
    FROM pool_2
),
pool_0 AS (
    SELECT *,
           CAST((x1 - x1 % total) / total AS DECIMAL(6, 0)) AS q1,
           CAST(x1 % total AS DECIMAL(28, 0)) * 100000 + d0 * weight AS x0
    FROM pool_1
)
SELECT operator_id,
       from_receipts AS from_receipts_nano,
       CAST(q3 * 1000000000000000 + q2 * 10000000000 + q1 * 100000
            + CAST((x0 - x0 % total) / total AS DECIMAL(6, 0)) AS DECIMAL(20, 0)) AS from_pool_nano
FROM pool_0
ORDER BY operator_id

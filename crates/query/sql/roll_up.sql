-- What each operator gets of one epoch: of its work, and of the common pool. One row an operator, by id.
--
-- How numbers are kept whole is said in edges.sql.
WITH
works AS (
    SELECT operator_id,
           CAST(SUM(nano) AS DECIMAL(20, 0)) AS nano,
           CAST(SUM(receipts) AS DECIMAL(20, 0)) AS receipts
    FROM edges
    GROUP BY operator_id
),
backed AS (
    SELECT operators.operator_id,
           CAST(COALESCE(works.nano, 0) AS DECIMAL(20, 0)) AS work,
           CAST(COALESCE(works.receipts, 0) AS DECIMAL(20, 0)) AS receipts,
           CAST(bond_wei AS DECIMAL(28, 0)) AS bond,
           CAST(capacity_bytes AS DECIMAL(28, 0)) AS capacity
    FROM operators
    LEFT JOIN works ON works.operator_id = operators.operator_id
),
-- What receipts steer to nobody is common. It is below nothing if they steer more than there is: then there is no answer.
sums AS (
    SELECT operator_id,
           work,
           receipts,
           bond,
           capacity,
           CAST(SUM(bond) OVER () AS DECIMAL(28, 0)) AS total_bond,
           CAST(SUM(capacity) OVER () AS DECIMAL(28, 0)) AS total_capacity,
           CAST(available_nano - SUM(work) OVER () AS DECIMAL(20, 0)) AS common,
           pot_nano,
           pool_limit_bps
    FROM backed
    CROSS JOIN parameters
),
-- Two amounts are divided by weight: the pot by capacity, which caps what an operator earns at the full price, and the common
-- pool by bond. Nobody's weight: nobody's part. Both stand in rows of their own, so that nothing above is worked out twice.
weighed AS (
    SELECT operator_id,
           work,
           receipts,
           common,
           pool_limit_bps,
           part,
           CASE part WHEN 'cap' THEN pot_nano ELSE common END AS amount,
           CASE part WHEN 'cap' THEN capacity ELSE bond END AS weight,
           CASE part WHEN 'cap' THEN total_capacity ELSE total_bond END AS total
    FROM sums
    CROSS JOIN (SELECT 'cap' AS part UNION ALL SELECT 'pool') AS kinds
),
-- Four digits of base 1e5, for weights go up to 1e28.
digits AS (
    SELECT operator_id,
           work,
           receipts,
           common,
           pool_limit_bps,
           part,
           weight,
           CASE WHEN total = 0 THEN CAST(1 AS DECIMAL(28, 0)) ELSE total END AS total,
           amount % 100000 AS d0,
           CAST((amount % 10000000000 - amount % 100000) / 100000 AS DECIMAL(5, 0)) AS d1,
           CAST((amount % 1000000000000000 - amount % 10000000000) / 10000000000 AS DECIMAL(5, 0)) AS d2,
           CAST((amount - amount % 1000000000000000) / 1000000000000000 AS DECIMAL(5, 0)) AS d3
    FROM weighed
),
digit_3 AS (
    SELECT *, d3 * weight AS x3 FROM digits
),
digit_2 AS (
    SELECT *,
           CAST((x3 - x3 % total) / total AS DECIMAL(5, 0)) AS q3,
           CAST(x3 % total AS DECIMAL(28, 0)) * 100000 + d2 * weight AS x2
    FROM digit_3
),
digit_1 AS (
    SELECT *,
           CAST((x2 - x2 % total) / total AS DECIMAL(6, 0)) AS q2,
           CAST(x2 % total AS DECIMAL(28, 0)) * 100000 + d1 * weight AS x1
    FROM digit_2
),
digit_0 AS (
    SELECT *,
           CAST((x1 - x1 % total) / total AS DECIMAL(6, 0)) AS q1,
           CAST(x1 % total AS DECIMAL(28, 0)) * 100000 + d0 * weight AS x0
    FROM digit_1
),
parts AS (
    SELECT operator_id,
           work,
           receipts,
           common,
           pool_limit_bps,
           part,
           CAST(q3 * 1000000000000000 + q2 * 10000000000 + q1 * 100000
                + CAST((x0 - x0 % total) / total AS DECIMAL(6, 0)) AS DECIMAL(20, 0)) AS nano
    FROM digit_0
),
divided AS (
    SELECT operator_id,
           work,
           receipts,
           common,
           pool_limit_bps,
           MAX(CASE part WHEN 'cap' THEN nano END) AS cap,
           MAX(CASE part WHEN 'pool' THEN nano END) AS by_bond
    FROM parts
    GROUP BY operator_id, work, receipts, common, pool_limit_bps
),
-- The full price up to the cap; half of it beyond, for as much as twice the cap.
capped AS (
    SELECT operator_id,
           work,
           receipts,
           common,
           pool_limit_bps,
           by_bond,
           CASE WHEN work < cap THEN work ELSE cap END AS full_price,
           CASE WHEN work < cap THEN CAST(0 AS DECIMAL(20, 0))
                WHEN work < 3 * cap THEN CAST(work - cap AS DECIMAL(20, 0))
                ELSE CAST(2 * cap AS DECIMAL(20, 0))
           END AS half_price
    FROM divided
),
pays AS (
    SELECT operator_id,
           work,
           receipts,
           common,
           pool_limit_bps,
           by_bond,
           CAST(full_price + CAST((half_price - half_price % 2) / 2 AS DECIMAL(20, 0)) AS DECIMAL(20, 0)) AS paid
    FROM capped
),
limited AS (
    SELECT *,
           CAST((paid * pool_limit_bps - paid * pool_limit_bps % 10000) / 10000 AS DECIMAL(20, 0)) AS most
    FROM pays
)
SELECT operator_id,
       receipts,
       common AS common_nano,
       work AS work_nano,
       paid AS paid_nano,
       CASE WHEN pool_limit_bps = 0 OR by_bond < most THEN by_bond ELSE most END AS pool_nano
FROM limited
ORDER BY operator_id

-- What must hold of the tables before roll_up.sql means anything: one row a rule, with the number of rows that break it.
SELECT 'receipts of another epoch' AS rule,
       COUNT(*) AS broken
FROM receipts
CROSS JOIN parameters
WHERE receipts.epoch <> parameters.epoch
UNION ALL
SELECT 'receipts with counters that no receipt may state',
       COUNT(*)
FROM receipts
WHERE messages < 1
   OR bytes_on_time < 0
   OR bytes_on_time > bytes
   OR operator_id < 0
UNION ALL
-- 2^40: docs/receipts.md.
SELECT 'receipts of more bytes than a receipt may state',
       COUNT(*)
FROM receipts
WHERE bytes > 1099511627776
UNION ALL
SELECT 'payers that stand there twice',
       COUNT(*)
FROM (SELECT payer FROM payers GROUP BY payer HAVING COUNT(*) > 1) AS repeated
UNION ALL
SELECT 'fees of more nano than 64 bits hold',
       COUNT(*)
FROM payers
WHERE fee_wei < 0
   OR fee_wei >= CAST('18446744073709551616000000000' AS DECIMAL(38, 0))
UNION ALL
SELECT 'operators whose ids are not 0, 1, 2 and so on',
       COUNT(*)
FROM (
    SELECT operator_id, ROW_NUMBER() OVER (ORDER BY operator_id) - 1 AS place
    FROM operators
) AS placed
WHERE operator_id <> place
UNION ALL
SELECT 'operators with a bond or a capacity below nothing',
       COUNT(*)
FROM operators
WHERE bond_wei < 0
   OR capacity_bytes < 0
UNION ALL
SELECT 'receipts for operators that do not exist',
       COUNT(*)
FROM receipts
WHERE operator_id >= (SELECT COUNT(*) FROM operators)

-- The lines of the edges, in the list's order: each repeats what went to the same operator so far, and to all.
SELECT operator_id,
       payer,
       units,
       payer_units,
       nano,
       CAST(SUM(nano) OVER (PARTITION BY operator_id ORDER BY payer
                            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DECIMAL(20, 0)) AS operator_nano,
       CAST(SUM(nano) OVER (ORDER BY operator_id, payer
                            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DECIMAL(20, 0)) AS total_nano
FROM edges
ORDER BY operator_id, payer

-- What the lines of the receipts add to them, in the list's order: the units so far of the same payer and operator, and of the
-- same payer.
SELECT CAST(SUM(CAST(bytes_on_time AS DECIMAL(13, 0))) OVER (
                PARTITION BY payer, operator_id ORDER BY node, stream_key, role, reader
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DECIMAL(23, 0)) AS edge_units,
       CAST(SUM(CAST(bytes_on_time AS DECIMAL(13, 0))) OVER (
                PARTITION BY payer ORDER BY operator_id, node, stream_key, role, reader
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DECIMAL(23, 0)) AS payer_units
FROM receipts
ORDER BY payer, operator_id, node, stream_key, role, reader

-- The batch is here the whole history up to the checkpoint.
SELECT 'request: what the ledger says last differs' AS problem, request AS id, e.expected, r.found
FROM (
    SELECT DISTINCT ON (stream_id)
        stream_id AS request,
        concat_ws(' ', position, CASE WHEN type = 'request.settled_late' THEN 'abandoned late' ELSE substr(type, 9) END,
            data ->> 'held', data ->> 'charged', data -> 'price' ->> 'total', data -> 'cost' ->> 'total') AS expected
    FROM batch
    WHERE type <> 'request.denied'
    ORDER BY stream_id, stream_version DESC
) AS e
FULL JOIN (
    SELECT
        request,
        concat_ws(' ', position, status || CASE WHEN settled_late THEN ' late' ELSE '' END, held, charged, price, cost) AS found
    FROM requests
) AS r USING (request)
WHERE e.expected IS DISTINCT FROM r.found
UNION ALL
SELECT 'denial: differs from the ledger', denial, e.count::text, d.count::text
FROM (
    SELECT stream_id AS denial, (data ->> 'count')::bigint AS count
    FROM batch
    WHERE type = 'request.denied'
) AS e
FULL JOIN denials AS d USING (denial)
WHERE e.count IS DISTINCT FROM d.count;

SELECT 'all: ' || figure AS problem, expected, found
FROM (
    SELECT
        count(*)::numeric AS requests, coalesce(sum((data ->> 'charged')::numeric), 0) AS charged,
        coalesce(sum((data -> 'cost' ->> 'total')::numeric) FILTER (WHERE data ->> 'credential' = 'house'), 0) AS cost
    FROM batch
) AS f,
    (
        SELECT
            coalesce(sum(requests), 0) AS requests, coalesce(sum(charged), 0) AS charged, coalesce(sum(cost), 0) AS cost
        FROM failures
    ) AS t,
    LATERAL (
        VALUES ('requests', f.requests, t.requests), ('charged', f.charged, t.charged), ('cost', f.cost, t.cost)
    ) AS v(figure, expected, found)
WHERE expected <> found;

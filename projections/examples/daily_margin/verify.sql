SELECT 'all: ' || figure AS problem, expected, found
FROM (
    SELECT
        coalesce(sum((data ->> 'charged')::numeric), 0) AS revenue,
        coalesce(sum((data -> 'cost' ->> 'total')::numeric) FILTER (WHERE data ->> 'credential' = 'house'), 0) AS cost
    FROM batch
) AS f,
    (SELECT coalesce(sum(revenue), 0) AS revenue, coalesce(sum(cost), 0) AS cost FROM days) AS t,
    LATERAL (VALUES ('revenue', f.revenue, t.revenue), ('cost', f.cost, t.cost)) AS v(figure, expected, found)
WHERE expected <> found;

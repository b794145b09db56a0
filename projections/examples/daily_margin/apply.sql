-- A figure that is missing must not count as zero: the sum becomes NULL, and the table refuses that.
INSERT INTO days AS t (day, provider, requests, revenue, cost)
SELECT
    (b.occurred_at AT TIME ZONE 'UTC')::date, coalesce(d.provider, ''), count(*) FILTER (WHERE b.type <> 'request.settled_late'),
    CASE WHEN bool_and(d.charged >= 0 IS TRUE) THEN sum(d.charged)::bigint END,
    CASE
        WHEN bool_and(b.type = 'request.abandoned' OR d.credential = 'organization' OR (d.cost ->> 'total')::bigint >= 0 IS TRUE)
            THEN coalesce(sum((d.cost ->> 'total')::bigint) FILTER (WHERE d.credential = 'house'), 0)::bigint
    END
FROM batch AS b,
    LATERAL jsonb_to_record(b.data) AS d(provider text, charged bigint, credential text, cost jsonb)
GROUP BY 1, 2
ORDER BY 1, 2
ON CONFLICT (day, provider) DO UPDATE SET
    requests = t.requests + excluded.requests,
    revenue = t.revenue + excluded.revenue,
    cost = t.cost + excluded.cost;

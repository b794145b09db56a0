-- A figure that is missing must not count as zero: the sum becomes NULL, and the table refuses that.
INSERT INTO failures AS t (day, provider, model, error, requests, charged, cost)
SELECT
    (b.occurred_at AT TIME ZONE 'UTC')::date, coalesce(d.provider, ''), coalesce(d.model, ''),
    CASE b.type WHEN 'request.cancelled' THEN 'cancelled' ELSE coalesce(d.error ->> 'code', d.error ->> 'type', 'unknown') END,
    count(*),
    CASE WHEN bool_and(d.charged >= 0 IS TRUE) THEN sum(d.charged)::bigint END,
    CASE
        WHEN bool_and((d.cost ->> 'total')::bigint >= 0 IS TRUE)
            THEN coalesce(sum((d.cost ->> 'total')::bigint) FILTER (WHERE d.credential = 'house'), 0)::bigint
    END
FROM batch AS b,
    LATERAL jsonb_to_record(b.data) AS d(provider text, model text, error jsonb, charged bigint, credential text, cost jsonb)
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
ON CONFLICT (day, provider, model, error) DO UPDATE SET
    requests = t.requests + excluded.requests,
    charged = t.charged + excluded.charged,
    cost = t.cost + excluded.cost;

-- An amount that is missing, or negative where that means nothing, makes its sum NULL, and the table refuses that.
WITH sums AS MATERIALIZED (
    SELECT
        b.organization, (b.position - 1) / 4096 AS block, date_trunc('minute', b.occurred_at, 'UTC') AS minute,
        CASE WHEN bool_and(CASE
            WHEN b.stream_kind = 'request' THEN d.charged >= 0
            WHEN b.type = 'credit.adjusted' THEN d.amount IS NOT NULL
            ELSE d.amount >= 0
        END IS TRUE) THEN coalesce(sum(CASE
            WHEN b.stream_kind = 'request' THEN 0
            WHEN b.type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen') THEN d.amount
            ELSE - d.amount
        END), 0) END AS credited,
        coalesce(sum(d.charged) FILTER (WHERE b.stream_kind = 'request'), 0)::bigint AS charged,
        min(b.position) AS first_position, max(b.position) AS last_position
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(charged bigint, amount bigint)
    WHERE b.type <> 'request.abandoned' OR d.charged IS DISTINCT FROM 0
    GROUP BY 1, 2, 3
),
new_blocks AS (
    INSERT INTO blocks AS t (organization, block, credited, charged)
    SELECT organization, block, CASE WHEN bool_and(credited IS NOT NULL) THEN sum(credited) END, sum(charged)::bigint
    FROM sums
    GROUP BY organization, block
    ORDER BY organization, block
    ON CONFLICT (organization, block) DO UPDATE SET
        credited = t.credited + excluded.credited,
        charged = t.charged + excluded.charged
),
new_hours AS (
    INSERT INTO hours AS t (organization, hour, credited, charged)
    SELECT organization, date_trunc('hour', minute, 'UTC'), sum(credited), sum(charged)::bigint
    FROM sums
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (organization, hour) DO UPDATE SET
        credited = t.credited + excluded.credited,
        charged = t.charged + excluded.charged
)
INSERT INTO minutes AS t (organization, minute, credited, charged, first_position, last_position)
SELECT organization, minute, sum(credited), sum(charged)::bigint, min(first_position), max(last_position)
FROM sums
GROUP BY organization, minute
ORDER BY organization, minute
ON CONFLICT (organization, minute) DO UPDATE SET
    credited = t.credited + excluded.credited,
    charged = t.charged + excluded.charged,
    first_position = least(t.first_position, excluded.first_position),
    last_position = greatest(t.last_position, excluded.last_position);

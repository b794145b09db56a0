-- The batch is here the whole history up to the checkpoint: the fold in its plainest form must give what the table holds.
WITH folded AS (
    SELECT
        stream_id AS provider_key,
        CASE
            WHEN bool_or(type = 'provider_key.deleted') THEN 'deleted'
            ELSE (array_agg(coalesce(data ->> 'status', 'active') ORDER BY position DESC)
                FILTER (WHERE type = 'provider_key.created' OR data ? 'status'))[1]
        END AS status,
        (array_agg(data ->> 'place' ORDER BY position DESC) FILTER (WHERE data ? 'place'))[1] AS place,
        (array_agg(organization ORDER BY position))[1] AS organization
    FROM batch
    GROUP BY stream_id
)
SELECT 'provider key: status differs from the fold' AS problem, provider_key AS id, f.status AS expected, k.status AS found
FROM folded AS f FULL JOIN keys AS k USING (provider_key)
WHERE f.status IS DISTINCT FROM k.status
UNION ALL
SELECT 'provider key: place differs from the fold', provider_key, f.place, k.place::text
FROM folded AS f FULL JOIN keys AS k USING (provider_key)
WHERE f.place IS DISTINCT FROM k.place::text
UNION ALL
SELECT 'provider key: belongs to another organization', provider_key, f.organization::text, k.organization::text
FROM folded AS f FULL JOIN keys AS k USING (provider_key)
WHERE f.organization IS DISTINCT FROM k.organization;

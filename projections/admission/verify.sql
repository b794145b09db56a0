-- The batch is here the whole history up to the checkpoint: the fold in its plainest form must give what the tables hold.
WITH folded AS (
    SELECT
        b.organization,
        coalesce(sum(CASE
            WHEN b.type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen') THEN d.amount
            WHEN b.stream_kind = 'credit' THEN - d.amount
        END), 0) AS credited,
        coalesce(sum(d.charged) FILTER (WHERE b.stream_kind = 'request'), 0) AS charged
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(amount numeric, charged numeric)
    WHERE b.organization IS NOT NULL
    GROUP BY b.organization
),
open AS (
    SELECT stream_id AS request, (data ->> 'held')::bigint AS amount
    FROM batch AS a
    WHERE type = 'request.authorized'
        AND NOT EXISTS (SELECT FROM batch AS o WHERE o.stream_kind = 'request' AND o.stream_id = a.stream_id AND o.stream_version = 2)
)
SELECT 'organization: credited differs from the fold' AS problem, organization AS id, f.credited AS expected, o.credited AS found
FROM folded AS f FULL JOIN organizations AS o USING (organization)
WHERE f.credited IS DISTINCT FROM o.credited
UNION ALL
SELECT 'organization: charged differs from the fold', organization, f.charged, o.charged
FROM folded AS f FULL JOIN organizations AS o USING (organization)
WHERE f.charged IS DISTINCT FROM o.charged
UNION ALL
SELECT 'organization: charged differs from its projects', organization, o.charged, p.charged
FROM organizations AS o
LEFT JOIN (SELECT organization, sum(charged) AS charged FROM projects GROUP BY organization) AS p USING (organization)
WHERE o.charged <> coalesce(p.charged, 0)
UNION ALL
SELECT 'project: charged differs from its keys', project, p.charged, k.charged
FROM projects AS p
LEFT JOIN (SELECT project, sum(charged) AS charged FROM keys GROUP BY project) AS k USING (project)
WHERE p.charged <> coalesce(k.charged, 0)
UNION ALL
SELECT 'key: charged differs from its hours', api_key, k.charged, h.charged
FROM keys AS k
LEFT JOIN (SELECT api_key, sum(charged) AS charged FROM hours GROUP BY api_key) AS h USING (api_key)
WHERE k.charged <> coalesce(h.charged, 0)
UNION ALL
SELECT 'hold: differs from the authorizations without an outcome', request, o.amount, h.amount
FROM open AS o FULL JOIN holds AS h USING (request)
WHERE o.amount IS DISTINCT FROM h.amount;

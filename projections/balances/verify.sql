-- The batch is here the whole history up to the checkpoint: the fold in its plainest form must give what the tables hold.
WITH folded AS (
    SELECT
        organization,
        sum(CASE
            WHEN type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen')
                THEN (data ->> 'amount')::numeric
            WHEN stream_kind = 'credit' THEN - (data ->> 'amount')::numeric
            WHEN stream_kind = 'request' THEN - (data ->> 'charged')::numeric
            ELSE 0
        END) AS balance
    FROM batch
    GROUP BY organization
)
SELECT 'organization: balance differs from the fold' AS problem, organization AS id, f.balance AS expected, o.balance AS found
FROM folded AS f FULL JOIN organizations AS o USING (organization)
WHERE f.balance IS DISTINCT FROM o.balance
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
SELECT 'key: its project belongs to another organization', k.api_key, NULL, NULL
FROM keys AS k LEFT JOIN projects AS p USING (project)
WHERE k.organization IS DISTINCT FROM p.organization;

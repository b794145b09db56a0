-- The batch is here the whole history up to the checkpoint: each of the three adds up to the fold in its plainest form.
WITH folded AS (
    SELECT
        organization,
        sum(CASE
            WHEN type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen')
                THEN (data ->> 'amount')::numeric
            WHEN stream_kind = 'request' THEN - (data ->> 'charged')::numeric
            ELSE - (data ->> 'amount')::numeric
        END) AS balance
    FROM batch
    GROUP BY organization
),
found AS (
    SELECT 'blocks' AS "table", organization, sum(credited - charged) AS balance FROM blocks GROUP BY organization
    UNION ALL
    SELECT 'hours', organization, sum(credited - charged) FROM hours GROUP BY organization
    UNION ALL
    SELECT 'minutes', organization, sum(credited - charged) FROM minutes GROUP BY organization
)
SELECT f."table" || ': balance differs from the fold' AS problem, f.organization AS id, e.balance AS expected, f.balance AS found
FROM found AS f LEFT JOIN folded AS e USING (organization)
WHERE f.balance IS DISTINCT FROM e.balance
UNION ALL
SELECT 'an organization is missing', e.organization, e.balance, NULL
FROM folded AS e
WHERE e.balance <> 0 AND NOT EXISTS (SELECT FROM blocks AS b WHERE b.organization = e.organization);

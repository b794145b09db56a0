-- The batch is here the whole history up to the checkpoint: what is left of all grants, less what is overdrawn, is the balance.
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
    SELECT organization, coalesce(g.remaining, 0) - o.overdrawn AS balance, coalesce(g.remaining, 0) AS remaining, o.overdrawn
    FROM organizations AS o
    LEFT JOIN (SELECT organization, sum(remaining) AS remaining FROM grants GROUP BY organization) AS g USING (organization)
)
SELECT 'balance differs from the fold' AS problem, organization AS id, e.balance AS expected, f.balance AS found
FROM folded AS e FULL JOIN found AS f USING (organization)
WHERE coalesce(e.balance, 0) <> coalesce(f.balance, 0)
UNION ALL
SELECT 'overdrawn although something is left', organization, f.remaining, f.overdrawn
FROM found AS f
WHERE f.remaining > 0 AND f.overdrawn > 0
UNION ALL
SELECT 'a grant belongs to nobody', g.grant_id, NULL, NULL
FROM grants AS g
WHERE NOT EXISTS (SELECT FROM organizations AS o WHERE o.organization = g.organization);

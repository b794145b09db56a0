-- The batch is here the whole history up to the checkpoint: the fold in its plainest form must give what the tables hold.
WITH folded AS (
    SELECT
        stream_id AS api_key,
        CASE
            WHEN bool_or(type = 'api_key.deleted') THEN 'deleted'
            ELSE (array_agg(coalesce(data ->> 'status', 'active') ORDER BY position DESC)
                FILTER (WHERE type IN ('api_key.created', 'api_key.status_changed')))[1]
        END AS status,
        (array_agg(data ->> 'usage_limit' ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.created' OR type = 'api_key.limit_changed' AND data ? 'usage_limit'))[1] AS usage_limit
    FROM batch
    WHERE stream_kind = 'api_key'
    GROUP BY stream_id
)
SELECT 'key: status differs from the fold' AS problem, api_key AS id, f.status AS expected, k.status AS found
FROM folded AS f FULL JOIN keys AS k USING (api_key)
WHERE f.status IS DISTINCT FROM k.status
UNION ALL
SELECT 'key: usage limit differs from the fold', api_key, f.usage_limit, k.usage_limit::text
FROM folded AS f FULL JOIN keys AS k USING (api_key)
WHERE f.usage_limit IS DISTINCT FROM k.usage_limit::text
UNION ALL
SELECT 'key: its project belongs to another organization', k.api_key, NULL, NULL
FROM keys AS k LEFT JOIN projects AS p USING (project)
WHERE k.organization IS DISTINCT FROM p.organization
UNION ALL
SELECT 'rule: there or not', rule, f.api_key::text, r.api_key::text
FROM (
    SELECT (data ->> 'rule')::uuid AS rule, stream_id AS api_key
    FROM batch
    WHERE type LIKE 'iam\_rule.%'
    GROUP BY (data ->> 'rule')::uuid, stream_id
    HAVING bool_or(type = 'iam_rule.created') AND NOT bool_or(type = 'iam_rule.deleted')
) AS f FULL JOIN rules AS r USING (rule)
WHERE f.api_key IS DISTINCT FROM r.api_key
UNION ALL
SELECT 'rule: its key belongs to another organization', r.rule, NULL, NULL
FROM rules AS r LEFT JOIN keys AS k USING (api_key)
WHERE r.organization IS DISTINCT FROM k.organization;

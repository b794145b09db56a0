SELECT 'organization: it did not pay first then' AS problem, organization AS id, e.cohort AS expected, o.cohort AS found
FROM (
    SELECT organization, min(date_trunc('month', occurred_at AT TIME ZONE 'UTC'))::date AS cohort
    FROM batch WHERE stream_kind <> 'request' GROUP BY organization
) AS e
FULL JOIN organizations AS o USING (organization)
WHERE e.cohort IS DISTINCT FROM o.cohort;

SELECT 'requests: not all are counted' AS problem, e.requests AS expected, m.requests AS found
FROM (SELECT count(*) AS requests FROM batch WHERE stream_kind = 'request') AS e,
    (SELECT coalesce(sum(requests), 0) AS requests FROM months) AS m
WHERE e.requests <> m.requests;

-- The earlier month wins, in whatever order the payments come.
INSERT INTO organizations AS t (organization, cohort)
SELECT organization, min(date_trunc('month', occurred_at AT TIME ZONE 'UTC'))::date
FROM batch
WHERE stream_kind <> 'request'
GROUP BY organization
ORDER BY organization
ON CONFLICT (organization) DO UPDATE SET cohort = least(t.cohort, excluded.cohort);

INSERT INTO months AS t (organization, month, requests)
SELECT organization, date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date, count(*)
FROM batch
WHERE stream_kind = 'request'
GROUP BY 1, 2
ORDER BY 1, 2
ON CONFLICT (organization, month) DO UPDATE SET requests = t.requests + excluded.requests;

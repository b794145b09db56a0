-- What can't be right becomes a NULL that a NOT NULL refuses, or a key that is there already: the event's organization is parked.

INSERT INTO projects (project, organization)
SELECT stream_id, organization FROM batch WHERE type = 'project.created';

INSERT INTO keys (
    api_key, project, organization, status, hint, created_by, usage_limit, period_amount, period_count, period_unit,
    requests_per_minute, tokens_per_minute, expires_at, texts, created_at, updated_at)
SELECT
    b.stream_id, (SELECT p.project FROM projects AS p WHERE p.project = d.project AND p.organization = b.organization),
    b.organization, coalesce(d.status, 'active'), d.hint, d.created_by, d.usage_limit,
    (d.period_limit ->> 'amount')::bigint, (d.period_limit ->> 'count')::bigint, d.period_limit ->> 'unit',
    d.requests_per_minute, d.tokens_per_minute, d.expires_at, b.id, b.occurred_at, b.occurred_at
FROM batch AS b,
    LATERAL jsonb_to_record(b.data) AS d(project uuid, status text, hint text, created_by uuid, usage_limit bigint,
        period_limit jsonb, requests_per_minute bigint, tokens_per_minute bigint, expires_at bigint)
WHERE b.type = 'api_key.created';

-- The newest value of each field of a batch wins, but for a deletion, which nothing undoes. Newest is by position: clocks step
-- back, and the greatest time of a batch would depend on where it ends.
UPDATE keys AS k SET
    status = CASE WHEN k.status = 'deleted' OR c.is_deleted THEN 'deleted' ELSE coalesce(c.status[1], k.status) END,
    hint = CASE WHEN c.hint IS NULL THEN k.hint ELSE c.hint[1] END,
    usage_limit = CASE WHEN c.usage_limit IS NULL THEN k.usage_limit ELSE c.usage_limit[1] END,
    period_amount = CASE WHEN c.period_amount IS NULL THEN k.period_amount ELSE c.period_amount[1] END,
    period_count = CASE WHEN c.period_count IS NULL THEN k.period_count ELSE c.period_count[1] END,
    period_unit = CASE WHEN c.period_unit IS NULL THEN k.period_unit ELSE c.period_unit[1] END,
    requests_per_minute =
        CASE WHEN c.requests_per_minute IS NULL THEN k.requests_per_minute ELSE c.requests_per_minute[1] END,
    tokens_per_minute = CASE WHEN c.tokens_per_minute IS NULL THEN k.tokens_per_minute ELSE c.tokens_per_minute[1] END,
    expires_at = CASE WHEN c.expires_at IS NULL THEN k.expires_at ELSE c.expires_at[1] END,
    texts = coalesce(c.texts[1], k.texts),
    updated_at = c.updated_at
FROM (
    SELECT
        stream_id AS api_key,
        (array_agg(occurred_at ORDER BY position DESC))[1] AS updated_at,
        bool_or(type = 'api_key.deleted') AS is_deleted,
        array_agg(data ->> 'status' ORDER BY position DESC) FILTER (WHERE type = 'api_key.status_changed') AS status,
        array_agg(data ->> 'hint' ORDER BY position DESC) FILTER (WHERE type = 'api_key.rolled') AS hint,
        array_agg((data ->> 'usage_limit')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'usage_limit') AS usage_limit,
        array_agg((data -> 'period_limit' ->> 'amount')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'period_limit') AS period_amount,
        array_agg((data -> 'period_limit' ->> 'count')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'period_limit') AS period_count,
        array_agg(data -> 'period_limit' ->> 'unit' ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'period_limit') AS period_unit,
        array_agg((data ->> 'requests_per_minute')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'requests_per_minute') AS requests_per_minute,
        array_agg((data ->> 'tokens_per_minute')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'tokens_per_minute') AS tokens_per_minute,
        array_agg((data ->> 'expires_at')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.expiry_changed') AS expires_at,
        array_agg(id ORDER BY position DESC) FILTER (WHERE type = 'api_key.renamed') AS texts
    FROM batch
    WHERE stream_kind = 'api_key' AND type <> 'api_key.created'
    GROUP BY stream_id
) AS c
WHERE c.api_key = k.api_key;

INSERT INTO rules (rule, api_key, organization, kind, value, status, created_at, updated_at)
SELECT
    (b.data ->> 'rule')::uuid, (SELECT k.api_key FROM keys AS k WHERE k.api_key = b.stream_id), b.organization,
    b.data ->> 'kind', b.data -> 'value', b.data ->> 'status', b.occurred_at, b.occurred_at
FROM batch AS b
WHERE b.type = 'iam_rule.created';

-- A rule is found by its key too: an event in another key's stream does not touch it.
UPDATE rules AS r SET
    kind = coalesce(c.kind[1], r.kind),
    value = coalesce(c.value[1], r.value),
    status = coalesce(c.status[1], r.status),
    updated_at = c.updated_at
FROM (
    SELECT
        stream_id AS api_key, (data ->> 'rule')::uuid AS rule, (array_agg(occurred_at ORDER BY position DESC))[1] AS updated_at,
        array_agg(data ->> 'kind' ORDER BY position DESC) FILTER (WHERE data ? 'kind') AS kind,
        array_agg(data -> 'value' ORDER BY position DESC) FILTER (WHERE data ? 'value') AS value,
        array_agg(data ->> 'status' ORDER BY position DESC) FILTER (WHERE data ? 'status') AS status
    FROM batch
    WHERE type = 'iam_rule.updated'
    GROUP BY stream_id, (data ->> 'rule')::uuid
) AS c
WHERE c.rule = r.rule AND c.api_key = r.api_key;

DELETE FROM rules AS r USING (
    SELECT stream_id AS api_key, (data ->> 'rule')::uuid AS rule FROM batch WHERE type = 'iam_rule.deleted'
) AS c
WHERE c.rule = r.rule AND c.api_key = r.api_key;

-- What can't be right must not count as zero: it becomes a NULL that a NOT NULL refuses, a cast that fails or a key that is
-- there already. Then the event's organization is parked, and no other.

-- What is new. A key's project may be of the same batch.
WITH created AS MATERIALIZED (
    SELECT
        b.type, b.stream_id, b.organization, d.strict, d.project, d.created_by, d.token_sha256, d.status, d.usage_limit, d.period_limit,
        d.requests_per_minute, d.tokens_per_minute, d.expires_at
    FROM changes AS b,
        LATERAL jsonb_to_record(b.data) AS d(
            strict boolean, project uuid, created_by uuid, token_sha256 text, status text, usage_limit bigint, period_limit jsonb,
            requests_per_minute bigint, tokens_per_minute bigint, expires_at bigint
        )
    WHERE b.type IN ('organization.created', 'project.created', 'api_key.created')
),
new_organizations AS (
    INSERT INTO organizations (organization, status, strict, retention, policy, credited, charged, overshoot, strict_overshoot)
    SELECT organization, 'active', strict, 'none', 0, 0, 0, 0, 0 FROM created WHERE type = 'organization.created'
),
new_projects AS (
    INSERT INTO projects (project, organization, status, usage_limit, charged)
    SELECT stream_id, organization, 'active', usage_limit, 0 FROM created WHERE type = 'project.created'
    RETURNING project, organization
)
INSERT INTO keys (
    api_key, project, organization, created_by, token_sha256, status, usage_limit, period_amount, period_count, period_unit,
    requests_per_minute, tokens_per_minute, expires_at, charged
)
SELECT
    c.stream_id,
    (
        SELECT p.project
        FROM (SELECT project, organization FROM projects UNION ALL SELECT project, organization FROM new_projects) AS p
        WHERE p.project = c.project AND p.organization = c.organization
    ),
    c.organization, c.created_by, c.token_sha256, coalesce(c.status, 'active'), c.usage_limit,
    (c.period_limit ->> 'amount')::bigint, (c.period_limit ->> 'count')::bigint, c.period_limit ->> 'unit',
    c.requests_per_minute, c.tokens_per_minute, c.expires_at, 0
FROM created AS c
WHERE c.type = 'api_key.created';

-- What changes: the newest value of each field of a batch wins.
WITH changed AS MATERIALIZED (
    SELECT position, type, stream_id, organization, data
    FROM changes
    WHERE stream_kind <> 'credit'
        AND type NOT IN ('organization.created', 'api_key.created')
),
epochs_started AS (
    INSERT INTO epochs AS e (organization, epoch)
    SELECT coalesce(organization, '00000000-0000-0000-0000-000000000000'), max(position)
    FROM changed
    WHERE type = 'admission.epoch_started'
    GROUP BY 1
    ON CONFLICT (organization) DO UPDATE SET epoch = excluded.epoch
),
organization_changes AS (
    UPDATE organizations AS o SET
        status = coalesce(c.status[1], o.status),
        strict = coalesce(c.strict[1], o.strict),
        retention = coalesce(c.retention[1], o.retention),
        policy = coalesce(c.policy, o.policy)
    FROM (
        SELECT
            organization,
            array_agg(CASE type WHEN 'organization.deleted' THEN 'deleted' ELSE data ->> 'status' END ORDER BY position DESC)
                FILTER (WHERE type = 'organization.deleted' OR type = 'organization.updated' AND data ? 'status') AS status,
            array_agg((data ->> 'strict')::boolean ORDER BY position DESC)
                FILTER (WHERE type = 'organization.updated' AND data ? 'strict') AS strict,
            array_agg(data ->> 'retention' ORDER BY position DESC)
                FILTER (WHERE type = 'organization.updated' AND data ? 'retention') AS retention,
            max(position) FILTER (WHERE type NOT LIKE 'organization.%') AS policy
        FROM changed
        WHERE type IN (
            'organization.updated', 'organization.deleted', 'project.created', 'project.updated', 'project.deleted',
            'iam_rule.created', 'iam_rule.updated', 'iam_rule.deleted', 'member_rule.created', 'member_rule.updated',
            'member_rule.deleted', 'provider_key.created', 'provider_key.updated', 'provider_key.deleted')
        GROUP BY organization
    ) AS c
    WHERE c.organization = o.organization
),
project_changes AS (
    UPDATE projects AS p SET
        status = coalesce(c.status[1], p.status),
        usage_limit = CASE WHEN c.usage_limit IS NULL THEN p.usage_limit ELSE c.usage_limit[1] END
    FROM (
        SELECT
            stream_id AS project,
            array_agg(CASE type WHEN 'project.deleted' THEN 'deleted' ELSE data ->> 'status' END ORDER BY position DESC)
                FILTER (WHERE type = 'project.deleted' OR data ? 'status') AS status,
            array_agg((data ->> 'usage_limit')::bigint ORDER BY position DESC) FILTER (WHERE data ? 'usage_limit')
                AS usage_limit
        FROM changed
        WHERE type IN ('project.updated', 'project.deleted')
        GROUP BY stream_id
    ) AS c
    WHERE c.project = p.project
)
UPDATE keys AS k SET
    status = coalesce(c.status[1], k.status),
    token_sha256 = coalesce(c.token_sha256[1], k.token_sha256),
    usage_limit = CASE WHEN c.usage_limit IS NULL THEN k.usage_limit ELSE c.usage_limit[1] END,
    period_amount = CASE WHEN c.period IS NULL THEN k.period_amount ELSE (c.period[1] ->> 'amount')::bigint END,
    period_count = CASE WHEN c.period IS NULL THEN k.period_count ELSE (c.period[1] ->> 'count')::bigint END,
    period_unit = CASE WHEN c.period IS NULL THEN k.period_unit ELSE c.period[1] ->> 'unit' END,
    requests_per_minute =
        CASE WHEN c.requests_per_minute IS NULL THEN k.requests_per_minute ELSE c.requests_per_minute[1] END,
    tokens_per_minute = CASE WHEN c.tokens_per_minute IS NULL THEN k.tokens_per_minute ELSE c.tokens_per_minute[1] END,
    expires_at = CASE WHEN c.expires_at IS NULL THEN k.expires_at ELSE c.expires_at[1] END
FROM (
    SELECT
        stream_id AS api_key,
        array_agg(CASE type WHEN 'api_key.deleted' THEN 'deleted' ELSE data ->> 'status' END ORDER BY position DESC)
            FILTER (WHERE type IN ('api_key.deleted', 'api_key.status_changed')) AS status,
        array_agg(data ->> 'token_sha256' ORDER BY position DESC) FILTER (WHERE type = 'api_key.rolled') AS token_sha256,
        array_agg((data ->> 'usage_limit')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'usage_limit') AS usage_limit,
        array_agg(data -> 'period_limit' ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'period_limit') AS period,
        array_agg((data ->> 'requests_per_minute')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'requests_per_minute') AS requests_per_minute,
        array_agg((data ->> 'tokens_per_minute')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.limit_changed' AND data ? 'tokens_per_minute') AS tokens_per_minute,
        array_agg((data ->> 'expires_at')::bigint ORDER BY position DESC)
            FILTER (WHERE type = 'api_key.expiry_changed') AS expires_at
    FROM changed
    WHERE type IN (
        'api_key.status_changed', 'api_key.limit_changed', 'api_key.expiry_changed', 'api_key.rolled', 'api_key.deleted')
    GROUP BY stream_id
) AS c
WHERE c.api_key = k.api_key;

-- Money. A hold that is opened and closed within the batch never becomes a row. Nothing here joins the batch with itself: how
-- many events it has is not known when the plan is made, and a loop within a loop would be taken for cheap.
WITH facts AS MATERIALIZED (
    SELECT
        b.stream_id AS request, b.organization, d.project, d.api_key, d.instance, d.epoch, d.admitted_at, d.held, d.strict,
        CASE WHEN d.amount >= 0 OR b.type = 'credit.adjusted'
            THEN CASE WHEN b.type IN ('credit.refunded', 'credit.expired', 'credit.voided', 'credit.frozen')
                THEN - d.amount ELSE d.amount END
        END AS credited,
        CASE WHEN d.charged >= 0 THEN d.charged END AS charged,
        b.stream_kind = 'credit' AS is_credit,
        b.type = 'request.authorized' AS is_authorization,
        b.type = 'request.settled_late' AS is_late
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(project uuid, api_key uuid, instance uuid, epoch bigint, admitted_at bigint,
            held bigint, strict boolean, charged bigint, amount bigint)
    WHERE b.stream_kind IN ('credit', 'request') AND b.type <> 'request.voided'
),
opened AS (
    INSERT INTO holds (request, organization, project, api_key, instance, epoch, admitted_at, amount, strict)
    SELECT request, organization, project, api_key, instance, epoch, admitted_at, held, strict
    FROM facts
    WHERE is_authorization AND request NOT IN (SELECT request FROM facts WHERE NOT is_authorization)
),
closed AS (
    -- By the index, always: rows come and go here, and until the next vacuum the table is many times what it holds.
    DELETE FROM holds AS h
    WHERE h.request = ANY (ARRAY(
        SELECT request FROM facts
        WHERE NOT (is_authorization OR is_credit) AND request NOT IN (SELECT request FROM facts WHERE is_authorization)))
    RETURNING h.request, h.organization, h.project, h.api_key, h.amount, h.strict
),
ended AS (
    SELECT
        organization, project, api_key,
        CASE WHEN bool_and(charged IS NOT NULL) FILTER (WHERE is_outcome) THEN sum(charged) END AS charged,
        greatest(sum(charged) FILTER (WHERE NOT is_late) - max(held), 0) AS overshoot, max(admitted_at) AS admitted_at,
        bool_or(strict) AS strict
    FROM (
        SELECT
            request, organization, project, api_key, NOT is_authorization AS is_outcome, is_late, charged, admitted_at,
            CASE WHEN is_authorization THEN held END AS held, CASE WHEN is_authorization THEN strict END AS strict
        FROM facts
        WHERE NOT is_credit
        UNION ALL
        SELECT request, organization, project, api_key, false, false, NULL, NULL, amount, strict FROM closed
    ) AS r
    GROUP BY request, organization, project, api_key
    HAVING bool_or(is_outcome)
),
charges AS MATERIALIZED (
    SELECT
        organization, project, api_key,
        CASE WHEN bool_and(charged IS NOT NULL) THEN sum(charged)::bigint END AS charged,
        coalesce(sum(overshoot), 0)::bigint AS overshoot,
        coalesce(sum(overshoot) FILTER (WHERE strict), 0)::bigint AS strict_overshoot
    FROM ended
    GROUP BY organization, project, api_key
),
hour_charges AS (
    INSERT INTO hours AS h (api_key, hour, charged)
    SELECT api_key, admitted_at / 1000000 / 3600 * 3600, sum(charged)::bigint
    FROM ended
    WHERE charged > 0
    GROUP BY 1, 2
    ORDER BY 1, 2
    ON CONFLICT (api_key, hour) DO UPDATE SET charged = h.charged + excluded.charged
),
key_charges AS (
    UPDATE keys AS k SET charged = k.charged + c.charged
    FROM charges AS c
    WHERE k.api_key = c.api_key AND k.project = c.project AND k.organization = c.organization
    RETURNING k.api_key
),
project_charges AS (
    UPDATE projects AS p SET charged = p.charged + c.charged
    FROM (
        SELECT project, CASE WHEN bool_and(charged IS NOT NULL) THEN sum(charged)::bigint END AS charged
        FROM charges GROUP BY project
    ) AS c
    WHERE p.project = c.project
),
totals AS (
    SELECT
        organization,
        CASE WHEN bool_and(credited IS NOT NULL) THEN sum(credited)::bigint END AS credited,
        CASE WHEN bool_and(charged IS NOT NULL) THEN sum(charged)::bigint END AS charged,
        sum(overshoot)::bigint AS overshoot, sum(strict_overshoot)::bigint AS strict_overshoot
    FROM (
        SELECT organization, 0::bigint AS credited, charged, overshoot, strict_overshoot FROM charges
        UNION ALL
        SELECT organization, credited, 0, 0, 0 FROM facts WHERE is_credit
    ) AS t
    GROUP BY organization
),
organization_totals AS (
    UPDATE organizations AS o SET
        credited = o.credited + t.credited,
        charged = o.charged + t.charged,
        overshoot = o.overshoot + t.overshoot,
        strict_overshoot = o.strict_overshoot + t.strict_overshoot
    FROM totals AS t
    WHERE o.organization = t.organization
    RETURNING o.organization
)
-- An outcome of a key that nobody made, or credit of an organization that nobody made: refused by the NOT NULL of status.
INSERT INTO organizations (organization)
SELECT c.organization FROM charges AS c WHERE c.api_key IS NULL OR c.api_key NOT IN (SELECT api_key FROM key_charges)
UNION
SELECT t.organization FROM totals AS t WHERE t.organization NOT IN (SELECT organization FROM organization_totals);

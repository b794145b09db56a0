-- What can't be right becomes a NULL that a NOT NULL refuses, or a key that is there already: the event's organization is parked.

INSERT INTO organizations (
    organization, status, plan, strict, retention, auto_top_up, texts, created_at, updated_at)
SELECT organization, 'active', data ->> 'plan', (data ->> 'strict')::boolean, 'none', false, id, occurred_at, occurred_at
FROM batch
WHERE type = 'organization.created';

INSERT INTO projects (
    project, organization, status, mode, caching, cache_seconds, usage_limit, texts, created_at, updated_at)
SELECT
    b.stream_id, (SELECT o.organization FROM organizations AS o WHERE o.organization = b.organization), 'active',
    b.data ->> 'mode', (b.data ->> 'caching')::boolean, coalesce((b.data ->> 'cache_seconds')::bigint, 60),
    (b.data ->> 'usage_limit')::bigint, b.id, b.occurred_at, b.occurred_at
FROM batch AS b
WHERE b.type = 'project.created';

-- The newest value of each field of a batch wins, by position: clocks step back, and the greatest time of a batch would depend on
-- where it ends.
UPDATE organizations AS o SET
    status = coalesce(c.status[1], o.status),
    plan = coalesce(c.plan[1], o.plan),
    strict = coalesce(c.strict[1], o.strict),
    retention = coalesce(c.retention[1], o.retention),
    auto_top_up = coalesce(c.auto_top_up[1], o.auto_top_up),
    auto_top_up_threshold = coalesce(c.threshold[1], o.auto_top_up_threshold),
    auto_top_up_amount = coalesce(c.amount[1], o.auto_top_up_amount),
    auto_top_up_monthly_limit = CASE
        WHEN c.monthly_limit IS NULL THEN o.auto_top_up_monthly_limit ELSE nullif(c.monthly_limit[1], 0)
    END,
    texts = coalesce(c.texts[1], o.texts),
    updated_at = c.updated_at
FROM (
    SELECT
        organization,
        (array_agg(occurred_at ORDER BY position DESC))[1] AS updated_at,
        array_agg(CASE type WHEN 'organization.deleted' THEN 'deleted' ELSE data ->> 'status' END ORDER BY position DESC)
            FILTER (WHERE type = 'organization.deleted' OR data ? 'status') AS status,
        array_agg(data ->> 'plan' ORDER BY position DESC) FILTER (WHERE data ? 'plan') AS plan,
        array_agg((data ->> 'strict')::boolean ORDER BY position DESC) FILTER (WHERE data ? 'strict') AS strict,
        array_agg(data ->> 'retention' ORDER BY position DESC) FILTER (WHERE data ? 'retention') AS retention,
        array_agg((data ->> 'auto_top_up')::boolean ORDER BY position DESC) FILTER (WHERE data ? 'auto_top_up') AS auto_top_up,
        array_agg((data ->> 'auto_top_up_threshold')::bigint ORDER BY position DESC)
            FILTER (WHERE data ? 'auto_top_up_threshold') AS threshold,
        array_agg((data ->> 'auto_top_up_amount')::bigint ORDER BY position DESC)
            FILTER (WHERE data ? 'auto_top_up_amount') AS amount,
        array_agg((data ->> 'auto_top_up_monthly_limit')::bigint ORDER BY position DESC)
            FILTER (WHERE data ? 'auto_top_up_monthly_limit') AS monthly_limit,
        array_agg(id ORDER BY position DESC) FILTER (WHERE (data ->> 'texts')::boolean) AS texts
    FROM batch
    WHERE type IN ('organization.updated', 'organization.deleted')
    GROUP BY organization
) AS c
WHERE c.organization = o.organization;

UPDATE projects AS p SET
    status = coalesce(c.status[1], p.status),
    mode = coalesce(c.mode[1], p.mode),
    caching = coalesce(c.caching[1], p.caching),
    cache_seconds = coalesce(c.cache_seconds[1], p.cache_seconds),
    usage_limit = CASE WHEN c.usage_limit IS NULL THEN p.usage_limit ELSE c.usage_limit[1] END,
    texts = coalesce(c.texts[1], p.texts),
    updated_at = c.updated_at
FROM (
    SELECT
        stream_id AS project,
        (array_agg(occurred_at ORDER BY position DESC))[1] AS updated_at,
        array_agg(CASE type WHEN 'project.deleted' THEN 'deleted' ELSE data ->> 'status' END ORDER BY position DESC)
            FILTER (WHERE type = 'project.deleted' OR data ? 'status') AS status,
        array_agg(data ->> 'mode' ORDER BY position DESC) FILTER (WHERE data ? 'mode') AS mode,
        array_agg((data ->> 'caching')::boolean ORDER BY position DESC) FILTER (WHERE data ? 'caching') AS caching,
        array_agg((data ->> 'cache_seconds')::bigint ORDER BY position DESC) FILTER (WHERE data ? 'cache_seconds') AS cache_seconds,
        array_agg((data ->> 'usage_limit')::bigint ORDER BY position DESC) FILTER (WHERE data ? 'usage_limit') AS usage_limit,
        array_agg(id ORDER BY position DESC) FILTER (WHERE (data ->> 'texts')::boolean) AS texts
    FROM batch
    WHERE type IN ('project.updated', 'project.deleted')
    GROUP BY stream_id
) AS c
WHERE c.project = p.project;

-- Of a person who comes and goes within the batch, the last event decides; a role alone must meet a member.
INSERT INTO members AS m (organization, user_id, role, added_at)
SELECT organization, (data ->> 'user')::uuid,
    (array_agg(data ->> 'role' ORDER BY position DESC) FILTER (WHERE type <> 'member.removed'))[1],
    (array_agg(occurred_at ORDER BY position DESC) FILTER (WHERE type = 'member.added'))[1]
FROM batch
WHERE type IN ('member.added', 'member.role_changed', 'member.removed')
GROUP BY organization, (data ->> 'user')::uuid
HAVING count(*) FILTER (WHERE type = 'member.added') > 0
ON CONFLICT ON CONSTRAINT members_pkey DO UPDATE SET role = excluded.role, added_at = excluded.added_at;

UPDATE members AS m SET role = c.role
FROM (
    SELECT DISTINCT ON (organization, data ->> 'user')
        organization, (data ->> 'user')::uuid AS user_id, data ->> 'role' AS role
    FROM batch
    WHERE type IN ('member.added', 'member.role_changed')
    ORDER BY organization, data ->> 'user', position DESC
) AS c
WHERE c.organization = m.organization AND c.user_id = m.user_id;

DELETE FROM members AS m USING (
    SELECT DISTINCT ON (organization, data ->> 'user') organization, (data ->> 'user')::uuid AS user_id, type
    FROM batch
    WHERE type IN ('member.added', 'member.removed')
    ORDER BY organization, data ->> 'user', position DESC
) AS c
WHERE c.organization = m.organization AND c.user_id = m.user_id AND c.type = 'member.removed';

INSERT INTO invites (invite, organization, role, status, expires_at, texts, created_at)
SELECT (data ->> 'invite')::uuid, organization, data ->> 'role', 'pending', (data ->> 'expires_at')::bigint, id, occurred_at
FROM batch
WHERE type = 'member.invited';

UPDATE invites AS i SET status = CASE c.type WHEN 'member.added' THEN 'accepted' ELSE 'withdrawn' END
FROM (
    SELECT DISTINCT ON (organization, data ->> 'invite') organization, (data ->> 'invite')::uuid AS invite, type
    FROM batch
    WHERE type IN ('member.added', 'member.invite_withdrawn') AND data ->> 'invite' IS NOT NULL
    ORDER BY organization, data ->> 'invite', position DESC
) AS c
WHERE c.organization = i.organization AND c.invite = i.invite;

INSERT INTO member_rules (rule, organization, user_id, kind, value, status, created_at, updated_at)
SELECT
    (data ->> 'rule')::uuid, organization, (data ->> 'user')::uuid, data ->> 'kind', data -> 'value', data ->> 'status',
    occurred_at, occurred_at
FROM batch
WHERE type = 'member_rule.created';

-- A rule is found by its organization and person too.
UPDATE member_rules AS r SET
    kind = coalesce(c.kind[1], r.kind),
    value = coalesce(c.value[1], r.value),
    status = coalesce(c.status[1], r.status),
    updated_at = c.updated_at
FROM (
    SELECT
        organization, (data ->> 'user')::uuid AS user_id, (data ->> 'rule')::uuid AS rule,
        (array_agg(occurred_at ORDER BY position DESC))[1] AS updated_at,
        array_agg(data ->> 'kind' ORDER BY position DESC) FILTER (WHERE data ? 'kind') AS kind,
        array_agg(data -> 'value' ORDER BY position DESC) FILTER (WHERE data ? 'value') AS value,
        array_agg(data ->> 'status' ORDER BY position DESC) FILTER (WHERE data ? 'status') AS status
    FROM batch
    WHERE type = 'member_rule.updated'
    GROUP BY organization, (data ->> 'user')::uuid, (data ->> 'rule')::uuid
) AS c
WHERE c.rule = r.rule AND c.organization = r.organization AND c.user_id = r.user_id;

DELETE FROM member_rules AS r USING batch AS b
WHERE b.type = 'member_rule.deleted' AND (b.data ->> 'rule')::uuid = r.rule AND b.organization = r.organization
    AND (b.data ->> 'user')::uuid = r.user_id;

INSERT INTO referrals (organization, referrer, created_at)
SELECT organization, (data ->> 'referrer')::uuid, occurred_at FROM batch WHERE type = 'organization.referred';

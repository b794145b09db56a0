-- The batch is here the whole history up to the checkpoint: the fold in its plainest form must give what the tables hold.
WITH last_member AS (
    SELECT DISTINCT ON (organization, data ->> 'user') organization, (data ->> 'user')::uuid AS user_id, type, data ->> 'role' AS role
    FROM batch
    WHERE type IN ('member.added', 'member.role_changed', 'member.removed')
    ORDER BY organization, data ->> 'user', position DESC
),
last_project AS (
    SELECT DISTINCT ON (stream_id) stream_id AS project, organization, data ->> 'mode' AS mode
    FROM batch
    WHERE type IN ('project.created', 'project.updated') AND data ? 'mode'
    ORDER BY stream_id, position DESC
)
SELECT 'member: differs from the last event' AS problem, organization, user_id AS id, f.role AS expected, m.role AS found
FROM (SELECT organization, user_id, role FROM last_member WHERE type <> 'member.removed') AS f
FULL JOIN members AS m USING (organization, user_id)
WHERE f.role IS DISTINCT FROM m.role
UNION ALL
SELECT 'project: mode differs from the last event', p.organization, project, f.mode, p.mode
FROM last_project AS f FULL JOIN projects AS p USING (project)
WHERE f.mode IS DISTINCT FROM p.mode OR f.organization IS DISTINCT FROM p.organization
UNION ALL
SELECT 'organization: deleted or not', organization, organization, f.status, o.status
FROM (
    SELECT organization, CASE WHEN bool_or(type = 'organization.deleted') THEN 'deleted' ELSE 'there' END AS status
    FROM batch WHERE type LIKE 'organization.%' GROUP BY organization
) AS f FULL JOIN organizations AS o USING (organization)
WHERE (f.status = 'deleted') IS DISTINCT FROM (o.status = 'deleted')
UNION ALL
SELECT 'project: its organization is not there', p.organization, p.project, NULL, NULL
FROM projects AS p LEFT JOIN organizations AS o USING (organization)
WHERE o.organization IS NULL
UNION ALL
SELECT 'invite: accepted without a member.added', i.organization, i.invite, NULL, i.status
FROM invites AS i
WHERE (i.status = 'accepted')
    <> EXISTS (SELECT FROM batch AS b WHERE b.type = 'member.added' AND b.data ->> 'invite' = i.invite::text)
UNION ALL
SELECT 'member rule: there or not, or of another state', coalesce(f.organization, r.organization), rule, f.status, r.status
FROM (
    SELECT
        (data ->> 'rule')::uuid AS rule, organization,
        (array_agg(data ->> 'status' ORDER BY position DESC) FILTER (WHERE data ? 'status'))[1] AS status
    FROM batch
    WHERE type LIKE 'member\_rule.%'
    GROUP BY (data ->> 'rule')::uuid, organization
    HAVING bool_or(type = 'member_rule.created') AND NOT bool_or(type = 'member_rule.deleted')
) AS f FULL JOIN member_rules AS r USING (rule)
WHERE f.organization IS DISTINCT FROM r.organization OR f.status IS DISTINCT FROM r.status
UNION ALL
SELECT 'referral: there or not', organization, f.referrer, f.referrer::text, r.referrer::text
FROM (
    SELECT organization, (data ->> 'referrer')::uuid AS referrer FROM batch WHERE type = 'organization.referred'
) AS f FULL JOIN referrals AS r USING (organization)
WHERE f.referrer IS DISTINCT FROM r.referrer;

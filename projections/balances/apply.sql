-- An event that lacks an amount, or has a negative one where that means nothing, must stop the projection and not count as
-- zero: the sum that it is part of becomes NULL, and so does its organization's, which the table refuses.
WITH sums AS MATERIALIZED (
    SELECT
        b.type, b.organization,
        CASE WHEN b.stream_kind = 'project' THEN b.stream_id ELSE d.project END AS project,
        CASE WHEN b.stream_kind = 'api_key' THEN b.stream_id ELSE d.api_key END AS api_key,
        CASE
            WHEN bool_and(CASE
                WHEN b.stream_kind = 'request' THEN d.charged >= 0 AND d.project IS NOT NULL AND d.api_key IS NOT NULL
                WHEN b.type = 'credit.adjusted' THEN d.amount IS NOT NULL
                WHEN b.stream_kind = 'credit' THEN d.amount >= 0
                ELSE true
            END IS TRUE)
                THEN coalesce(sum(CASE b.stream_kind WHEN 'request' THEN d.charged WHEN 'credit' THEN d.amount END), 0)
        END AS amount
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(project uuid, api_key uuid, charged bigint, amount bigint)
    GROUP BY 1, 2, 3, 4
),
organization_totals AS (
    INSERT INTO organizations AS t (organization, granted, topped_up, adjusted, refunded, expired, voided, frozen, charged)
    SELECT
        organization,
        CASE
            WHEN bool_and(amount IS NOT NULL) THEN coalesce(sum(amount) FILTER (WHERE type = 'credit.granted'), 0)
        END,
        coalesce(sum(amount) FILTER (WHERE type = 'credit.topped_up'), 0),
        coalesce(sum(amount) FILTER (WHERE type = 'credit.adjusted'), 0),
        coalesce(sum(amount) FILTER (WHERE type = 'credit.refunded'), 0),
        coalesce(sum(amount) FILTER (WHERE type = 'credit.expired'), 0),
        coalesce(sum(amount) FILTER (WHERE type = 'credit.voided'), 0),
        coalesce(sum(amount) FILTER (WHERE type = 'credit.frozen'), 0)
            - coalesce(sum(amount) FILTER (WHERE type = 'credit.unfrozen'), 0),
        coalesce(sum(amount) FILTER (WHERE type NOT LIKE 'credit.%'), 0)::bigint
    FROM sums
    GROUP BY organization
    ORDER BY organization
    ON CONFLICT (organization) DO UPDATE SET
        granted = t.granted + excluded.granted,
        topped_up = t.topped_up + excluded.topped_up,
        adjusted = t.adjusted + excluded.adjusted,
        refunded = t.refunded + excluded.refunded,
        expired = t.expired + excluded.expired,
        voided = t.voided + excluded.voided,
        frozen = t.frozen + excluded.frozen,
        charged = t.charged + excluded.charged
),
project_totals AS (
    INSERT INTO projects AS t (project, organization, charged)
    SELECT project, organization, sum(amount)::bigint
    FROM sums
    WHERE project IS NOT NULL
    GROUP BY project, organization
    ORDER BY project
    ON CONFLICT (project) DO UPDATE SET
        organization = CASE WHEN t.organization = excluded.organization THEN t.organization END,
        charged = t.charged + excluded.charged
)
INSERT INTO keys AS t (api_key, project, organization, charged)
SELECT api_key, project, organization, sum(amount)::bigint
FROM sums
WHERE api_key IS NOT NULL
GROUP BY api_key, project, organization
ORDER BY api_key
ON CONFLICT (api_key) DO UPDATE SET
    project = CASE WHEN t.project = excluded.project THEN t.project END,
    organization = CASE WHEN t.organization = excluded.organization THEN t.organization END,
    charged = t.charged + excluded.charged;

-- Between two events of an organization's credit its charges only add up: what they take together is what they take one by one.
-- So the fold goes from one event of the credit to the next, for all organizations of the batch at once, and each step is that
-- event and the sum of the charges after it. Step 0 is what comes before the first.
--
-- An amount that is missing, or below zero where that means nothing, and a grant that is not there, make `overdrawn` NULL, which
-- the table refuses. least() and greatest() pass over NULL, therefore the CASE around them.
WITH RECURSIVE movements AS MATERIALIZED (
    SELECT
        b.organization, b.position, b.stream_version, b.occurred_at, b.type, b.stream_kind = 'credit' AS is_credit,
        CASE
            WHEN b.type = 'credit.adjusted' OR b.type = 'credit.topped_up' AND d.payment IS NULL THEN b.id
            ELSE coalesce(d."grant", d.payment)
        END AS grant_id,
        CASE b.type
            WHEN 'credit.granted' THEN 'give'
            WHEN 'credit.topped_up' THEN 'give'
            WHEN 'credit.adjusted' THEN CASE WHEN d.amount >= 0 THEN 'give' ELSE 'draw' END
            WHEN 'credit.refunded' THEN CASE WHEN d.payment IS NULL THEN 'draw' ELSE 'refunded' END
            WHEN 'credit.expired' THEN 'expired'
            WHEN 'credit.voided' THEN 'voided'
            WHEN 'credit.frozen' THEN 'frozen'
            WHEN 'credit.unfrozen' THEN 'return'
        END AS action,
        CASE b.type WHEN 'credit.granted' THEN d.kind WHEN 'credit.adjusted' THEN 'adjustment' ELSE 'paid' END AS kind,
        CASE b.type WHEN 'credit.granted' THEN d.priority ELSE 0 END AS priority,
        d.expires_at, d.payment, d.referred,
        CASE
            WHEN b.stream_kind = 'request' THEN CASE WHEN d.charged >= 0 THEN d.charged END
            WHEN b.type = 'credit.adjusted' THEN abs(d.amount)
            WHEN d.amount >= 0 THEN d.amount
        END AS amount
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(
            "grant" uuid, payment uuid, kind text, priority bigint, expires_at bigint, referred uuid, amount bigint, charged bigint)
    WHERE b.stream_kind = 'credit' OR d.charged IS DISTINCT FROM 0
),
credits AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY organization ORDER BY position) AS step
    FROM movements
    WHERE is_credit
),
numbered AS (
    SELECT
        organization, amount, is_credit,
        count(*) FILTER (WHERE is_credit) OVER (PARTITION BY organization ORDER BY position) AS step
    FROM movements
),
charges AS MATERIALIZED (
    SELECT
        organization, step,
        CASE WHEN bool_and(amount IS NOT NULL) THEN coalesce(sum(amount) FILTER (WHERE NOT is_credit), 0)::bigint END AS charged
    FROM numbered
    GROUP BY organization, step
),
-- No more than this is taken in the batch, so what lies behind as much of an organization's open grants is not touched.
needs AS MATERIALIZED (
    SELECT
        m.organization, coalesce(max(o.overdrawn), 0) + sum(m.amount) AS need, coalesce(max(o.overdrawn), 0) AS overdrawn,
        max(m.stream_version) FILTER (WHERE m.is_credit) AS version
    FROM movements AS m LEFT JOIN organizations AS o USING (organization)
    GROUP BY m.organization
),
lots AS (
    SELECT
        k.organization,
        array_agg((k.grant_id, k.priority, k.expires_at, k.position, k.remaining, 0, 0, 0, 0, 0, 0)::lot) AS lots
    FROM (
        SELECT
            g.organization, g.grant_id, g.priority, g.expires_at, g.position, g.remaining, n.need,
            (sum(g.remaining) OVER (PARTITION BY g.organization ORDER BY g.priority, g.expires_at NULLS LAST, g.position))
                - g.remaining AS before
        FROM needs AS n JOIN grants AS g ON g.organization = n.organization AND g.remaining > 0
        UNION ALL
        SELECT g.organization, g.grant_id, g.priority, g.expires_at, g.position, 0, NULL, NULL
        FROM credits AS c JOIN grants AS g USING (grant_id)
        WHERE g.remaining = 0
        GROUP BY g.grant_id
    ) AS k
    WHERE k.before < k.need OR k.grant_id IN (SELECT c.grant_id FROM credits AS c)
    GROUP BY k.organization
),
folded (organization, step, overdrawn, lots) AS (
    SELECT n.organization, -1::bigint, n.overdrawn, l.lots
    FROM needs AS n LEFT JOIN lots AS l USING (organization)
    UNION ALL
    SELECT f.organization, f.step + 1, r.overdrawn, r.lots
    FROM folded AS f
    LEFT JOIN charges AS s ON s.organization = f.organization AND s.step = f.step + 1
    LEFT JOIN credits AS c ON c.organization = f.organization AND c.step = f.step + 1
    CROSS JOIN LATERAL (
        -- What the credit's event itself does: it makes a grant, gives back to one, or takes of one.
        SELECT
            CASE WHEN c.action IN ('give', 'return') THEN least(c.amount, f.overdrawn) ELSE 0 END AS paid,
            CASE
                WHEN c.action IN ('expired', 'voided', 'frozen', 'refunded')
                    THEN (SELECT least(c.amount, l.remaining) FROM unnest(f.lots) AS l WHERE l.grant_id = c.grant_id)
                WHEN c.action = 'return' THEN (SELECT 0 FROM unnest(f.lots) AS l WHERE l.grant_id = c.grant_id)
                ELSE 0
            END AS taken
    ) AS e
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN s.step IS NULL THEN 0 ELSE s.charged END
                + CASE WHEN c.action IN ('expired', 'voided', 'frozen', 'refunded', 'draw') THEN c.amount - e.taken ELSE 0 END AS draw
    ) AS w
    CROSS JOIN LATERAL (
        SELECT
            CASE
                WHEN w.draw IS NOT NULL AND e.taken IS NOT NULL AND (c.step IS NULL OR c.amount IS NOT NULL)
                    THEN f.overdrawn - e.paid + (w.draw - coalesce(sum(l.drawn), 0))::bigint
            END AS overdrawn,
            array_agg(
                (
                    l.grant_id, l.priority, l.expires_at, l.position, l.remaining - l.drawn,
                    l.returned, l.used + l.drawn, l.refunded, l.voided, l.frozen, l.expired
                )::lot
            ) AS lots
        FROM (
            SELECT
                m.*,
                greatest(0, least(m.remaining, w.draw - (sum(m.remaining) OVER (
                    ORDER BY m.priority, m.expires_at NULLS LAST, m.position)) + m.remaining))::bigint AS drawn
            FROM (
                SELECT
                    l.grant_id, l.priority, l.expires_at, l.position,
                    l.remaining + CASE
                        WHEN l.grant_id IS DISTINCT FROM c.grant_id THEN 0
                        WHEN c.action = 'return' THEN c.amount - e.paid
                        ELSE - e.taken
                    END AS remaining,
                    l.returned + CASE WHEN l.grant_id = c.grant_id AND c.action = 'return' THEN c.amount ELSE 0 END AS returned,
                    l.used + CASE WHEN l.grant_id = c.grant_id AND c.action = 'return' THEN e.paid ELSE 0 END AS used,
                    l.refunded + CASE WHEN l.grant_id = c.grant_id AND c.action = 'refunded' THEN e.taken ELSE 0 END AS refunded,
                    l.voided + CASE WHEN l.grant_id = c.grant_id AND c.action = 'voided' THEN e.taken ELSE 0 END AS voided,
                    l.frozen + CASE WHEN l.grant_id = c.grant_id AND c.action = 'frozen' THEN e.taken ELSE 0 END AS frozen,
                    l.expired + CASE WHEN l.grant_id = c.grant_id AND c.action = 'expired' THEN e.taken ELSE 0 END AS expired
                FROM unnest(f.lots) AS l
                UNION ALL
                SELECT c.grant_id, c.priority, c.expires_at, c.position, c.amount - e.paid, 0, e.paid, 0, 0, 0, 0
                WHERE c.action = 'give'
            ) AS m
        ) AS l
    ) AS r
    WHERE s.step IS NOT NULL OR f.step = -1
),
ends AS MATERIALIZED (
    SELECT DISTINCT ON (organization) organization, overdrawn, lots
    FROM folded
    ORDER BY organization, step DESC
),
outcomes AS MATERIALIZED (
    SELECT e.organization, l.*
    FROM ends AS e, LATERAL unnest(e.lots) AS l
),
given AS (
    INSERT INTO grants (
        grant_id, organization, kind, priority, expires_at, position, granted_at, payment, referred, amount, returned, used, refunded,
        voided, frozen, expired)
    SELECT
        c.grant_id, c.organization, c.kind, c.priority, c.expires_at, c.position, c.occurred_at, c.payment, c.referred, c.amount,
        o.returned, o.used, o.refunded, o.voided, o.frozen, o.expired
    FROM credits AS c LEFT JOIN outcomes AS o USING (grant_id, position)
    WHERE c.action = 'give'
    ORDER BY c.position
),
changed AS (
    UPDATE grants AS g SET
        returned = g.returned + o.returned, used = g.used + o.used, refunded = g.refunded + o.refunded,
        voided = g.voided + o.voided, frozen = g.frozen + o.frozen, expired = g.expired + o.expired
    FROM outcomes AS o
    WHERE g.grant_id = o.grant_id AND o.returned + o.used + o.refunded + o.voided + o.frozen + o.expired > 0
)
INSERT INTO organizations AS t (organization, overdrawn, version)
SELECT e.organization, e.overdrawn, coalesce(n.version, 0)
FROM ends AS e JOIN needs AS n USING (organization)
ORDER BY e.organization
ON CONFLICT (organization) DO UPDATE SET
    overdrawn = excluded.overdrawn,
    version = greatest(t.version, excluded.version)
WHERE (t.overdrawn, t.version) IS DISTINCT FROM (excluded.overdrawn, greatest(t.version, excluded.version));

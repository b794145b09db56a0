-- The batch is here the whole history up to the checkpoint: each movement is there once, and they add up to what was credited.
WITH folded AS (
    SELECT
        organization,
        count(*) - count(*) FILTER (WHERE type = 'credit.refunded' AND data ? 'payment') AS count,
        sum(CASE WHEN type IN ('credit.refunded', 'credit.expired', 'credit.voided', 'credit.frozen') THEN -1 ELSE 1 END
            * (data ->> 'amount')::numeric) FILTER (WHERE stream_kind = 'credit') AS credited
    FROM batch
    GROUP BY organization
),
found AS (
    SELECT organization, count(*) AS count, sum(credit_amount)::numeric AS credited FROM transactions GROUP BY organization
)
SELECT 'organization: credited differs from the fold' AS problem, organization AS id, f.credited AS expected, t.credited AS found
FROM folded AS f FULL JOIN found AS t USING (organization)
-- An organization with nothing but failed payments has a movement of zero, and no event that credits anything.
WHERE coalesce(f.credited, 0) <> coalesce(t.credited, 0) OR coalesce(f.count, 0) <> coalesce(t.count, 0);

-- The batch is here the whole history up to the checkpoint.
SELECT 'event: postings do not sum to zero' AS problem, position::text AS id, 0::numeric AS expected, sum(amount) AS found
FROM postings
GROUP BY position
HAVING sum(amount) <> 0
UNION ALL
SELECT 'organization: customer_credits differs from the fold', organization::text, f.balance, c.balance
FROM (
    SELECT
        organization,
        sum(CASE
            WHEN type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen')
                THEN - (data ->> 'amount')::numeric
            WHEN stream_kind = 'credit' THEN (data ->> 'amount')::numeric
            WHEN stream_kind = 'request' THEN (data ->> 'charged')::numeric
        END) AS balance
    FROM batch
    GROUP BY organization
) AS f
FULL JOIN (
    SELECT organization, sum(amount) AS balance
    FROM postings
    WHERE account = 'customer_credits'
    GROUP BY organization
) AS c USING (organization)
WHERE coalesce(f.balance, 0) <> coalesce(c.balance, 0)
UNION ALL
SELECT 'organization: ' || account || ' differs from the fold', organization::text, expected, found
FROM (
    SELECT
        b.organization, v.account, sum(v.amount) AS expected
    FROM batch AS b,
        LATERAL (
            VALUES
            ('usage_revenue', - (b.data -> 'price' ->> 'total')::numeric),
            ('overrun', (b.data ->> 'overrun')::numeric),
            ('provider_cost',
                CASE b.data ->> 'credential' WHEN 'house' THEN (b.data -> 'cost' ->> 'total')::numeric END),
            ('fees', CASE b.type WHEN 'payment.refunded' THEN 1 ELSE -1 END * (b.data ->> 'fee')::numeric),
            ('payment_cost', CASE b.type WHEN 'payment.fee_recorded' THEN (b.data ->> 'amount')::numeric END),
            ('disputes', CASE b.type
                WHEN 'dispute.opened' THEN (b.data ->> 'amount')::numeric
                WHEN 'dispute.won' THEN - (b.data ->> 'amount')::numeric
                WHEN 'dispute.lost' THEN - (b.data ->> 'amount')::numeric
            END),
            ('subscription_revenue', CASE b.type WHEN 'subscription.paid' THEN - (b.data ->> 'amount')::numeric END)
        ) AS v(account, amount)
    GROUP BY b.organization, v.account
) AS f
LEFT JOIN (
    SELECT organization, account, sum(amount) AS found
    FROM postings
    GROUP BY organization, account
) AS p USING (organization, account)
WHERE coalesce(expected, 0) <> coalesce(found, 0);

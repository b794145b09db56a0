-- The batch is here the whole history up to the checkpoint.
SELECT 'event: postings do not sum to zero' AS problem, position::text AS id, 0::numeric AS expected, sum(amount) AS found
FROM postings
GROUP BY position
HAVING sum(amount) <> 0
UNION ALL
SELECT 'organization: ' || account || ' differs from the fold', organization::text, expected, found
FROM (
    SELECT s.organization, v.account, v.expected
    FROM (
        SELECT
            b.organization,
            sum(CASE
                WHEN b.type IN ('credit.granted', 'credit.topped_up', 'credit.adjusted', 'credit.unfrozen') THEN - d.amount
                WHEN b.stream_kind = 'credit' THEN d.amount
                WHEN b.stream_kind = 'request' THEN d.charged
            END) AS customer_credits,
            - sum((d.price ->> 'total')::numeric) AS usage_revenue,
            sum(d.overrun) AS overrun,
            sum((d.cost ->> 'total')::numeric) FILTER (WHERE d.credential = 'house') AS provider_cost,
            sum(CASE b.type WHEN 'payment.refunded' THEN d.fee ELSE - d.fee END) AS fees,
            sum(d.amount) FILTER (WHERE b.type = 'payment.fee_recorded') AS payment_cost,
            sum(CASE b.type
                WHEN 'dispute.opened' THEN d.amount
                WHEN 'dispute.won' THEN - d.amount
                WHEN 'dispute.lost' THEN - d.amount
            END) AS disputes,
            - sum(d.amount) FILTER (WHERE b.type = 'subscription.paid') AS subscription_revenue
        FROM batch AS b,
            LATERAL jsonb_to_record(b.data) AS d(
                amount numeric, charged numeric, overrun numeric, credential text, price jsonb, cost jsonb, fee numeric)
        GROUP BY b.organization
    ) AS s,
        LATERAL (
            VALUES
            ('customer_credits', s.customer_credits), ('usage_revenue', s.usage_revenue), ('overrun', s.overrun),
            ('provider_cost', s.provider_cost), ('fees', s.fees), ('payment_cost', s.payment_cost), ('disputes', s.disputes),
            ('subscription_revenue', s.subscription_revenue)
        ) AS v(account, expected)
) AS f
FULL JOIN (
    SELECT organization, account, sum(amount) AS found
    FROM postings
    WHERE account IN (
        'customer_credits', 'usage_revenue', 'overrun', 'provider_cost', 'fees', 'payment_cost', 'disputes', 'subscription_revenue')
    GROUP BY organization, account
) AS p USING (organization, account)
WHERE coalesce(expected, 0) <> coalesce(found, 0);

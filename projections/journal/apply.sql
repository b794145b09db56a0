-- An event whose own figures disagree (charged + overrun is not the price) has no amount for its revenue, and one of a kind
-- that is not known has no account: NOT NULL then refuses it, and the projection halts at its position.
INSERT INTO postings (position, occurred_at, organization, amount, line, account)
SELECT b.position, b.occurred_at, b.organization, p.amount, p.line, p.account
FROM batch AS b,
    LATERAL jsonb_to_record(b.data) AS d(
        charged bigint, overrun bigint, credential text, price jsonb, cost jsonb
    ),
    LATERAL (
        VALUES
        (1::smallint, 'customer_credits', d.charged),
        (2::smallint, 'overrun', d.overrun),
        (3::smallint, 'usage_revenue',
            CASE WHEN d.charged + d.overrun = (d.price ->> 'total')::bigint THEN - (d.charged + d.overrun) END),
        (4::smallint, 'provider_cost',
            CASE d.credential WHEN 'house' THEN (d.cost ->> 'total')::bigint WHEN 'organization' THEN 0 END),
        (5::smallint, 'provider_payable',
            CASE d.credential WHEN 'house' THEN - (d.cost ->> 'total')::bigint WHEN 'organization' THEN 0 END)
    ) AS p(line, account, amount)
WHERE b.stream_kind = 'request'
    AND (b.type <> 'request.abandoned' OR d.charged IS DISTINCT FROM 0)
    AND p.amount IS DISTINCT FROM 0
UNION ALL
SELECT b.position, b.occurred_at, b.organization, p.amount, p.line, p.account
FROM batch AS b,
    LATERAL jsonb_to_record(b.data) AS d(kind text, amount bigint, fee bigint),
    LATERAL (
        VALUES
        (1::smallint, 'customer_credits',
            CASE WHEN b.type IN ('credit.refunded', 'credit.expired') THEN d.amount ELSE - d.amount END),
        (2::smallint, 'fees', CASE WHEN b.type = 'credit.topped_up' THEN - d.fee ELSE 0 END),
        (3::smallint,
            CASE b.type
                WHEN 'credit.granted' THEN
                    CASE d.kind
                        WHEN 'promotional' THEN 'promotions'
                        WHEN 'referral' THEN 'promotions'
                        WHEN 'paid' THEN 'stripe_clearing'
                    END
                WHEN 'credit.topped_up' THEN 'stripe_clearing'
                WHEN 'credit.adjusted' THEN 'adjustments'
                WHEN 'credit.refunded' THEN 'stripe_clearing'
                WHEN 'credit.expired' THEN 'breakage'
            END,
            CASE
                WHEN b.type IN ('credit.refunded', 'credit.expired') THEN - d.amount
                WHEN b.type = 'credit.topped_up' THEN d.amount + d.fee
                ELSE d.amount
            END)
    ) AS p(line, account, amount)
WHERE b.stream_kind = 'credit' AND p.amount IS DISTINCT FROM 0;

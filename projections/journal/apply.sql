-- An event whose own figures disagree (charged + overrun is not the price) has no amount for its revenue, and one of a kind
-- that is not known has no account: NOT NULL then refuses it, and the projection halts at its position.
--
-- An event's postings are two arrays that are taken apart: rows of VALUES would be prepared anew for every event.
INSERT INTO postings (position, occurred_at, organization, amount, line, account)
SELECT position, occurred_at, organization, amount, line, account
FROM (
    SELECT
        position, occurred_at, organization, unnest(amounts) AS amount, generate_subscripts(amounts, 1) AS line,
        unnest(accounts) AS account
    FROM (
        SELECT
            b.position, b.occurred_at, b.organization,
            CASE b.stream_kind
                WHEN 'request' THEN '{customer_credits,overrun,usage_revenue,provider_cost,provider_payable}'::text[]
                ELSE ARRAY['customer_credits', 'fees', CASE b.type
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
                END]
            END AS accounts,
            CASE
                WHEN b.stream_kind = 'request' THEN ARRAY[
                    d.charged, d.overrun,
                    CASE WHEN d.charged + d.overrun = (d.price).total THEN - (d.charged + d.overrun) END,
                    CASE d.credential WHEN 'house' THEN (d.cost).total WHEN 'organization' THEN 0 END,
                    CASE d.credential WHEN 'house' THEN - (d.cost).total WHEN 'organization' THEN 0 END]
                WHEN b.type IN ('credit.refunded', 'credit.expired') THEN ARRAY[d.amount, 0, - d.amount]
                WHEN b.type = 'credit.topped_up' THEN ARRAY[- d.amount, - d.fee, d.amount + d.fee]
                ELSE ARRAY[- d.amount, 0, d.amount]
            END AS amounts
        FROM batch AS b,
            LATERAL jsonb_to_record(b.data) AS d(
                charged bigint, overrun bigint, credential text, price bill, cost bill, kind text, amount bigint, fee bigint
            )
        WHERE b.type <> 'request.abandoned' OR d.charged IS DISTINCT FROM 0
    ) AS e
) AS p
WHERE amount IS DISTINCT FROM 0;

-- An event whose own figures disagree (charged + overrun is not the price) has no amount for its revenue, and one of a kind
-- that is not known has no account: NOT NULL then refuses it, and the projection halts at its position.
--
-- An event's postings are two arrays: rows of VALUES would be prepared anew for every event.
INSERT INTO entries (position, occurred_at, organization, amounts, accounts)
SELECT position, occurred_at, organization, amounts, accounts[1:cardinality(amounts)]
FROM (
    SELECT
        b.position, b.occurred_at, b.organization,
        CASE b.stream_kind
            WHEN 'request' THEN '{customer_credits,overrun,usage_revenue,provider_cost,provider_payable}'::text[]
            WHEN 'payment' THEN '{fees,stripe_clearing,payment_cost,disputes,frozen_credits,dispute_losses}'::text[]
            WHEN 'subscription' THEN '{stripe_clearing,subscription_revenue}'::text[]
            ELSE ARRAY['customer_credits', 'fees', CASE b.type
                WHEN 'credit.granted' THEN
                    CASE d.kind
                        WHEN 'promotional' THEN 'promotions'
                        WHEN 'referral' THEN 'promotions'
                        WHEN 'adjustment' THEN 'adjustments'
                        WHEN 'paid' THEN 'stripe_clearing'
                    END
                WHEN 'credit.topped_up' THEN 'stripe_clearing'
                WHEN 'credit.adjusted' THEN 'adjustments'
                WHEN 'credit.refunded' THEN 'stripe_clearing'
                WHEN 'credit.expired' THEN 'breakage'
                WHEN 'credit.voided' THEN 'promotions'
                WHEN 'credit.frozen' THEN 'frozen_credits'
                WHEN 'credit.unfrozen' THEN 'frozen_credits'
            END]
        END AS accounts,
        CASE
            WHEN b.stream_kind = 'request' THEN ARRAY[
                d.charged, d.overrun,
                CASE WHEN d.charged + d.overrun = (d.price).total THEN - (d.charged + d.overrun) END,
                CASE d.credential WHEN 'house' THEN (d.cost).total WHEN 'organization' THEN 0 END,
                CASE d.credential WHEN 'house' THEN - (d.cost).total WHEN 'organization' THEN 0 END]
            WHEN b.type = 'credit.topped_up' THEN ARRAY[- d.amount, - d.fee, d.amount + d.fee]
            WHEN b.type IN ('credit.refunded', 'credit.expired', 'credit.voided', 'credit.frozen')
                THEN ARRAY[d.amount, 0, - d.amount]
            WHEN b.stream_kind = 'payment' THEN
                CASE b.type
                    WHEN 'payment.refunded' THEN ARRAY[d.fee, - d.fee, 0, 0, d.lost, - d.lost]
                    WHEN 'payment.fee_recorded' THEN ARRAY[0, - d.amount, d.amount]
                    WHEN 'dispute.opened' THEN ARRAY[0, - d.amount, 0, d.amount]
                    WHEN 'dispute.won' THEN ARRAY[0, d.amount, 0, - d.amount]
                    WHEN 'dispute.lost' THEN ARRAY[0, 0, 0, - d.amount, d.frozen, d.amount - d.frozen]
                END
            WHEN b.stream_kind = 'subscription' THEN ARRAY[d.amount, - d.amount]
            ELSE ARRAY[- d.amount, 0, d.amount]
        END AS amounts
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(
            charged bigint, overrun bigint, credential text, price bill, cost bill, kind text, amount bigint, fee bigint,
            frozen bigint, lost bigint
        )
    WHERE b.type <> 'request.abandoned' OR d.charged IS DISTINCT FROM 0
) AS e
WHERE 0 <> ANY (amounts) OR array_position(amounts, NULL) IS NOT NULL;

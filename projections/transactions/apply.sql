-- An amount that is missing or has the wrong sign is refused by the table, and the projection halts: it is money.
INSERT INTO transactions (event, organization, position, type, amount, credit_amount, payment, description, created_at)
SELECT
    b.id, b.organization, b.position,
    CASE b.type
        WHEN 'credit.topped_up' THEN 'credit_topup'
        WHEN 'credit.granted' THEN CASE d.kind WHEN 'paid' THEN 'credit_manual_payment' ELSE 'credit_gift' END
        WHEN 'credit.adjusted' THEN 'credit_adjustment'
        WHEN 'credit.refunded' THEN 'credit_refund'
        WHEN 'credit.expired' THEN 'credit_expiry'
    END,
    CASE WHEN b.type = 'credit.topped_up' THEN d.amount + d.fee WHEN d.kind = 'paid' THEN d.amount END,
    CASE WHEN b.type IN ('credit.refunded', 'credit.expired') THEN - d.amount ELSE d.amount END,
    d.payment, coalesce(d.reason, CASE d.kind WHEN 'referral' THEN 'referral' END), b.occurred_at
FROM batch AS b,
    LATERAL jsonb_to_record(b.data) AS d(amount bigint, fee bigint, kind text, payment uuid, reason text)
ORDER BY b.position;

-- An amount that is missing or has the wrong sign is refused by the table, and the projection halts: it is money. A refund of a
-- payment is one row, of the event that knows what was paid back; its credit.refunded is the same movement.
INSERT INTO transactions (
    event, organization, position, type, status, amount, credit_amount, payment, subscription, bill, description, created_at)
SELECT
    b.id, b.organization, b.position,
    CASE b.type
        WHEN 'credit.topped_up' THEN 'credit_topup'
        WHEN 'credit.granted' THEN
            CASE d.kind WHEN 'paid' THEN 'credit_manual_payment' WHEN 'adjustment' THEN 'credit_adjustment' ELSE 'credit_gift' END
        WHEN 'credit.adjusted' THEN 'credit_adjustment'
        WHEN 'credit.refunded' THEN 'credit_refund'
        WHEN 'payment.refunded' THEN 'credit_refund'
        WHEN 'payment.failed' THEN 'credit_topup'
        WHEN 'credit.expired' THEN 'credit_expiry'
        WHEN 'credit.voided' THEN 'credit_void'
        WHEN 'credit.frozen' THEN 'credit_freeze'
        WHEN 'credit.unfrozen' THEN 'credit_unfreeze'
        WHEN 'subscription.started' THEN 'subscription_start'
        WHEN 'subscription.paid' THEN 'subscription_payment'
        WHEN 'subscription.payment_failed' THEN 'subscription_payment'
        WHEN 'subscription.cancelled' THEN 'subscription_cancel'
        WHEN 'subscription.resumed' THEN 'subscription_resume'
        WHEN 'subscription.ended' THEN 'subscription_end'
    END,
    CASE WHEN b.type IN ('payment.failed', 'subscription.payment_failed') THEN 'failed' ELSE 'completed' END,
    CASE
        WHEN b.type = 'credit.topped_up' THEN d.amount + d.fee
        WHEN b.type = 'payment.refunded' THEN - d.total
        WHEN b.type = 'payment.failed' THEN d.total
        WHEN b.stream_kind = 'subscription' OR d.kind = 'paid' THEN d.amount
    END,
    CASE
        WHEN b.type IN ('credit.refunded', 'payment.refunded', 'credit.expired', 'credit.voided', 'credit.frozen') THEN - d.amount
        WHEN b.type = 'payment.failed' THEN 0
        WHEN b.stream_kind <> 'subscription' THEN d.amount
    END,
    CASE WHEN b.stream_kind = 'payment' THEN b.stream_id ELSE d.payment END,
    CASE WHEN b.stream_kind = 'subscription' THEN b.stream_id END,
    d.invoice,
    coalesce(d.reason, d.code, CASE d.kind WHEN 'referral' THEN 'referral' END), b.occurred_at
FROM batch AS b,
    LATERAL jsonb_to_record(b.data) AS d(
        amount bigint, fee bigint, total bigint, kind text, payment uuid, reason text, code text,
        invoice text)
WHERE b.type <> 'credit.refunded' OR d.payment IS NULL
ORDER BY b.position;

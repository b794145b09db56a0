-- The batch is here the whole history up to the checkpoint.
WITH paid AS (
    SELECT
        stream_id AS payment,
        coalesce(sum((data ->> 'total')::numeric) FILTER (WHERE type = 'payment.succeeded'), 0) AS total,
        coalesce(sum((data ->> 'total')::numeric) FILTER (WHERE type = 'payment.refunded'), 0) AS refunded,
        coalesce(sum((data ->> 'frozen')::numeric) FILTER (WHERE type <> 'dispute.lost'), 0) AS frozen,
        count(*) FILTER (WHERE type = 'payment.succeeded') AS times
    FROM batch
    WHERE stream_kind = 'payment'
    GROUP BY stream_id
)
SELECT 'payment: what was paid differs from the fold' AS problem, f.payment::text AS id, f.total AS expected, p.paid_total::numeric AS found
FROM paid AS f LEFT JOIN payments AS p USING (payment)
WHERE f.total IS DISTINCT FROM p.paid_total
UNION ALL
SELECT 'payment: what was paid back differs from the fold', f.payment::text, f.refunded, p.refunded_total
FROM paid AS f LEFT JOIN payments AS p USING (payment)
WHERE f.refunded IS DISTINCT FROM p.refunded_total
UNION ALL
SELECT 'payment: what is frozen differs from the fold', f.payment::text, f.frozen, p.frozen
FROM paid AS f LEFT JOIN payments AS p USING (payment)
WHERE f.frozen IS DISTINCT FROM p.frozen
UNION ALL
SELECT 'payment: credited more than once', payment::text, 1, times FROM paid WHERE times > 1
UNION ALL
SELECT 'payment: more was taken back than was given', payment::text, paid_amount + paid_bonus, refunded_amount + refunded_bonus + frozen
FROM payments
WHERE refunded_amount + refunded_bonus + frozen > paid_amount + paid_bonus OR frozen < 0 OR refunded_total > paid_total
UNION ALL
SELECT 'invoice: a number is missing', number::text, number - 1, NULL
FROM invoices AS i
WHERE number > 1 AND NOT EXISTS (SELECT FROM invoices AS b WHERE b.number = i.number - 1);

INSERT INTO customers AS c (organization, customer, version, auto_top_up)
SELECT
    stream_id,
    (array_agg(data ->> 'customer' ORDER BY position DESC) FILTER (WHERE type = 'customer.created'))[1],
    max(stream_version),
    (array_agg((data ->> 'payment')::uuid ORDER BY position DESC) FILTER (WHERE type = 'auto_top_up.started'))[1]
FROM batch
WHERE stream_kind = 'customer'
GROUP BY stream_id
ORDER BY stream_id
ON CONFLICT (organization) DO UPDATE SET
    customer = coalesce(excluded.customer, c.customer),
    version = excluded.version,
    auto_top_up = coalesce(excluded.auto_top_up, c.auto_top_up);

-- What Stripe says of payments: each column is the greatest of what was said, so that no order and no repetition matters.
-- Whose it is, is what our own events say, as soon as they do.
WITH said AS (
    SELECT
        d.payment, d.organization, d.intent, d.charge, d.currency, d.amount, d.refunded, d.base_amount, d.balance_transaction,
        d.failure, (b.data ->> 'created')::bigint AS created,
        CASE d.status WHEN 'pending' THEN 0 WHEN 'failed' THEN 1 WHEN 'succeeded' THEN 2 END AS status
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data -> 'facts' -> 'payment') AS d(
            payment uuid, organization uuid, intent text COLLATE "C", charge text COLLATE "C", currency text COLLATE "C",
            amount bigint, refunded bigint, base_amount bigint, balance_transaction text COLLATE "C", failure text COLLATE "C",
            status text)
    WHERE b.stream_kind = 'stripe' AND d.payment IS NOT NULL
)
INSERT INTO payments AS p (
    payment, organization, intent, charge, seen, seen_currency, seen_amount, seen_refunded, seen_base_amount, failed_at, failure,
    balance_transaction, posted, paid_total, paid_amount, paid_fee, paid_bonus, refunded_total, refunded_amount, refunded_fee,
    refunded_bonus, frozen, lost, version)
SELECT
    payment, max(organization::text)::uuid, max(intent), max(charge), max(status), max(currency),
    max(amount) FILTER (WHERE status = 2), max(refunded), max(base_amount),
    (array_agg(created ORDER BY created DESC, failure DESC NULLS LAST) FILTER (WHERE status = 1))[1],
    (array_agg(failure ORDER BY created DESC, failure DESC NULLS LAST) FILTER (WHERE status = 1))[1],
    max(balance_transaction), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM said
GROUP BY payment
ORDER BY payment
ON CONFLICT (payment) DO UPDATE SET
    organization = CASE WHEN p.version > 0 THEN p.organization ELSE greatest(p.organization, excluded.organization) END,
    intent = greatest(p.intent, excluded.intent),
    charge = greatest(p.charge, excluded.charge),
    seen = greatest(p.seen, excluded.seen),
    seen_currency = greatest(p.seen_currency, excluded.seen_currency),
    seen_amount = greatest(p.seen_amount, excluded.seen_amount),
    seen_refunded = greatest(p.seen_refunded, excluded.seen_refunded),
    seen_base_amount = greatest(p.seen_base_amount, excluded.seen_base_amount),
    failed_at = greatest(p.failed_at, excluded.failed_at),
    failure = CASE
        WHEN p.failed_at = excluded.failed_at THEN greatest(p.failure, excluded.failure)
        WHEN p.failed_at > excluded.failed_at OR excluded.failed_at IS NULL THEN p.failure
        ELSE excluded.failure
    END,
    balance_transaction = greatest(p.balance_transaction, excluded.balance_transaction);

-- What was made of them.
WITH made AS (
    SELECT
        b.stream_id AS payment, b.organization, b.type, b.stream_version, b.position, b.occurred_at, d.kind, d.method, d.amount,
        d.bonus, d.total, d.intent, d.fee, d.frozen, d.lost, d."grant"
    FROM batch AS b,
        LATERAL (
            SELECT
                r.kind, r.method, r.amount, r.bonus, r.total, r.intent, r.frozen, r.lost, r."grant",
                CASE b.type WHEN 'payment.started' THEN r.total - r.amount ELSE r.fee::text::bigint END AS fee
            FROM jsonb_to_record(b.data) AS r(
                kind text, method text, amount bigint, bonus bigint, total bigint, intent text COLLATE "C", fee jsonb,
                frozen bigint, lost bigint, "grant" uuid)
        ) AS d
    WHERE b.stream_kind = 'payment'
)
INSERT INTO payments AS p (
    payment, organization, kind, method, amount, bonus, fee, total, started_at, intent, seen, seen_refunded, posted, paid_total,
    paid_amount, paid_fee, paid_bonus, bonus_grant, refunded_total, refunded_amount, refunded_fee, refunded_bonus, frozen, lost,
    stripe_fee, version, posted_at)
SELECT
    payment, max(organization::text)::uuid, max(kind), max(method), max(amount) FILTER (WHERE type = 'payment.started'),
    max(bonus) FILTER (WHERE type = 'payment.started'), max(fee) FILTER (WHERE type = 'payment.started'),
    max(total) FILTER (WHERE type = 'payment.started'), max(occurred_at) FILTER (WHERE type = 'payment.started'), max(intent), 0, 0,
    max(CASE type WHEN 'payment.succeeded' THEN 2 WHEN 'payment.failed' THEN 1 ELSE 0 END),
    coalesce(sum(total) FILTER (WHERE type = 'payment.succeeded'), 0)::bigint,
    coalesce(sum(amount) FILTER (WHERE type = 'payment.succeeded'), 0)::bigint,
    coalesce(sum(fee) FILTER (WHERE type = 'payment.succeeded'), 0)::bigint,
    coalesce(sum(bonus) FILTER (WHERE type = 'payment.succeeded'), 0)::bigint,
    max("grant"::text)::uuid,
    coalesce(sum(total) FILTER (WHERE type = 'payment.refunded'), 0)::bigint,
    coalesce(sum(amount) FILTER (WHERE type = 'payment.refunded'), 0)::bigint,
    coalesce(sum(fee) FILTER (WHERE type = 'payment.refunded'), 0)::bigint,
    coalesce(sum(bonus) FILTER (WHERE type = 'payment.refunded'), 0)::bigint,
    coalesce(sum(frozen) FILTER (WHERE type <> 'dispute.lost'), 0)::bigint,
    coalesce(sum(CASE type WHEN 'dispute.lost' THEN frozen ELSE lost END), 0)::bigint,
    sum(amount) FILTER (WHERE type = 'payment.fee_recorded')::bigint,
    max(stream_version), (array_agg(occurred_at ORDER BY position DESC) FILTER (WHERE type <> 'payment.started'))[1]
FROM made
GROUP BY payment
ORDER BY payment
ON CONFLICT (payment) DO UPDATE SET
    organization = CASE
        WHEN p.version > 0 THEN greatest(p.organization, excluded.organization)
        ELSE coalesce(excluded.organization, p.organization)
    END,
    kind = coalesce(p.kind, excluded.kind),
    method = coalesce(p.method, excluded.method),
    amount = coalesce(p.amount, excluded.amount),
    bonus = coalesce(p.bonus, excluded.bonus),
    fee = coalesce(p.fee, excluded.fee),
    total = coalesce(p.total, excluded.total),
    started_at = coalesce(p.started_at, excluded.started_at),
    intent = greatest(p.intent, excluded.intent),
    posted = greatest(p.posted, excluded.posted),
    paid_total = p.paid_total + excluded.paid_total,
    paid_amount = p.paid_amount + excluded.paid_amount,
    paid_fee = p.paid_fee + excluded.paid_fee,
    paid_bonus = p.paid_bonus + excluded.paid_bonus,
    bonus_grant = coalesce(p.bonus_grant, excluded.bonus_grant),
    refunded_total = p.refunded_total + excluded.refunded_total,
    refunded_amount = p.refunded_amount + excluded.refunded_amount,
    refunded_fee = p.refunded_fee + excluded.refunded_fee,
    refunded_bonus = p.refunded_bonus + excluded.refunded_bonus,
    frozen = p.frozen + excluded.frozen,
    lost = p.lost + excluded.lost,
    stripe_fee = coalesce(p.stripe_fee + excluded.stripe_fee, p.stripe_fee, excluded.stripe_fee),
    version = excluded.version,
    posted_at = coalesce(excluded.posted_at, p.posted_at);

-- Disputes. Of what Stripe says, the further wins: a dispute that is decided stays so.
INSERT INTO disputes AS t (dispute, intent, payment, seen, seen_amount, posted)
SELECT
    dispute, max(intent), max(payment::text)::uuid, max(seen), max(amount), max(posted)
FROM (
    SELECT
        d.dispute, d.intent, NULL::uuid AS payment,
        CASE d.status WHEN 'opened' THEN 1 WHEN 'won' THEN 2 WHEN 'lost' THEN 3 END AS seen,
        CASE d.currency WHEN 'usd' THEN d.amount END AS amount, 0 AS posted
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data -> 'facts' -> 'dispute') AS d(
            dispute text, intent text COLLATE "C", status text, currency text, amount bigint)
    WHERE b.stream_kind = 'stripe' AND d.dispute IS NOT NULL
    UNION ALL
    SELECT
        b.data ->> 'dispute', NULL, b.stream_id, 0, NULL,
        CASE b.type WHEN 'dispute.opened' THEN 1 WHEN 'dispute.won' THEN 2 WHEN 'dispute.lost' THEN 3 END
    FROM batch AS b
    WHERE b.type IN ('dispute.opened', 'dispute.won', 'dispute.lost')
) AS d
GROUP BY dispute
ORDER BY dispute
ON CONFLICT (dispute) DO UPDATE SET
    intent = greatest(t.intent, excluded.intent),
    payment = greatest(t.payment, excluded.payment),
    seen = greatest(t.seen, excluded.seen),
    seen_amount = greatest(t.seen_amount, excluded.seen_amount),
    posted = greatest(t.posted, excluded.posted);

-- Subscriptions. Of what Stripe says the newest holds as a whole, by Stripe's time; that it is over, holds for good. Of what was
-- said in one second, the newest answer to a question of ours, and else what comes later in a subscription's life.
WITH said AS (
    SELECT
        d.id, d.subscription, d.customer, d.organization, d.status, d.cycle, d.period_end, d.trial_start, d.trial_end,
        d.cancels_at_period_end, d.ended_at IS NOT NULL OR d.status = 'canceled' AS is_over,
        CASE b.type
            WHEN 'stripe.object_retrieved' THEN 1000 + b.position
            ELSE coalesce(array_position(ARRAY['incomplete', 'trialing', 'active', 'past_due', 'unpaid'], d.status), 0)
        END AS rank,
        (b.data ->> 'created')::bigint AS created, b.id AS event
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data -> 'facts' -> 'subscription') AS d(
            id uuid, subscription text, customer text, organization uuid, status text, cycle text, period_end bigint,
            trial_start bigint, trial_end bigint, cancels_at_period_end boolean, ended_at bigint)
    WHERE b.stream_kind = 'stripe' AND d.id IS NOT NULL
),
newest AS (
    SELECT DISTINCT ON (id)
        id, subscription, customer, organization, status, cycle, period_end, trial_start, trial_end, cancels_at_period_end, is_over,
        created, event, rank
    FROM said
    ORDER BY id, is_over DESC, created DESC, rank DESC, coalesce(period_end, 0) DESC, event DESC
)
INSERT INTO subscriptions AS s (
    subscription, stripe_subscription, customer, organization, seen_over, seen_at, seen_rank, seen_event, status, cycle, period_end,
    trial_start, trial_end, cancels, is_started, is_cancelled, is_ended, version)
SELECT
    id, subscription, customer, organization, is_over, created, rank, event, status, cycle, period_end, trial_start, trial_end,
    cancels_at_period_end, false, false, false, 0
FROM newest
ON CONFLICT (subscription) DO UPDATE SET
    stripe_subscription = excluded.stripe_subscription,
    customer = excluded.customer,
    organization = excluded.organization,
    seen_over = excluded.seen_over,
    seen_at = excluded.seen_at,
    seen_rank = excluded.seen_rank,
    seen_event = excluded.seen_event,
    status = excluded.status,
    cycle = excluded.cycle,
    period_end = excluded.period_end,
    trial_start = excluded.trial_start,
    trial_end = excluded.trial_end,
    cancels = excluded.cancels
WHERE (excluded.seen_over, excluded.seen_at, excluded.seen_rank, coalesce(excluded.period_end, 0), excluded.seen_event)
    > (s.seen_over, s.seen_at, s.seen_rank, coalesce(s.period_end, 0), s.seen_event);

WITH made AS (
    SELECT
        stream_id AS subscription,
        max(stream_version) AS version,
        max(organization::text)::uuid AS organization,
        bool_or(type = 'subscription.started') AS is_started,
        bool_or(type = 'subscription.ended') AS is_ended,
        (array_agg(type = 'subscription.cancelled' ORDER BY position DESC)
            FILTER (WHERE type IN ('subscription.cancelled', 'subscription.resumed')))[1] AS is_cancelled,
        (array_agg(data ->> 'cycle' ORDER BY position DESC)
            FILTER (WHERE type IN ('subscription.started', 'subscription.changed')))[1] AS cycle,
        max((data ->> 'period_end')::bigint) FILTER (WHERE type = 'subscription.renewed') AS period_end
    FROM batch
    WHERE stream_kind = 'subscription'
    GROUP BY stream_id
)
UPDATE subscriptions AS s SET
    version = m.version,
    posted_organization = greatest(s.posted_organization, m.organization),
    is_started = s.is_started OR m.is_started,
    is_ended = s.is_ended OR m.is_ended,
    is_cancelled = coalesce(m.is_cancelled, s.is_cancelled),
    posted_cycle = coalesce(m.cycle, s.posted_cycle),
    posted_period_end = greatest(s.posted_period_end, m.period_end)
FROM made AS m
WHERE m.subscription = s.subscription;

INSERT INTO bills AS t (bill, subscription, is_paid, currency, paid, owed, attempts, posted_paid, posted_attempts)
SELECT
    bill, max(subscription::text)::uuid, bool_or(is_paid), max(currency), max(paid), max(owed), max(attempts), bool_or(posted_paid),
    max(posted_attempts)
FROM (
    SELECT
        d.invoice AS bill, d.id AS subscription, d.is_paid, d.currency, d.paid, d.due AS owed, d.attempts, false AS posted_paid,
        0::bigint AS posted_attempts
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data -> 'facts' -> 'invoice') AS d(
            invoice text, id uuid, is_paid boolean, currency text COLLATE "C", paid bigint, due bigint, attempts bigint)
    WHERE b.stream_kind = 'stripe' AND d.invoice IS NOT NULL
    UNION ALL
    SELECT
        b.data ->> 'invoice', b.stream_id, false, NULL, 0, 0, 0, b.type = 'subscription.paid',
        coalesce((b.data ->> 'attempts')::bigint, 0)
    FROM batch AS b
    WHERE b.type IN ('subscription.paid', 'subscription.payment_failed')
) AS d
GROUP BY bill
ORDER BY bill
ON CONFLICT (bill) DO UPDATE SET
    subscription = greatest(t.subscription, excluded.subscription),
    is_paid = t.is_paid OR excluded.is_paid,
    currency = greatest(t.currency, excluded.currency),
    paid = greatest(t.paid, excluded.paid),
    owed = greatest(t.owed, excluded.owed),
    attempts = greatest(t.attempts, excluded.attempts),
    posted_paid = t.posted_paid OR excluded.posted_paid,
    posted_attempts = greatest(t.posted_attempts, excluded.posted_attempts);

INSERT INTO invoices (number, event, organization, payment, subscription, lines, total, issued_at)
SELECT
    b.stream_version, b.id, b.organization, d.payment, d.subscription, d.lines,
    CASE
        WHEN d.total = (SELECT sum((l.value ->> 'amount')::bigint) FROM jsonb_array_elements(d.lines) AS l) THEN d.total
    END, b.occurred_at
FROM batch AS b,
    LATERAL jsonb_to_record(b.data) AS d(payment uuid, subscription uuid, lines jsonb, total bigint)
WHERE b.type = 'invoice.issued';

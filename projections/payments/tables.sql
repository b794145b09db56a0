-- What Stripe has said and what was made of it. Amounts that Stripe says are cents, ours are nano-dollars (1e-9 USD).
--
-- What Stripe says may come late, twice and in any order. So what was `seen` only grows, by rules that don't ask which came
-- first, and what is `posted` is what our own events say. Where the two differ, something is due.

CREATE TABLE customers (
    organization uuid PRIMARY KEY,
    customer text COLLATE "C",
    version bigint NOT NULL,
    auto_top_up uuid
) WITH (fillfactor = 80);

COMMENT ON TABLE customers IS 'How Stripe knows each organization, and what was bought for it automatically last.';
COMMENT ON COLUMN customers.organization IS 'The organization.';
COMMENT ON COLUMN customers.customer IS 'Stripe''s id, cus_...';
COMMENT ON COLUMN customers.version IS 'Version of the stream that this is the fold of.';
COMMENT ON COLUMN customers.auto_top_up IS 'The newest payment that was started because credits ran low.';

CREATE TABLE payments (
    payment uuid PRIMARY KEY,
    organization uuid,
    kind text COLLATE "C",
    method text COLLATE "C",
    amount bigint CHECK (amount >= 0),
    bonus bigint CHECK (bonus >= 0),
    fee bigint CHECK (fee >= 0),
    total bigint CHECK (total > 0),
    started_at timestamptz,
    intent text COLLATE "C",
    charge text COLLATE "C",
    seen smallint NOT NULL,
    seen_currency text COLLATE "C",
    seen_amount bigint,
    seen_refunded bigint NOT NULL,
    seen_base_amount bigint,
    failed_at bigint,
    failure text COLLATE "C",
    balance_transaction text COLLATE "C",
    posted smallint NOT NULL,
    paid_total bigint NOT NULL,
    paid_amount bigint NOT NULL,
    paid_fee bigint NOT NULL,
    paid_bonus bigint NOT NULL,
    bonus_grant uuid,
    refunded_total bigint NOT NULL,
    refunded_amount bigint NOT NULL,
    refunded_fee bigint NOT NULL,
    refunded_bonus bigint NOT NULL,
    frozen bigint NOT NULL,
    lost bigint NOT NULL,
    stripe_fee bigint,
    version bigint NOT NULL,
    posted_at timestamptz,
    due boolean NOT NULL GENERATED ALWAYS AS (
        organization IS NOT NULL AND (
            (seen = 2 AND seen_currency = 'usd' AND (total IS NOT NULL OR seen_base_amount IS NOT NULL)
                AND (posted < 2 OR seen_refunded * 10000000 > refunded_total))
            OR (seen = 1 AND posted = 0))
    ) STORED
) WITH (fillfactor = 70);

COMMENT ON TABLE payments IS 'Each payment for credits.';
COMMENT ON COLUMN payments.payment IS 'Its id, shown as pay_...';
COMMENT ON COLUMN payments.organization IS 'Who pays.';
COMMENT ON COLUMN payments.kind IS 'checkout, saved_card or auto_top_up; NULL for one that was made at Stripe by somebody else.';
COMMENT ON COLUMN payments.method IS 'Stripe''s id of the card that is to be charged, where it was known when the payment was started.';
COMMENT ON COLUMN payments.amount IS 'What is credited when it succeeds, nano-dollars.';
COMMENT ON COLUMN payments.bonus IS 'What is given on top of it, nano-dollars.';
COMMENT ON COLUMN payments.fee IS 'What is paid on top of the amount, nano-dollars.';
COMMENT ON COLUMN payments.total IS 'What the card is to be charged, nano-dollars.';
COMMENT ON COLUMN payments.started_at IS 'When it was started.';
COMMENT ON COLUMN payments.intent IS 'Stripe''s id, pi_...';
COMMENT ON COLUMN payments.charge IS 'Stripe''s id of the charge, ch_...';
COMMENT ON COLUMN payments.seen IS 'How far it came as Stripe says: 0 pending, 1 failed, 2 succeeded.';
COMMENT ON COLUMN payments.seen_currency IS 'Its currency. Only usd is credited.';
COMMENT ON COLUMN payments.seen_amount IS 'What was paid, cents.';
COMMENT ON COLUMN payments.seen_refunded IS 'What was paid back of it in all, cents.';
COMMENT ON COLUMN payments.seen_base_amount IS 'What is credited, by the metadata of a payment that somebody else started, nano-dollars.';
COMMENT ON COLUMN payments.failed_at IS 'When Stripe said last that it failed, seconds since 1970.';
COMMENT ON COLUMN payments.failure IS 'Why, by Stripe''s code.';
COMMENT ON COLUMN payments.balance_transaction IS 'The movement on the account at Stripe.';
COMMENT ON COLUMN payments.posted IS 'What was made of it: 0 nothing, 1 that it failed, 2 that it succeeded.';
COMMENT ON COLUMN payments.paid_total IS 'What was paid, nano-dollars.';
COMMENT ON COLUMN payments.paid_amount IS 'What was credited for it, nano-dollars.';
COMMENT ON COLUMN payments.paid_fee IS 'The rest of what was paid, nano-dollars.';
COMMENT ON COLUMN payments.paid_bonus IS 'What was given on top of it, nano-dollars.';
COMMENT ON COLUMN payments.bonus_grant IS 'The grant of the bonus.';
COMMENT ON COLUMN payments.refunded_total IS 'What was paid back, nano-dollars.';
COMMENT ON COLUMN payments.refunded_amount IS 'The credits that were taken back for it, nano-dollars.';
COMMENT ON COLUMN payments.refunded_fee IS 'The part of the fee that was paid back, nano-dollars.';
COMMENT ON COLUMN payments.refunded_bonus IS 'The part of the bonus that was taken back, nano-dollars.';
COMMENT ON COLUMN payments.frozen IS 'The credits that disputes hold back or took, nano-dollars.';
COMMENT ON COLUMN payments.lost IS 'The part of frozen that lost disputes took, nano-dollars.';
COMMENT ON COLUMN payments.stripe_fee IS 'What Stripe kept of it, nano-dollars; NULL until it is known.';
COMMENT ON COLUMN payments.version IS 'Version of the payment''s stream.';
COMMENT ON COLUMN payments.posted_at IS 'When something was made of it last.';
COMMENT ON COLUMN payments.due IS 'Whether something is still to be made of what was seen; disputes aside.';

CREATE TABLE disputes (
    dispute text COLLATE "C" PRIMARY KEY,
    intent text COLLATE "C",
    payment uuid,
    seen smallint NOT NULL,
    seen_amount bigint,
    posted smallint NOT NULL
) WITH (fillfactor = 80);

COMMENT ON TABLE disputes IS 'Payments that a payer''s bank wants back.';
COMMENT ON COLUMN disputes.dispute IS 'Stripe''s id.';
COMMENT ON COLUMN disputes.intent IS 'Stripe''s id of the payment, pi_...';
COMMENT ON COLUMN disputes.payment IS 'The payment; NULL until something was made of the dispute.';
COMMENT ON COLUMN disputes.seen IS 'How far it came as Stripe says: 1 opened, 2 won, 3 lost.';
COMMENT ON COLUMN disputes.seen_amount IS 'What is wanted back, cents.';
COMMENT ON COLUMN disputes.posted IS 'What was made of it: 0 nothing, else as seen.';

CREATE TABLE subscriptions (
    subscription uuid PRIMARY KEY,
    stripe_subscription text COLLATE "C",
    customer text COLLATE "C",
    organization uuid,
    seen_over boolean NOT NULL,
    seen_at bigint NOT NULL,
    seen_rank bigint NOT NULL,
    seen_event uuid NOT NULL,
    status text COLLATE "C",
    cycle text COLLATE "C",
    period_end bigint,
    trial_start bigint,
    trial_end bigint,
    cancels boolean NOT NULL,
    posted_organization uuid,
    is_started boolean NOT NULL,
    is_cancelled boolean NOT NULL,
    is_ended boolean NOT NULL,
    posted_cycle text COLLATE "C",
    posted_period_end bigint,
    version bigint NOT NULL,
    due boolean NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN is_ended THEN false
            WHEN NOT is_started THEN status IN ('trialing', 'active', 'past_due')
            ELSE seen_over OR cancels <> is_cancelled OR cycle IS NOT NULL AND cycle IS DISTINCT FROM posted_cycle
                OR coalesce(period_end, 0) > coalesce(posted_period_end, 0)
        END IS TRUE
    ) STORED
) WITH (fillfactor = 70);

COMMENT ON TABLE subscriptions IS 'Each subscription of a plan: the newest that Stripe said of it, and what was made of that.';
COMMENT ON COLUMN subscriptions.subscription IS 'Its id, shown as subs_...';
COMMENT ON COLUMN subscriptions.stripe_subscription IS 'Stripe''s id, sub_...';
COMMENT ON COLUMN subscriptions.customer IS 'Stripe''s id of who pays.';
COMMENT ON COLUMN subscriptions.organization IS 'Who pays, where Stripe says so.';
COMMENT ON COLUMN subscriptions.seen_over IS 'Whether it is over: nothing that is said later changes that.';
COMMENT ON COLUMN subscriptions.seen_at IS 'When Stripe said so, seconds since 1970.';
COMMENT ON COLUMN subscriptions.seen_rank IS 'What decides between what was said in one second: the newest answer to a question of ours, then how far along the status is.';
COMMENT ON COLUMN subscriptions.seen_event IS 'The event in which, which decides where nothing else does.';
COMMENT ON COLUMN subscriptions.status IS 'Stripe''s status.';
COMMENT ON COLUMN subscriptions.cycle IS 'monthly or yearly.';
COMMENT ON COLUMN subscriptions.period_end IS 'Until when it is paid for, seconds since 1970.';
COMMENT ON COLUMN subscriptions.trial_start IS 'When the trial began, seconds since 1970.';
COMMENT ON COLUMN subscriptions.trial_end IS 'When the trial ends, seconds since 1970.';
COMMENT ON COLUMN subscriptions.cancels IS 'Whether it ends with the period.';
COMMENT ON COLUMN subscriptions.posted_organization IS 'Whose plan it is.';
COMMENT ON COLUMN subscriptions.is_started IS 'Whether subscription.started is in the ledger.';
COMMENT ON COLUMN subscriptions.is_cancelled IS 'Whether subscription.cancelled is, and no subscription.resumed after it.';
COMMENT ON COLUMN subscriptions.is_ended IS 'Whether subscription.ended is.';
COMMENT ON COLUMN subscriptions.posted_cycle IS 'The cycle that the ledger has.';
COMMENT ON COLUMN subscriptions.posted_period_end IS 'The end of the period that the ledger has.';
COMMENT ON COLUMN subscriptions.version IS 'Version of the subscription''s stream.';
COMMENT ON COLUMN subscriptions.due IS 'Whether something is still to be made of what was seen.';

CREATE TABLE bills (
    bill text COLLATE "C" PRIMARY KEY,
    subscription uuid,
    is_paid boolean NOT NULL,
    currency text COLLATE "C",
    paid bigint NOT NULL,
    owed bigint NOT NULL,
    attempts bigint NOT NULL,
    posted_paid boolean NOT NULL,
    posted_attempts bigint NOT NULL,
    due boolean NOT NULL GENERATED ALWAYS AS (
        currency = 'usd' AND NOT posted_paid AND (is_paid AND paid > 0 OR NOT is_paid AND attempts > posted_attempts)
    ) STORED
) WITH (fillfactor = 80);

COMMENT ON TABLE bills IS 'What Stripe bills for subscriptions.';
COMMENT ON COLUMN bills.bill IS 'Stripe''s id, in_...';
COMMENT ON COLUMN bills.subscription IS 'The subscription.';
COMMENT ON COLUMN bills.is_paid IS 'Whether it was paid.';
COMMENT ON COLUMN bills.currency IS 'Its currency. Only usd is booked.';
COMMENT ON COLUMN bills.paid IS 'What was paid, cents.';
COMMENT ON COLUMN bills.owed IS 'What was owed, cents.';
COMMENT ON COLUMN bills.attempts IS 'How often it was tried to collect it.';
COMMENT ON COLUMN bills.posted_paid IS 'Whether subscription.paid is in the ledger.';
COMMENT ON COLUMN bills.posted_attempts IS 'The attempts that the ledger knows.';
COMMENT ON COLUMN bills.due IS 'Whether something is still to be made of what was seen.';

CREATE TABLE invoices (
    number bigint PRIMARY KEY,
    event uuid NOT NULL,
    organization uuid NOT NULL,
    payment uuid,
    subscription uuid,
    lines jsonb NOT NULL,
    total bigint NOT NULL,
    issued_at timestamptz NOT NULL
);

COMMENT ON TABLE invoices IS 'Each invoice. No number is missing: it is the version of its event in the stream of all invoices.';
COMMENT ON COLUMN invoices.number IS 'Its number.';
COMMENT ON COLUMN invoices.event IS 'The event that issued it; names and addresses lie beside the ledger under it.';
COMMENT ON COLUMN invoices.organization IS 'Who is invoiced.';
COMMENT ON COLUMN invoices.payment IS 'The payment that it is for.';
COMMENT ON COLUMN invoices.subscription IS 'The subscription that it is for.';
COMMENT ON COLUMN invoices.lines IS 'What is invoiced: item and amount in nano-dollars.';
COMMENT ON COLUMN invoices.total IS 'The sum of the lines, nano-dollars.';
COMMENT ON COLUMN invoices.issued_at IS 'When it was issued.';

CREATE VIEW payments_usd AS
    SELECT
        payment, organization, kind, intent, posted, paid_total * 0.000000001 AS paid, paid_amount * 0.000000001 AS credited,
        paid_fee * 0.000000001 AS fee, paid_bonus * 0.000000001 AS bonus, refunded_total * 0.000000001 AS refunded,
        frozen * 0.000000001 AS frozen, stripe_fee * 0.000000001 AS stripe_fee, started_at, posted_at
    FROM payments;

COMMENT ON VIEW payments_usd IS 'The table payments in US dollars.';
COMMENT ON COLUMN payments_usd.payment IS 'The payment.';
COMMENT ON COLUMN payments_usd.organization IS 'Who pays.';
COMMENT ON COLUMN payments_usd.kind IS 'How it came about.';
COMMENT ON COLUMN payments_usd.intent IS 'Stripe''s id.';
COMMENT ON COLUMN payments_usd.posted IS '0 open, 1 failed, 2 succeeded.';
COMMENT ON COLUMN payments_usd.paid IS 'What was paid, USD.';
COMMENT ON COLUMN payments_usd.credited IS 'What was credited, USD.';
COMMENT ON COLUMN payments_usd.fee IS 'What was paid on top, USD.';
COMMENT ON COLUMN payments_usd.bonus IS 'What was given on top, USD.';
COMMENT ON COLUMN payments_usd.refunded IS 'What was paid back, USD.';
COMMENT ON COLUMN payments_usd.frozen IS 'What disputes hold back or took, USD.';
COMMENT ON COLUMN payments_usd.stripe_fee IS 'What Stripe kept, USD.';
COMMENT ON COLUMN payments_usd.started_at IS 'When it was started.';
COMMENT ON COLUMN payments_usd.posted_at IS 'When something was made of it last.';

-- Amounts are nano-dollars (1e-9 USD).

CREATE TABLE transactions (
    event uuid PRIMARY KEY,
    organization uuid NOT NULL,
    position bigint NOT NULL,
    type text COLLATE "C" NOT NULL CHECK (
        type IN (
            'credit_topup', 'credit_manual_payment', 'credit_gift', 'credit_adjustment', 'credit_refund', 'credit_expiry',
            'credit_void', 'credit_freeze', 'credit_unfreeze', 'subscription_start', 'subscription_payment',
            'subscription_cancel', 'subscription_resume', 'subscription_end')
    ),
    status text COLLATE "C" NOT NULL CHECK (status IN ('completed', 'failed')),
    amount bigint,
    credit_amount bigint,
    payment uuid,
    subscription uuid,
    bill text COLLATE "C",
    description text,
    created_at timestamptz NOT NULL,
    CONSTRAINT transactions_sign CHECK (
        CASE
            WHEN subscription IS NOT NULL THEN credit_amount IS NULL
            WHEN type IN ('credit_refund', 'credit_expiry', 'credit_void', 'credit_freeze') THEN credit_amount <= 0
            WHEN type <> 'credit_adjustment' THEN credit_amount >= 0
            ELSE credit_amount IS NOT NULL
        END IS TRUE
    )
);

COMMENT ON TABLE transactions IS 'Each movement of an organization''s credits but what requests cost, and what happened to its subscription.';
COMMENT ON COLUMN transactions.event IS 'The event that moved them, shown as evt_...';
COMMENT ON COLUMN transactions.organization IS 'Whose credits.';
COMMENT ON COLUMN transactions.position IS 'Where the event stands in the ledger.';
COMMENT ON COLUMN transactions.type IS 'What it was.';
COMMENT ON COLUMN transactions.status IS 'completed, or failed for a payment that did not come about.';
COMMENT ON COLUMN transactions.amount IS 'What was paid for it, fees included, negative for what was paid back; NULL where nothing was.';
COMMENT ON COLUMN transactions.credit_amount IS 'What the balance changed by, with its sign; NULL for what has nothing to do with it.';
COMMENT ON COLUMN transactions.payment IS 'The payment of a top-up or a refund.';
COMMENT ON COLUMN transactions.subscription IS 'The subscription.';
COMMENT ON COLUMN transactions.bill IS 'Stripe''s id of the bill of a subscription.';
COMMENT ON COLUMN transactions.description IS 'Why, where somebody said so.';
COMMENT ON COLUMN transactions.created_at IS 'When it happened.';

CREATE VIEW transactions_usd AS
    SELECT
        event, organization, position, type, status, amount::numeric / 1000000000 AS amount,
        credit_amount::numeric / 1000000000 AS credit_amount, payment, subscription, description, created_at
    FROM transactions;

COMMENT ON VIEW transactions_usd IS 'The same in US dollars.';
COMMENT ON COLUMN transactions_usd.event IS 'The event that moved them, shown as evt_...';
COMMENT ON COLUMN transactions_usd.organization IS 'Whose credits.';
COMMENT ON COLUMN transactions_usd.position IS 'Where the event stands in the ledger.';
COMMENT ON COLUMN transactions_usd.type IS 'What it was.';
COMMENT ON COLUMN transactions_usd.status IS 'completed, or failed for a payment that did not come about.';
COMMENT ON COLUMN transactions_usd.amount IS 'What was paid for it, fees included, negative for what was paid back, USD; NULL where nothing was.';
COMMENT ON COLUMN transactions_usd.credit_amount IS 'What the balance changed by, with its sign, USD; NULL for what has nothing to do with it.';
COMMENT ON COLUMN transactions_usd.payment IS 'The payment of a top-up or a refund.';
COMMENT ON COLUMN transactions_usd.subscription IS 'The subscription.';
COMMENT ON COLUMN transactions_usd.description IS 'Why, where somebody said so.';
COMMENT ON COLUMN transactions_usd.created_at IS 'When it happened.';

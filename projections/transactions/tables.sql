-- Amounts are nano-dollars (1e-9 USD).

CREATE TABLE transactions (
    event uuid PRIMARY KEY,
    organization uuid NOT NULL,
    position bigint NOT NULL,
    type text COLLATE "C" NOT NULL CHECK (
        type IN ('credit_topup', 'credit_manual_payment', 'credit_gift', 'credit_adjustment', 'credit_refund', 'credit_expiry')
    ),
    amount bigint,
    credit_amount bigint NOT NULL,
    payment uuid,
    description text,
    created_at timestamptz NOT NULL,
    CONSTRAINT transactions_sign CHECK (
        CASE
            WHEN type IN ('credit_refund', 'credit_expiry') THEN credit_amount <= 0
            WHEN type <> 'credit_adjustment' THEN credit_amount >= 0
            ELSE true
        END
    )
);

COMMENT ON TABLE transactions IS 'Each movement of an organization''s credits but what requests cost.';
COMMENT ON COLUMN transactions.event IS 'The event that moved them, shown as evt_...';
COMMENT ON COLUMN transactions.organization IS 'Whose credits.';
COMMENT ON COLUMN transactions.position IS 'Where the event stands in the ledger.';
COMMENT ON COLUMN transactions.type IS 'What it was.';
COMMENT ON COLUMN transactions.amount IS 'What was paid for it, fees included; NULL where nothing was.';
COMMENT ON COLUMN transactions.credit_amount IS 'What the balance changed by, with its sign.';
COMMENT ON COLUMN transactions.payment IS 'The payment of a top-up.';
COMMENT ON COLUMN transactions.description IS 'Why, where somebody said so.';
COMMENT ON COLUMN transactions.created_at IS 'When it happened.';

CREATE VIEW transactions_usd AS
    SELECT
        event, organization, position, type, amount::numeric / 1000000000 AS amount,
        credit_amount::numeric / 1000000000 AS credit_amount, payment, description, created_at
    FROM transactions;

COMMENT ON VIEW transactions_usd IS 'The same in US dollars.';
COMMENT ON COLUMN transactions_usd.event IS 'The event that moved them, shown as evt_...';
COMMENT ON COLUMN transactions_usd.organization IS 'Whose credits.';
COMMENT ON COLUMN transactions_usd.position IS 'Where the event stands in the ledger.';
COMMENT ON COLUMN transactions_usd.type IS 'What it was.';
COMMENT ON COLUMN transactions_usd.amount IS 'What was paid for it, fees included, USD; NULL where nothing was.';
COMMENT ON COLUMN transactions_usd.credit_amount IS 'What the balance changed by, with its sign, USD.';
COMMENT ON COLUMN transactions_usd.payment IS 'The payment of a top-up.';
COMMENT ON COLUMN transactions_usd.description IS 'Why, where somebody said so.';
COMMENT ON COLUMN transactions_usd.created_at IS 'When it happened.';

-- The part of a bill that the books need, so that one call reads an event whole.
CREATE TYPE bill AS (total bigint);

-- One row an event and not one a posting: the books are half as large, and a third of their index entries are left.
CREATE TABLE entries (
    position bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    organization uuid NOT NULL,
    amounts bigint[] NOT NULL,
    accounts text[] COLLATE "C" NOT NULL,
    CONSTRAINT entries_are_whole CHECK (
        array_position(amounts, NULL) IS NULL AND array_position(accounts, NULL) IS NULL
        AND cardinality(amounts) = cardinality(accounts)
    )
);

COMMENT ON TABLE entries IS 'Double entry: the amounts of one event (one position) sum to zero. Never updated, never deleted.';
COMMENT ON COLUMN entries.position IS 'Position of the event in the ledger; ledger.events has its type, stream and data.';
COMMENT ON COLUMN entries.occurred_at IS 'When it happened, UTC.';
COMMENT ON COLUMN entries.organization IS 'The organization whose books the entry is in.';
COMMENT ON COLUMN entries.amounts IS 'Debits above zero, credits below zero, nano-dollars (1e-9 USD).';
COMMENT ON COLUMN entries.accounts IS 'The account of each amount; see README.md.';

CREATE VIEW postings AS
SELECT e.position, e.occurred_at, e.organization, p.amount, p.line::smallint AS line, p.account
FROM entries AS e,
    LATERAL unnest(e.amounts, e.accounts) WITH ORDINALITY AS p(amount, account, line)
WHERE p.amount <> 0;

COMMENT ON VIEW postings IS 'The entries taken apart, a row for each account.';
COMMENT ON COLUMN postings.position IS 'Position of the event in the ledger; ledger.events has its type, stream and data.';
COMMENT ON COLUMN postings.occurred_at IS 'When it happened, UTC.';
COMMENT ON COLUMN postings.organization IS 'The organization whose books the posting is in.';
COMMENT ON COLUMN postings.amount IS 'Debit above zero, credit below zero, nano-dollars (1e-9 USD). Never zero.';
COMMENT ON COLUMN postings.line IS 'Number of the posting within its event. A line whose amount is zero is left out.';
COMMENT ON COLUMN postings.account IS 'customer_credits, stripe_clearing, usage_revenue, fees, provider_cost, provider_payable, promotions, adjustments, breakage, overrun, payment_cost, disputes, frozen_credits, dispute_losses, subscription_revenue; see README.md.';

CREATE VIEW postings_usd AS
SELECT position, line, occurred_at, organization, account, amount * 0.000000001 AS amount
FROM postings;

COMMENT ON VIEW postings_usd IS 'The postings in US dollars.';
COMMENT ON COLUMN postings_usd.position IS 'Position of the event in the ledger.';
COMMENT ON COLUMN postings_usd.line IS 'Number of the posting within its event.';
COMMENT ON COLUMN postings_usd.occurred_at IS 'When it happened, UTC.';
COMMENT ON COLUMN postings_usd.organization IS 'The organization.';
COMMENT ON COLUMN postings_usd.account IS 'The account.';
COMMENT ON COLUMN postings_usd.amount IS 'Debit above zero, credit below zero, USD.';

CREATE VIEW accounts AS
SELECT account, organization, sum(amount) AS balance, sum(amount) * 0.000000001 AS balance_usd, count(*) AS postings
FROM postings
GROUP BY account, organization;

COMMENT ON VIEW accounts IS 'Trial balance: every account of every organization. The sum over all rows is zero.';
COMMENT ON COLUMN accounts.account IS 'The account.';
COMMENT ON COLUMN accounts.organization IS 'The organization.';
COMMENT ON COLUMN accounts.balance IS 'Debits less credits, nano-dollars.';
COMMENT ON COLUMN accounts.balance_usd IS 'Debits less credits, USD.';
COMMENT ON COLUMN accounts.postings IS 'Number of postings.';

CREATE VIEW days AS
SELECT
    (occurred_at AT TIME ZONE 'UTC')::date AS day, account, organization,
    sum(amount) FILTER (WHERE amount > 0) * 0.000000001 AS debit_usd,
    - sum(amount) FILTER (WHERE amount < 0) * 0.000000001 AS credit_usd,
    count(*) AS postings
FROM postings
GROUP BY 1, 2, 3;

COMMENT ON VIEW days IS 'Turnover of every account by day (UTC).';
COMMENT ON COLUMN days.day IS 'The day, UTC.';
COMMENT ON COLUMN days.account IS 'The account.';
COMMENT ON COLUMN days.organization IS 'The organization.';
COMMENT ON COLUMN days.debit_usd IS 'Sum of the debits, USD.';
COMMENT ON COLUMN days.credit_usd IS 'Sum of the credits as a number above zero, USD.';
COMMENT ON COLUMN days.postings IS 'Number of postings.';

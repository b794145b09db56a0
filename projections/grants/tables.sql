-- Amounts are nano-dollars (1e-9 USD), expiries are microseconds since 1970.
CREATE TABLE grants (
    grant_id uuid PRIMARY KEY,
    organization uuid NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('paid', 'promotional', 'referral', 'adjustment')),
    priority bigint NOT NULL,
    expires_at bigint,
    position bigint NOT NULL,
    granted_at timestamptz NOT NULL,
    payment uuid,
    referred uuid,
    amount bigint NOT NULL CHECK (amount >= 0),
    returned bigint NOT NULL CHECK (returned >= 0),
    used bigint NOT NULL CHECK (used >= 0),
    refunded bigint NOT NULL CHECK (refunded >= 0),
    voided bigint NOT NULL CHECK (voided >= 0),
    frozen bigint NOT NULL CHECK (frozen >= 0),
    expired bigint NOT NULL CHECK (expired >= 0),
    remaining bigint NOT NULL
        GENERATED ALWAYS AS (amount + returned - used - refunded - voided - frozen - expired) STORED CHECK (remaining >= 0)
) WITH (fillfactor = 70);

-- What the fold itself looks for: what an organization can still use.
CREATE INDEX grants_open ON grants (organization) WHERE remaining > 0;

COMMENT ON TABLE grants IS 'Each credit that an organization was given or bought, and what became of it. Amounts are nano-dollars (1e-9 USD).';
COMMENT ON COLUMN grants.grant_id IS 'The grant; of a top-up its payment, of an adjustment its event.';
COMMENT ON COLUMN grants.organization IS 'Whose credit it is.';
COMMENT ON COLUMN grants.kind IS 'paid, promotional, referral, or adjustment.';
COMMENT ON COLUMN grants.priority IS 'Lower is used first; zero unless something else was said.';
COMMENT ON COLUMN grants.expires_at IS 'When what is left of it may be taken, microseconds since 1970; NULL is never.';
COMMENT ON COLUMN grants.position IS 'The position of the event that gave it: its age.';
COMMENT ON COLUMN grants.granted_at IS 'When it was given.';
COMMENT ON COLUMN grants.payment IS 'The payment that bought it; NULL where it was not bought by one.';
COMMENT ON COLUMN grants.referred IS 'Of a referral: the organization whose spending it is a share of.';
COMMENT ON COLUMN grants.amount IS 'What was given, nano-dollars.';
COMMENT ON COLUMN grants.returned IS 'What came back because a dispute was won, nano-dollars.';
COMMENT ON COLUMN grants.used IS 'What requests, and takings that name no grant or exceed theirs, took of it, nano-dollars.';
COMMENT ON COLUMN grants.refunded IS 'What was paid back of it, nano-dollars.';
COMMENT ON COLUMN grants.voided IS 'What was taken back of it, nano-dollars.';
COMMENT ON COLUMN grants.frozen IS 'What disputes took of it, nano-dollars; what comes back is in returned.';
COMMENT ON COLUMN grants.expired IS 'What ran out of it, nano-dollars.';
COMMENT ON COLUMN grants.remaining IS 'amount + returned - used - refunded - voided - frozen - expired, never below zero, nano-dollars.';

CREATE TABLE organizations (
    organization uuid PRIMARY KEY,
    overdrawn bigint NOT NULL CHECK (overdrawn >= 0),
    version bigint NOT NULL
) WITH (fillfactor = 70);

COMMENT ON TABLE organizations IS 'What organizations spent beyond all grants, and how far their credit is folded.';
COMMENT ON COLUMN organizations.organization IS 'The organization.';
COMMENT ON COLUMN organizations.overdrawn IS 'What was taken when nothing was left, nano-dollars; what comes next pays it first.';
COMMENT ON COLUMN organizations.version IS 'The version of the organization''s credit stream; 0 before its first event.';

CREATE VIEW grants_usd AS
SELECT
    grant_id, organization, kind, priority,
    CASE
        WHEN expires_at < 253402300800000000 THEN timestamptz '1970-01-01 00:00:00Z' + expires_at * interval '1 microsecond'
        WHEN expires_at IS NOT NULL THEN 'infinity'
    END AS expires_at,
    position, granted_at, payment, referred,
    amount * 0.000000001 AS amount,
    returned * 0.000000001 AS returned,
    used * 0.000000001 AS used,
    refunded * 0.000000001 AS refunded,
    voided * 0.000000001 AS voided,
    frozen * 0.000000001 AS frozen,
    expired * 0.000000001 AS expired,
    remaining * 0.000000001 AS remaining
FROM grants;

COMMENT ON VIEW grants_usd IS 'The table grants in US dollars.';
COMMENT ON COLUMN grants_usd.grant_id IS 'The grant; of a top-up its payment, of an adjustment its event.';
COMMENT ON COLUMN grants_usd.organization IS 'Whose credit it is.';
COMMENT ON COLUMN grants_usd.kind IS 'paid, promotional, referral, or adjustment.';
COMMENT ON COLUMN grants_usd.priority IS 'Lower is used first.';
COMMENT ON COLUMN grants_usd.expires_at IS 'When what is left of it may be taken; NULL is never.';
COMMENT ON COLUMN grants_usd.position IS 'The position of the event that gave it.';
COMMENT ON COLUMN grants_usd.granted_at IS 'When it was given.';
COMMENT ON COLUMN grants_usd.payment IS 'The payment that bought it.';
COMMENT ON COLUMN grants_usd.referred IS 'Of a referral: the organization whose spending it is a share of.';
COMMENT ON COLUMN grants_usd.amount IS 'What was given, USD.';
COMMENT ON COLUMN grants_usd.returned IS 'What came back because a dispute was won, USD.';
COMMENT ON COLUMN grants_usd.used IS 'What was used of it, USD.';
COMMENT ON COLUMN grants_usd.refunded IS 'What was paid back of it, USD.';
COMMENT ON COLUMN grants_usd.voided IS 'What was taken back of it, USD.';
COMMENT ON COLUMN grants_usd.frozen IS 'What disputes took of it, USD.';
COMMENT ON COLUMN grants_usd.expired IS 'What ran out of it, USD.';
COMMENT ON COLUMN grants_usd.remaining IS 'What is left of it, USD.';

-- A grant as the fold carries it: what is left, and what became of it in the batch.
CREATE TYPE lot AS (
    grant_id uuid, priority bigint, expires_at bigint, position bigint,
    remaining bigint, returned bigint, used bigint, refunded bigint, voided bigint, frozen bigint, expired bigint
);

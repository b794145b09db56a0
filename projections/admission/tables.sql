-- Amounts are nano-dollars (1e-9 USD), times are microseconds since 1970.

CREATE TABLE organizations (
    organization uuid PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
    strict boolean NOT NULL,
    retention text COLLATE "C" NOT NULL CHECK (retention IN ('retain', 'none')),
    policy bigint NOT NULL,
    credited bigint NOT NULL,
    charged bigint NOT NULL,
    overshoot bigint NOT NULL,
    strict_overshoot bigint NOT NULL
) WITH (fillfactor = 70);

COMMENT ON TABLE organizations IS 'What admission knows of each organization.';
COMMENT ON COLUMN organizations.strict IS 'Whether a request is charged at most its hold.';
COMMENT ON COLUMN organizations.retention IS 'retain or none: whether bodies of requests are kept.';
COMMENT ON COLUMN organizations.policy IS 'Position of the newest event that changed what routing depends on; 0 before the first.';
COMMENT ON COLUMN organizations.credited IS 'Granted, topped up and adjusted, less refunded and expired, nano-dollars.';
COMMENT ON COLUMN organizations.charged IS 'Sum of what requests were charged, nano-dollars.';
COMMENT ON COLUMN organizations.overshoot IS 'Sum of what was charged beyond the hold, nano-dollars.';
COMMENT ON COLUMN organizations.strict_overshoot IS 'The part of overshoot of requests that were admitted in strict mode: should be zero.';

CREATE TABLE projects (
    project uuid PRIMARY KEY,
    organization uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
    usage_limit bigint CHECK (usage_limit >= 0),
    charged bigint NOT NULL
) WITH (fillfactor = 70);

COMMENT ON TABLE projects IS 'What admission knows of each project.';
COMMENT ON COLUMN projects.usage_limit IS 'What the project may spend in all, nano-dollars; NULL is no limit.';
COMMENT ON COLUMN projects.charged IS 'Sum of what its requests were charged, nano-dollars.';

CREATE TABLE keys (
    api_key uuid PRIMARY KEY,
    project uuid NOT NULL,
    organization uuid NOT NULL,
    created_by uuid,
    token_sha256 text NOT NULL UNIQUE CHECK (token_sha256 ~ '^[0-9a-f]{64}$'),
    status text NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
    usage_limit bigint CHECK (usage_limit >= 0),
    period_amount bigint CHECK (period_amount >= 0),
    period_count bigint CHECK (period_count BETWEEN 1 AND 100000),
    period_unit text COLLATE "C" CHECK (period_unit IN ('hour', 'day', 'week', 'month')),
    requests_per_minute bigint CHECK (requests_per_minute >= 0),
    tokens_per_minute bigint CHECK (tokens_per_minute >= 0),
    expires_at bigint,
    charged bigint NOT NULL,
    CONSTRAINT keys_period_is_whole CHECK (num_nulls(period_amount, period_count, period_unit) IN (0, 3))
) WITH (fillfactor = 70);

CREATE TABLE hours (
    api_key uuid NOT NULL,
    hour bigint NOT NULL,
    charged bigint NOT NULL,
    PRIMARY KEY (api_key, hour)
) WITH (fillfactor = 70);

COMMENT ON TABLE hours IS 'What each key was charged by the hour in which the request was admitted: every period is made of hours.';
COMMENT ON COLUMN hours.hour IS 'When the hour begins, seconds since 1970.';
COMMENT ON COLUMN hours.charged IS 'Nano-dollars; hours without a charge have no row.';

COMMENT ON TABLE keys IS 'What admission knows of each API key.';
COMMENT ON COLUMN keys.created_by IS 'Whose rules bind the key beside its own; NULL for a key that an operator made.';
COMMENT ON COLUMN keys.token_sha256 IS 'SHA-256 of the token that the key has now, 64 lower-case hexadecimal digits.';
COMMENT ON COLUMN keys.usage_limit IS 'What the key may spend in all, nano-dollars; NULL is no limit.';
COMMENT ON COLUMN keys.period_amount IS 'What the key may spend in each period, nano-dollars; NULL is no limit.';
COMMENT ON COLUMN keys.period_count IS 'How many units a period has.';
COMMENT ON COLUMN keys.period_unit IS 'hour, day, week (from Monday) or month, of the calendar in UTC, counted from 1970.';
COMMENT ON COLUMN keys.expires_at IS 'From when on it is refused, microseconds since 1970; NULL is never.';
COMMENT ON COLUMN keys.charged IS 'Sum of what its requests were charged, nano-dollars.';

CREATE TABLE holds (
    request uuid PRIMARY KEY,
    organization uuid NOT NULL,
    project uuid NOT NULL,
    api_key uuid NOT NULL,
    instance uuid NOT NULL,
    epoch bigint NOT NULL,
    admitted_at bigint NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    strict boolean NOT NULL
) WITH (fillfactor = 70);

COMMENT ON TABLE holds IS 'Authorized requests that have no outcome yet.';
COMMENT ON COLUMN holds.instance IS 'The process that serves the request; when its lease has run out, the request is abandoned.';
COMMENT ON COLUMN holds.amount IS 'What is held, nano-dollars; may be zero.';

CREATE TABLE epochs (
    organization uuid PRIMARY KEY,
    epoch bigint NOT NULL
);

COMMENT ON TABLE epochs IS 'The newest epoch that began for one organization; the zero uuid stands for all. The greater of both holds.';

CREATE VIEW scopes AS
SELECT
    'organization' AS scope, o.organization AS id, o.organization, o.credited AS usage_limit, o.charged,
    coalesce(h.held, 0) AS held, o.credited - o.charged - coalesce(h.held, 0) AS available
FROM organizations AS o
LEFT JOIN (SELECT organization, sum(amount) AS held FROM holds GROUP BY organization) AS h USING (organization)
UNION ALL
SELECT
    'project', p.project, p.organization, p.usage_limit, p.charged,
    coalesce(h.held, 0), p.usage_limit - p.charged - coalesce(h.held, 0)
FROM projects AS p
LEFT JOIN (SELECT project, sum(amount) AS held FROM holds GROUP BY project) AS h USING (project)
UNION ALL
SELECT
    'api_key', k.api_key, k.organization, k.usage_limit, k.charged,
    coalesce(h.held, 0), k.usage_limit - k.charged - coalesce(h.held, 0)
FROM keys AS k
LEFT JOIN (SELECT api_key, sum(amount) AS held FROM holds GROUP BY api_key) AS h USING (api_key);

COMMENT ON VIEW scopes IS 'What can still be held on each organization, project and API key, nano-dollars; NULL where there is no limit.';

CREATE VIEW scopes_usd AS
SELECT
    scope, id, organization, usage_limit * 0.000000001 AS usage_limit, charged * 0.000000001 AS charged,
    held * 0.000000001 AS held, available * 0.000000001 AS available
FROM scopes;

COMMENT ON VIEW scopes_usd IS 'The view scopes in US dollars.';

COMMENT ON COLUMN organizations.organization IS 'The organization, as in ledger.events.';
COMMENT ON COLUMN organizations.status IS 'active, inactive or deleted.';
COMMENT ON COLUMN projects.project IS 'The project.';
COMMENT ON COLUMN projects.organization IS 'Whose it is.';
COMMENT ON COLUMN projects.status IS 'active, inactive or deleted.';
COMMENT ON COLUMN keys.api_key IS 'The API key (its id, never the token).';
COMMENT ON COLUMN keys.project IS 'Its project.';
COMMENT ON COLUMN keys.organization IS 'Whose it is.';
COMMENT ON COLUMN keys.status IS 'active, inactive or deleted.';
COMMENT ON COLUMN keys.requests_per_minute IS 'Requests that it may make a minute; NULL is any number.';
COMMENT ON COLUMN keys.tokens_per_minute IS 'Tokens that it may use a minute; NULL is any number.';
COMMENT ON COLUMN hours.api_key IS 'The API key.';
COMMENT ON COLUMN holds.request IS 'The request.';
COMMENT ON COLUMN holds.organization IS 'The organization that pays.';
COMMENT ON COLUMN holds.project IS 'The project.';
COMMENT ON COLUMN holds.api_key IS 'The API key.';
COMMENT ON COLUMN holds.epoch IS 'The epoch in which it was admitted.';
COMMENT ON COLUMN holds.admitted_at IS 'When, by the clock of Redis, microseconds since 1970.';
COMMENT ON COLUMN holds.strict IS 'Whether more than the hold may never be charged.';
COMMENT ON COLUMN epochs.organization IS 'The organization; the zero uuid stands for all.';
COMMENT ON COLUMN epochs.epoch IS 'The position of the newest admission.epoch_started.';
COMMENT ON COLUMN scopes.scope IS 'organization, project or api_key.';
COMMENT ON COLUMN scopes.id IS 'The organization, project or API key.';
COMMENT ON COLUMN scopes.organization IS 'Whose it is.';
COMMENT ON COLUMN scopes.usage_limit IS 'What may be spent in all, nano-dollars; of an organization its credit; NULL is no limit.';
COMMENT ON COLUMN scopes.charged IS 'What was charged, nano-dollars.';
COMMENT ON COLUMN scopes.held IS 'What open requests hold, nano-dollars.';
COMMENT ON COLUMN scopes.available IS 'usage_limit - charged - held, nano-dollars; NULL where there is no limit.';
COMMENT ON COLUMN scopes_usd.scope IS 'organization, project or api_key.';
COMMENT ON COLUMN scopes_usd.id IS 'The organization, project or API key.';
COMMENT ON COLUMN scopes_usd.organization IS 'Whose it is.';
COMMENT ON COLUMN scopes_usd.usage_limit IS 'What may be spent in all, USD; of an organization its credit; NULL is no limit.';
COMMENT ON COLUMN scopes_usd.charged IS 'What was charged, USD.';
COMMENT ON COLUMN scopes_usd.held IS 'What open requests hold, USD.';
COMMENT ON COLUMN scopes_usd.available IS 'usage_limit - charged - held, USD; NULL where there is no limit.';

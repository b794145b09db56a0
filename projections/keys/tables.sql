-- Amounts are nano-dollars (1e-9 USD), expiries are microseconds since 1970.

CREATE TABLE projects (
    project uuid PRIMARY KEY,
    organization uuid NOT NULL
);

COMMENT ON TABLE projects IS 'Whose each project is, so that a key is never counted to another organization.';

CREATE TABLE keys (
    api_key uuid PRIMARY KEY,
    project uuid NOT NULL,
    organization uuid NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
    hint text COLLATE "C",
    created_by uuid,
    usage_limit bigint CHECK (usage_limit >= 0),
    period_amount bigint CHECK (period_amount >= 0),
    period_count bigint CHECK (period_count > 0),
    period_unit text COLLATE "C" CHECK (period_unit IN ('hour', 'day', 'week', 'month')),
    requests_per_minute bigint CHECK (requests_per_minute >= 0),
    tokens_per_minute bigint CHECK (tokens_per_minute >= 0),
    expires_at bigint,
    texts uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT keys_period_is_whole CHECK (num_nulls(period_amount, period_count, period_unit) IN (0, 3))
) WITH (fillfactor = 80);

COMMENT ON TABLE keys IS 'Each API key, without its token.';
COMMENT ON COLUMN keys.api_key IS 'Its id, shown as key_...';
COMMENT ON COLUMN keys.project IS 'Its project; it never changes.';
COMMENT ON COLUMN keys.organization IS 'Its organization; it never changes.';
COMMENT ON COLUMN keys.status IS 'active, inactive or deleted; what is deleted stays so.';
COMMENT ON COLUMN keys.hint IS 'The first characters of the token that it has now.';
COMMENT ON COLUMN keys.created_by IS 'Who made it; NULL for a key that an operator made.';
COMMENT ON COLUMN keys.usage_limit IS 'What it may spend in all, nano-dollars; NULL is no limit.';
COMMENT ON COLUMN keys.period_amount IS 'What it may spend in each period, nano-dollars; NULL is no limit.';
COMMENT ON COLUMN keys.period_count IS 'How many units a period has.';
COMMENT ON COLUMN keys.period_unit IS 'hour, day, week or month, of the calendar in UTC.';
COMMENT ON COLUMN keys.requests_per_minute IS 'NULL is no limit.';
COMMENT ON COLUMN keys.tokens_per_minute IS 'NULL is no limit.';
COMMENT ON COLUMN keys.expires_at IS 'From when on it is refused, microseconds since 1970; NULL is never.';
COMMENT ON COLUMN keys.texts IS 'The event under which the description lies in management.texts.';
COMMENT ON COLUMN keys.created_at IS 'When it was made.';
COMMENT ON COLUMN keys.updated_at IS 'When it, or one of its rules, was changed last.';

CREATE TABLE rules (
    rule uuid PRIMARY KEY,
    api_key uuid NOT NULL,
    organization uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    value jsonb NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'inactive')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);

COMMENT ON TABLE rules IS 'The IAM rules of each API key, now.';
COMMENT ON COLUMN rules.rule IS 'Its id, shown as rule_...';
COMMENT ON COLUMN rules.api_key IS 'The key that it binds; it never changes.';
COMMENT ON COLUMN rules.organization IS 'The organization.';
COMMENT ON COLUMN rules.kind IS 'allow_ or deny_, and models, providers, pricing or ip_cidrs.';
COMMENT ON COLUMN rules.value IS 'What it compares with; prices are pico-dollars (1e-12 USD) a token.';
COMMENT ON COLUMN rules.status IS 'active or inactive.';
COMMENT ON COLUMN rules.created_at IS 'When it was made.';
COMMENT ON COLUMN rules.updated_at IS 'When it was changed last.';

COMMENT ON COLUMN projects.project IS 'The project.';
COMMENT ON COLUMN projects.organization IS 'Whose it is.';

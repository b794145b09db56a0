-- Amounts are nano-dollars (1e-9 USD).

CREATE TABLE organizations (
    organization uuid PRIMARY KEY,
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
    plan text COLLATE "C" NOT NULL,
    strict boolean NOT NULL,
    retention text COLLATE "C" NOT NULL CHECK (retention IN ('retain', 'none')),
    auto_top_up boolean NOT NULL,
    auto_top_up_threshold bigint CHECK (auto_top_up_threshold >= 0),
    auto_top_up_amount bigint CHECK (auto_top_up_amount >= 0),
    auto_top_up_monthly_limit bigint CHECK (auto_top_up_monthly_limit > 0),
    texts uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);

COMMENT ON TABLE organizations IS 'Each organization with its settings.';
COMMENT ON COLUMN organizations.organization IS 'Its id, shown as org_...';
COMMENT ON COLUMN organizations.status IS 'active, inactive or deleted.';
COMMENT ON COLUMN organizations.plan IS 'free, or the name of a paid plan.';
COMMENT ON COLUMN organizations.strict IS 'Whether a request is charged at most what was held for it.';
COMMENT ON COLUMN organizations.retention IS 'retain or none: whether bodies of requests are kept.';
COMMENT ON COLUMN organizations.auto_top_up IS 'Whether credits are bought when they run low.';
COMMENT ON COLUMN organizations.auto_top_up_threshold IS 'Below this they are low, nano-dollars.';
COMMENT ON COLUMN organizations.auto_top_up_amount IS 'What is bought then, nano-dollars.';
COMMENT ON COLUMN organizations.auto_top_up_monthly_limit IS 'At most that in a calendar month, nano-dollars; NULL is no limit.';
COMMENT ON COLUMN organizations.texts IS 'The event under which name and billing details lie in management.texts.';
COMMENT ON COLUMN organizations.created_at IS 'When it was made.';
COMMENT ON COLUMN organizations.updated_at IS 'When it was changed last.';

CREATE TABLE members (
    organization uuid NOT NULL,
    user_id uuid NOT NULL,
    role text COLLATE "C" NOT NULL CHECK (role IN ('owner', 'admin', 'developer')),
    added_at timestamptz NOT NULL,
    CONSTRAINT members_pkey PRIMARY KEY (organization, user_id)
) WITH (fillfactor = 80);

COMMENT ON TABLE members IS 'Who belongs to each organization now.';
COMMENT ON COLUMN members.organization IS 'The organization.';
COMMENT ON COLUMN members.user_id IS 'The person, shown as usr_...; who that is, the identity tables know.';
COMMENT ON COLUMN members.role IS 'owner, admin or developer.';
COMMENT ON COLUMN members.added_at IS 'Since when.';

CREATE TABLE invites (
    invite uuid PRIMARY KEY,
    organization uuid NOT NULL,
    role text COLLATE "C" NOT NULL CHECK (role IN ('owner', 'admin', 'developer')),
    status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'accepted', 'withdrawn')),
    expires_at bigint NOT NULL,
    texts uuid NOT NULL,
    created_at timestamptz NOT NULL
) WITH (fillfactor = 80);

COMMENT ON TABLE invites IS 'Invitations to each organization.';
COMMENT ON COLUMN invites.invite IS 'Its id, shown as inv_...';
COMMENT ON COLUMN invites.organization IS 'The organization.';
COMMENT ON COLUMN invites.role IS 'What the person becomes by accepting.';
COMMENT ON COLUMN invites.status IS 'pending, accepted or withdrawn. A pending one that has expired can''t be accepted.';
COMMENT ON COLUMN invites.expires_at IS 'From when on it can''t be accepted, microseconds since 1970.';
COMMENT ON COLUMN invites.texts IS 'The event under which the address lies in management.texts.';
COMMENT ON COLUMN invites.created_at IS 'When it was sent.';

CREATE TABLE projects (
    project uuid PRIMARY KEY,
    organization uuid NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
    mode text COLLATE "C" NOT NULL CHECK (mode IN ('credits', 'api-keys', 'hybrid')),
    caching boolean NOT NULL,
    cache_seconds bigint NOT NULL CHECK (cache_seconds > 0),
    usage_limit bigint CHECK (usage_limit >= 0),
    texts uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);

COMMENT ON TABLE projects IS 'Each project with its settings.';
COMMENT ON COLUMN projects.project IS 'Its id, shown as proj_...';
COMMENT ON COLUMN projects.organization IS 'Its organization; it never changes.';
COMMENT ON COLUMN projects.status IS 'active, inactive or deleted.';
COMMENT ON COLUMN projects.mode IS 'credits, api-keys or hybrid: whose provider keys pay.';
COMMENT ON COLUMN projects.caching IS 'Whether equal requests may be answered from the cache.';
COMMENT ON COLUMN projects.cache_seconds IS 'For how long an answer stays there, seconds.';
COMMENT ON COLUMN projects.usage_limit IS 'What it may spend in all, nano-dollars; NULL is no limit.';
COMMENT ON COLUMN projects.texts IS 'The event under which the name lies in management.texts.';
COMMENT ON COLUMN projects.created_at IS 'When it was made.';
COMMENT ON COLUMN projects.updated_at IS 'When it was changed last.';

CREATE TABLE member_rules (
    rule uuid PRIMARY KEY,
    organization uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    value jsonb NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'inactive')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 80);

COMMENT ON TABLE member_rules IS 'The IAM rules of members, now; those of people who left too, because the keys that they made stay.';
COMMENT ON COLUMN member_rules.rule IS 'Its id, shown as rule_...';
COMMENT ON COLUMN member_rules.organization IS 'The organization; it never changes.';
COMMENT ON COLUMN member_rules.user_id IS 'The person over whose keys it is; it never changes.';
COMMENT ON COLUMN member_rules.kind IS 'allow_ or deny_, and models, providers, pricing or ip_cidrs.';
COMMENT ON COLUMN member_rules.value IS 'What it compares with; prices are pico-dollars (1e-12 USD) a token.';
COMMENT ON COLUMN member_rules.status IS 'active or inactive.';
COMMENT ON COLUMN member_rules.created_at IS 'When it was made.';
COMMENT ON COLUMN member_rules.updated_at IS 'When it was changed last.';

CREATE TABLE referrals (
    organization uuid PRIMARY KEY,
    referrer uuid NOT NULL CHECK (referrer <> organization),
    created_at timestamptz NOT NULL
);

COMMENT ON TABLE referrals IS 'Organizations that came by another one''s referral.';
COMMENT ON COLUMN referrals.organization IS 'The one that came.';
COMMENT ON COLUMN referrals.referrer IS 'The one that sent it.';
COMMENT ON COLUMN referrals.created_at IS 'When it came.';

-- What credits add up to is numeric: one that was mistyped is in the ledger for ever, and must not stop the sums of everybody else.
CREATE TABLE organizations (
    organization uuid PRIMARY KEY,
    granted numeric NOT NULL,
    topped_up numeric NOT NULL,
    adjusted numeric NOT NULL,
    refunded numeric NOT NULL,
    expired numeric NOT NULL,
    voided numeric NOT NULL,
    frozen numeric NOT NULL,
    charged bigint NOT NULL,
    balance numeric NOT NULL
        GENERATED ALWAYS AS (granted + topped_up + adjusted - refunded - expired - voided - frozen - charged) STORED
) WITH (fillfactor = 70);

COMMENT ON TABLE organizations IS 'What each organization was given and what it spent. Amounts are nano-dollars (1e-9 USD).';
COMMENT ON COLUMN organizations.organization IS 'The organization, as in ledger.events.';
COMMENT ON COLUMN organizations.granted IS 'Sum of credit.granted (promotional, referral and paid grants), nano-dollars.';
COMMENT ON COLUMN organizations.topped_up IS 'Sum of credit.topped_up without its fees, nano-dollars.';
COMMENT ON COLUMN organizations.adjusted IS 'Sum of credit.adjusted, which may be negative, nano-dollars.';
COMMENT ON COLUMN organizations.refunded IS 'Sum of credit.refunded: credit taken back because the money was paid back, nano-dollars.';
COMMENT ON COLUMN organizations.expired IS 'Sum of credit.expired, nano-dollars.';
COMMENT ON COLUMN organizations.voided IS 'Sum of credit.voided: grants taken back, nano-dollars.';
COMMENT ON COLUMN organizations.frozen IS 'Sum of credit.frozen less credit.unfrozen: bought with payments that are disputed or lost, nano-dollars.';
COMMENT ON COLUMN organizations.charged IS 'Sum of what requests were charged, nano-dollars.';
COMMENT ON COLUMN organizations.balance IS 'granted + topped_up + adjusted - refunded - expired - voided - frozen - charged, nano-dollars. Open holds are not taken off.';

CREATE TABLE projects (
    project uuid PRIMARY KEY,
    organization uuid NOT NULL,
    charged bigint NOT NULL
) WITH (fillfactor = 70);

COMMENT ON TABLE projects IS 'What each project spent. Amounts are nano-dollars (1e-9 USD).';
COMMENT ON COLUMN projects.project IS 'The project.';
COMMENT ON COLUMN projects.organization IS 'The organization that the project belongs to; it never changes.';
COMMENT ON COLUMN projects.charged IS 'Sum of what requests of the project were charged, nano-dollars.';

CREATE TABLE keys (
    api_key uuid PRIMARY KEY,
    project uuid NOT NULL,
    organization uuid NOT NULL,
    charged bigint NOT NULL
) WITH (fillfactor = 70);

COMMENT ON TABLE keys IS 'What each API key spent. Amounts are nano-dollars (1e-9 USD).';
COMMENT ON COLUMN keys.api_key IS 'The API key (its id, never the token).';
COMMENT ON COLUMN keys.project IS 'The project that the key belongs to; it never changes.';
COMMENT ON COLUMN keys.organization IS 'The organization that the key belongs to; it never changes.';
COMMENT ON COLUMN keys.charged IS 'Sum of what requests with the key were charged, nano-dollars.';

CREATE VIEW organizations_usd AS
SELECT
    organization,
    granted * 0.000000001 AS granted,
    topped_up * 0.000000001 AS topped_up,
    adjusted * 0.000000001 AS adjusted,
    refunded * 0.000000001 AS refunded,
    expired * 0.000000001 AS expired,
    voided * 0.000000001 AS voided,
    frozen * 0.000000001 AS frozen,
    charged * 0.000000001 AS charged,
    balance * 0.000000001 AS balance
FROM organizations;

COMMENT ON VIEW organizations_usd IS 'The table organizations in US dollars.';
COMMENT ON COLUMN organizations_usd.organization IS 'The organization.';
COMMENT ON COLUMN organizations_usd.granted IS 'Sum of grants, USD.';
COMMENT ON COLUMN organizations_usd.topped_up IS 'Sum of top-ups without their fees, USD.';
COMMENT ON COLUMN organizations_usd.adjusted IS 'Sum of adjustments, USD.';
COMMENT ON COLUMN organizations_usd.refunded IS 'Sum of refunds, USD.';
COMMENT ON COLUMN organizations_usd.expired IS 'Sum of expired credit, USD.';
COMMENT ON COLUMN organizations_usd.voided IS 'Sum of grants taken back, USD.';
COMMENT ON COLUMN organizations_usd.frozen IS 'Bought with payments that are disputed or lost, USD.';
COMMENT ON COLUMN organizations_usd.charged IS 'Sum of charges, USD.';
COMMENT ON COLUMN organizations_usd.balance IS 'What is left, USD.';

CREATE VIEW projects_usd AS
SELECT project, organization, charged * 0.000000001 AS charged
FROM projects;

COMMENT ON VIEW projects_usd IS 'The table projects in US dollars.';
COMMENT ON COLUMN projects_usd.project IS 'The project.';
COMMENT ON COLUMN projects_usd.organization IS 'Its organization.';
COMMENT ON COLUMN projects_usd.charged IS 'Sum of charges, USD.';

CREATE VIEW keys_usd AS
SELECT api_key, project, organization, charged * 0.000000001 AS charged
FROM keys;

COMMENT ON VIEW keys_usd IS 'The table keys in US dollars.';
COMMENT ON COLUMN keys_usd.api_key IS 'The API key.';
COMMENT ON COLUMN keys_usd.project IS 'Its project.';
COMMENT ON COLUMN keys_usd.organization IS 'Its organization.';
COMMENT ON COLUMN keys_usd.charged IS 'Sum of charges, USD.';

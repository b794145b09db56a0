CREATE TABLE organizations (
    organization uuid PRIMARY KEY,
    cohort date NOT NULL
);

COMMENT ON TABLE organizations IS 'Organizations that have ever paid.';
COMMENT ON COLUMN organizations.organization IS 'The organization, as in ledger.events.';
COMMENT ON COLUMN organizations.cohort IS 'The first day of the month in which it paid first, UTC.';

CREATE TABLE months (
    organization uuid NOT NULL,
    month date NOT NULL,
    requests bigint NOT NULL,
    PRIMARY KEY (organization, month)
) WITH (fillfactor = 90);

COMMENT ON TABLE months IS 'In which months each organization had requests answered, whether it ever paid or not.';
COMMENT ON COLUMN months.organization IS 'The organization.';
COMMENT ON COLUMN months.month IS 'The first day of the month, UTC.';
COMMENT ON COLUMN months.requests IS 'How many requests were answered.';

CREATE VIEW retention AS
SELECT
    c.cohort, (extract(year FROM m.month) - extract(year FROM c.cohort))::integer * 12
        + (extract(month FROM m.month) - extract(month FROM c.cohort))::integer AS months_later,
    c.organizations, count(*) AS active, round(100.0 * count(*) / c.organizations, 1) AS percent
FROM (SELECT cohort, count(*) AS organizations FROM organizations GROUP BY cohort) AS c
JOIN organizations AS o USING (cohort)
JOIN months AS m ON m.organization = o.organization AND m.month >= o.cohort
GROUP BY c.cohort, m.month, c.organizations;

COMMENT ON VIEW retention IS 'Of the organizations that paid first in a month: how many had requests answered so many months later.';
COMMENT ON COLUMN retention.cohort IS 'The first day of the month in which they paid first, UTC.';
COMMENT ON COLUMN retention.months_later IS 'Months since then; 0 is the same month.';
COMMENT ON COLUMN retention.organizations IS 'How many organizations the cohort has.';
COMMENT ON COLUMN retention.active IS 'How many of them had a request answered in that month.';
COMMENT ON COLUMN retention.percent IS 'active as a share of organizations, per cent.';

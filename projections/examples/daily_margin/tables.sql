-- Amounts are nano-dollars (1e-9 USD).
CREATE TABLE days (
    day date NOT NULL,
    provider text COLLATE "C" NOT NULL,
    requests bigint NOT NULL,
    revenue bigint NOT NULL,
    cost bigint NOT NULL,
    margin bigint NOT NULL GENERATED ALWAYS AS (revenue - cost) STORED,
    PRIMARY KEY (day, provider)
) WITH (fillfactor = 90);

COMMENT ON TABLE days IS 'What requests brought in and what they cost the house, by day and provider. Amounts are nano-dollars.';
COMMENT ON COLUMN days.day IS 'The day on which they ended, UTC.';
COMMENT ON COLUMN days.provider IS 'The provider that answered; empty where none did.';
COMMENT ON COLUMN days.requests IS 'How many requests ended; one that was settled late counts when it was abandoned.';
COMMENT ON COLUMN days.revenue IS 'What customers were charged, nano-dollars.';
COMMENT ON COLUMN days.cost IS 'What the provider charges the house, nano-dollars; nothing for an organization''s own provider key.';
COMMENT ON COLUMN days.margin IS 'revenue - cost, nano-dollars.';

CREATE VIEW days_usd AS
SELECT
    day, provider, requests, revenue * 0.000000001 AS revenue, cost * 0.000000001 AS cost, margin * 0.000000001 AS margin,
    round(100.0 * margin / nullif(revenue, 0), 1) AS percent
FROM days;

COMMENT ON VIEW days_usd IS 'The table days in US dollars.';
COMMENT ON COLUMN days_usd.day IS 'The day on which they ended, UTC.';
COMMENT ON COLUMN days_usd.provider IS 'The provider that answered; empty where none did.';
COMMENT ON COLUMN days_usd.requests IS 'How many requests ended.';
COMMENT ON COLUMN days_usd.revenue IS 'What customers were charged, USD.';
COMMENT ON COLUMN days_usd.cost IS 'What the provider charges the house, USD.';
COMMENT ON COLUMN days_usd.margin IS 'revenue - cost, USD.';
COMMENT ON COLUMN days_usd.percent IS 'The margin as a share of the revenue, per cent; NULL without revenue.';

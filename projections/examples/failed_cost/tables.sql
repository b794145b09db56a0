-- Amounts are nano-dollars (1e-9 USD).
CREATE TABLE failures (
    day date NOT NULL,
    provider text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    error text COLLATE "C" NOT NULL,
    requests bigint NOT NULL,
    charged bigint NOT NULL,
    cost bigint NOT NULL,
    PRIMARY KEY (day, provider, model, error)
) WITH (fillfactor = 90);

COMMENT ON TABLE failures IS 'Requests that failed or were cancelled, and what they cost all the same. Amounts are nano-dollars.';
COMMENT ON COLUMN failures.day IS 'The day on which they ended, UTC.';
COMMENT ON COLUMN failures.provider IS 'The provider that was asked last; empty where none was.';
COMMENT ON COLUMN failures.model IS 'The model; empty where none was chosen.';
COMMENT ON COLUMN failures.error IS 'The code of the error, or its type where it has no code; cancelled where the client went away.';
COMMENT ON COLUMN failures.requests IS 'How many requests.';
COMMENT ON COLUMN failures.charged IS 'What customers were charged for what had been produced, nano-dollars.';
COMMENT ON COLUMN failures.cost IS 'What providers charge the house for it, nano-dollars.';

CREATE VIEW failures_usd AS
SELECT
    day, provider, model, error, requests, charged * 0.000000001 AS charged, cost * 0.000000001 AS cost,
    (cost - charged) * 0.000000001 AS loss
FROM failures;

COMMENT ON VIEW failures_usd IS 'The table failures in US dollars.';
COMMENT ON COLUMN failures_usd.day IS 'The day on which they ended, UTC.';
COMMENT ON COLUMN failures_usd.provider IS 'The provider that was asked last; empty where none was.';
COMMENT ON COLUMN failures_usd.model IS 'The model; empty where none was chosen.';
COMMENT ON COLUMN failures_usd.error IS 'The code of the error, or its type; cancelled where the client went away.';
COMMENT ON COLUMN failures_usd.requests IS 'How many requests.';
COMMENT ON COLUMN failures_usd.charged IS 'What customers were charged for it, USD.';
COMMENT ON COLUMN failures_usd.cost IS 'What providers charge the house for it, USD.';
COMMENT ON COLUMN failures_usd.loss IS 'cost - charged, USD.';

-- Erasure: what says something about a person or an organization is deleted beside the ledger; the chain does not notice.

SET LOCAL ROLE llmgateway_owner;

-- What a person did is found at a cost that does not grow with the requests.
CREATE INDEX events_actor ON ledger.events ((metadata ->> 'actor')) WHERE stream_kind <> 'request' AND metadata ? 'actor';

-- An organization may have had millions of requests: what lies beside them is deleted behind the answer, and again a while
-- later, because a request that was under way may still have written.
CREATE TABLE ledger.erasures (
    organization  uuid        PRIMARY KEY,
    requested_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    passed_at     timestamptz,
    ended_at      timestamptz
);

CREATE INDEX erasures_open ON ledger.erasures (requested_at) WHERE ended_at IS NULL;

COMMENT ON TABLE ledger.erasures IS 'Organizations of which only the events and what is computed from them may stay.';
COMMENT ON COLUMN ledger.erasures.organization IS 'The organization, shown as org_...';
COMMENT ON COLUMN ledger.erasures.requested_at IS 'Since when.';
COMMENT ON COLUMN ledger.erasures.passed_at IS 'When everything that was there was deleted last.';
COMMENT ON COLUMN ledger.erasures.ended_at IS 'When nothing can have come since.';

GRANT SELECT, INSERT, UPDATE ON ledger.erasures TO llmgateway_service;
GRANT DELETE ON ledger.payloads, ledger.annotations TO llmgateway_service;
GRANT UPDATE (body) ON management.texts TO llmgateway_service;

RESET ROLE;

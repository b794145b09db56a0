-- Answers of the Responses API that are kept, so that a later request may go on from them: beside the ledger, for a while.

SET LOCAL ROLE llmgateway_owner;

CREATE TABLE ledger.responses (
    response      uuid        NOT NULL CONSTRAINT responses_pkey PRIMARY KEY,
    organization  uuid        NOT NULL,
    project       uuid        NOT NULL,
    api_key       uuid        NOT NULL,
    body          bytea       NOT NULL,
    conversation  bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at    timestamptz NOT NULL
);

CREATE INDEX responses_expires_at ON ledger.responses (expires_at);
CREATE INDEX responses_organization ON ledger.responses (organization);

COMMENT ON TABLE ledger.responses IS 'Answers that a later request may go on from.';
COMMENT ON COLUMN ledger.responses.response IS 'The id of the request that it answers.';
COMMENT ON COLUMN ledger.responses.organization IS 'The project''s organization.';
COMMENT ON COLUMN ledger.responses.project IS 'Whose it is; keys of another project are told that it is not there.';
COMMENT ON COLUMN ledger.responses.api_key IS 'The key that asked.';
COMMENT ON COLUMN ledger.responses.body IS 'The answer as the client got it, JSON.';
COMMENT ON COLUMN ledger.responses.conversation IS 'The items up to the answer and of it, a JSON array.';
COMMENT ON COLUMN ledger.responses.created_at IS 'When it was kept.';
COMMENT ON COLUMN ledger.responses.expires_at IS 'From when on it is not there.';

GRANT SELECT, INSERT, DELETE ON ledger.responses TO llmgateway_service;

RESET ROLE;

-- The answers lie with what else is beside the ledger, and say from whose account they came: a provider of the same name that an
-- organization has set up anew is another one. What was kept is let go; it is asked for again.

SET LOCAL ROLE llmgateway_owner;

DROP TABLE management.answers;

CREATE UNLOGGED TABLE ledger.answers (
    project       uuid        NOT NULL,
    request       bytea       NOT NULL,
    organization  uuid        NOT NULL,
    provider      text        NOT NULL,
    provider_key  uuid,
    model         text        NOT NULL,
    body          bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at    timestamptz NOT NULL,
    CONSTRAINT answers_pkey PRIMARY KEY (project, request),
    CONSTRAINT answers_request_length CHECK (octet_length(request) = 32)
);

CREATE INDEX answers_expires_at ON ledger.answers (expires_at);
CREATE INDEX answers_organization ON ledger.answers (organization);

COMMENT ON TABLE ledger.answers IS 'Answers that are given again to equal requests.';
COMMENT ON COLUMN ledger.answers.project IS 'Whose requests; another project never gets the answer.';
COMMENT ON COLUMN ledger.answers.request IS 'SHA-256 of everything in the request that the answer depends on.';
COMMENT ON COLUMN ledger.answers.organization IS 'The project''s organization.';
COMMENT ON COLUMN ledger.answers.provider IS 'The provider that answered.';
COMMENT ON COLUMN ledger.answers.provider_key IS 'The organization''s own account there; NULL for the house''s.';
COMMENT ON COLUMN ledger.answers.model IS 'The provider''s own name of the model.';
COMMENT ON COLUMN ledger.answers.body IS 'What came from the provider: a whole answer, or all events of a stream.';
COMMENT ON COLUMN ledger.answers.created_at IS 'When it came.';
COMMENT ON COLUMN ledger.answers.expires_at IS 'From when on it is given to nobody.';

GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.answers TO llmgateway_service;

RESET ROLE;

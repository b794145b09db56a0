-- Answers that are given again to equal requests of the same project: beside the ledger, for a while, lost with a crash.

SET LOCAL ROLE llmgateway_owner;

CREATE UNLOGGED TABLE management.answers (
    project       uuid        NOT NULL,
    request       bytea       NOT NULL,
    organization  uuid        NOT NULL,
    provider      text        NOT NULL,
    model         text        NOT NULL,
    body          bytea       NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at    timestamptz NOT NULL,
    CONSTRAINT answers_pkey PRIMARY KEY (project, request),
    CONSTRAINT answers_request_length CHECK (octet_length(request) = 32)
);

CREATE INDEX answers_expires_at ON management.answers (expires_at);
CREATE INDEX answers_organization ON management.answers (organization);

COMMENT ON TABLE management.answers IS 'Answers that are given again to equal requests.';
COMMENT ON COLUMN management.answers.project IS 'Whose requests; another project never gets the answer.';
COMMENT ON COLUMN management.answers.request IS 'SHA-256 of everything in the request that the answer depends on.';
COMMENT ON COLUMN management.answers.organization IS 'The project''s organization.';
COMMENT ON COLUMN management.answers.provider IS 'The provider that answered.';
COMMENT ON COLUMN management.answers.model IS 'The provider''s own name of the model.';
COMMENT ON COLUMN management.answers.body IS 'What came from the provider: a whole answer, or all events of a stream.';
COMMENT ON COLUMN management.answers.created_at IS 'When it came.';
COMMENT ON COLUMN management.answers.expires_at IS 'From when on it is given to nobody.';

GRANT SELECT, INSERT, UPDATE, DELETE ON management.answers TO llmgateway_service;

RESET ROLE;

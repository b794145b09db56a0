-- Installations that tell this one that they run: no event, nothing that anything is counted by.

SET LOCAL ROLE llmgateway_owner;

CREATE TABLE identity.installations (
    id          uuid        PRIMARY KEY,
    type        text        NOT NULL,
    version     text        NOT NULL,
    providers   text[]      NOT NULL,
    told_at     timestamptz NOT NULL,
    first_seen  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen   timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE INDEX installations_last_seen ON identity.installations (last_seen);

COMMENT ON TABLE identity.installations IS 'Installations that told this one that they run.';
COMMENT ON COLUMN identity.installations.id IS 'What the installation calls itself.';
COMMENT ON COLUMN identity.installations.type IS 'How it runs, in its own words.';
COMMENT ON COLUMN identity.installations.version IS 'Its version, in its own words.';
COMMENT ON COLUMN identity.installations.providers IS 'The providers that it uses, in its own words.';
COMMENT ON COLUMN identity.installations.told_at IS 'The time of its newest report, by its own clock.';
COMMENT ON COLUMN identity.installations.first_seen IS 'When its first report came.';
COMMENT ON COLUMN identity.installations.last_seen IS 'When its newest report came; after a year without one it is forgotten.';

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.installations TO llmgateway_service;

RESET ROLE;

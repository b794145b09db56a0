-- Texts that people give to what they manage: names, descriptions, billing details, addresses of invitations. They lie beside
-- the ledger under the id of the event that set them, so that they can be forgotten; events and read models hold only that id.
-- Unlike annotations they stay until they are replaced or forgotten: an organization keeps its name.

CREATE SCHEMA management AUTHORIZATION llmgateway_owner;

SET LOCAL ROLE llmgateway_owner;

REVOKE ALL ON SCHEMA management FROM PUBLIC;

CREATE TABLE management.texts (
    event         uuid  PRIMARY KEY,
    organization  uuid,
    body          jsonb NOT NULL CHECK (jsonb_typeof(body) = 'object'),
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX texts_organization ON management.texts (organization);

COMMENT ON TABLE management.texts IS 'Texts that people gave, by the event that set them.';
COMMENT ON COLUMN management.texts.event IS 'The event.';
COMMENT ON COLUMN management.texts.organization IS 'Whose they are, for forgetting all of an organization.';
COMMENT ON COLUMN management.texts.body IS 'name, and what else belongs to it.';

GRANT USAGE ON SCHEMA management TO llmgateway_service;
GRANT SELECT, INSERT, DELETE ON management.texts TO llmgateway_service;

-- The audit trail is all of an organization's events but its requests, newest first, at a cost that does not grow with them.
CREATE INDEX events_changes ON ledger.events (organization, position) WHERE stream_kind <> 'request';

-- Names that were given before this table was there.
INSERT INTO management.texts (event, organization, body)
SELECT a.event, e.organization, a.body
FROM ledger.annotations AS a
JOIN ledger.events AS e ON e.id = a.event AND e.stream_kind <> 'request'
WHERE a.kind = 'name' AND jsonb_typeof(a.body) = 'object'
ON CONFLICT (event) DO NOTHING;

RESET ROLE;

-- How far each projection is. Written by the projectors alone; the schemas of the projections themselves are made by them
-- when they first run.

SET LOCAL ROLE llmgateway_projector;

-- One row for each schema of a projection: NAME, and while there are any NAME__rebuild and NAME__previous. It moves in the
-- transaction that applies the events, and whoever holds its row lock holds the projection still.
CREATE TABLE projections.checkpoints (
    schema_name      text        COLLATE "C" NOT NULL,
    name             text        COLLATE "C" NOT NULL,
    version          integer     NOT NULL,
    source           text        NOT NULL,
    position         bigint      NOT NULL DEFAULT 0,
    hash             bytea,
    indexed          boolean     NOT NULL,
    halted           boolean     NOT NULL DEFAULT false,
    halted_position  bigint,
    error            text,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT checkpoints_schema_name PRIMARY KEY (schema_name),
    CONSTRAINT checkpoints_hash_of_position CHECK ((position = 0) = (hash IS NULL))
) WITH (fillfactor = 50);

COMMENT ON TABLE projections.checkpoints IS 'How far each projection is; one row a schema.';
COMMENT ON COLUMN projections.checkpoints.schema_name IS 'The schema with the tables: NAME, NAME__rebuild or NAME__previous.';
COMMENT ON COLUMN projections.checkpoints.name IS 'The projection.';
COMMENT ON COLUMN projections.checkpoints.version IS 'Version of the folder that made the tables.';
COMMENT ON COLUMN projections.checkpoints.source IS 'SHA-256 of the SQL and the event types that made the tables, without comments and white space.';
COMMENT ON COLUMN projections.checkpoints.position IS 'Every event up to here is in the tables, none beyond.';
COMMENT ON COLUMN projections.checkpoints.hash IS 'The chain''s hash at that position; another one in the ledger means another history.';
COMMENT ON COLUMN projections.checkpoints.indexed IS 'Whether indexes.sql was run; a rebuild does it last.';
COMMENT ON COLUMN projections.checkpoints.halted IS 'Whether nothing is applied until a person has dealt with the error.';
COMMENT ON COLUMN projections.checkpoints.halted_position IS 'The event that can''t be applied, where one event is the reason.';
COMMENT ON COLUMN projections.checkpoints.error IS 'Why it is halted.';
COMMENT ON COLUMN projections.checkpoints.updated_at IS 'When the row changed last.';

-- Events that a projection which may go on has left out, and with them every later one of the same organization or stream.
CREATE TABLE projections.parked (
    schema_name   text        COLLATE "C" NOT NULL,
    position      bigint      NOT NULL,
    type          text        COLLATE "C" NOT NULL,
    stream_kind   text        COLLATE "C" NOT NULL,
    stream_id     uuid        NOT NULL,
    organization  uuid,
    error         text        NOT NULL,
    parked_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT parked_position PRIMARY KEY (schema_name, position)
);

CREATE INDEX parked_organization ON projections.parked (organization, schema_name);
CREATE INDEX parked_stream ON projections.parked (stream_id, schema_name);

COMMENT ON TABLE projections.parked IS 'Events that could not be applied and were left out; a rebuild tries them again.';
COMMENT ON COLUMN projections.parked.schema_name IS 'The schema whose projection left the event out.';
COMMENT ON COLUMN projections.parked.position IS 'Position of the event.';
COMMENT ON COLUMN projections.parked.type IS 'Its type.';
COMMENT ON COLUMN projections.parked.stream_kind IS 'Kind of its stream.';
COMMENT ON COLUMN projections.parked.stream_id IS 'Id of its stream.';
COMMENT ON COLUMN projections.parked.organization IS 'Its organization.';
COMMENT ON COLUMN projections.parked.error IS 'What the database said.';
COMMENT ON COLUMN projections.parked.parked_at IS 'When it was left out.';

-- Called by the view `batch` for an event that is newer than what the projection's SQL understands: raising from within the
-- view makes it a poison event like any other, at no cost for the rest.
CREATE FUNCTION projections.refuse_schema_version(event_position bigint, event_type text, schema_version integer)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'event % is a % of schema version %, which this projection does not understand',
        event_position, event_type, schema_version
        USING ERRCODE = 'feature_not_supported';
END
$$;

RESET ROLE;

-- How far each projection is. Written by the projector's role alone; everybody may read it.

SET LOCAL ROLE llmgateway_projector;

CREATE TABLE projections.checkpoints (
    schema_name text PRIMARY KEY,
    name text NOT NULL,
    version integer NOT NULL,
    position bigint NOT NULL CHECK (position >= 0),
    hash bytea NOT NULL,
    halted_at bigint,
    error text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE projections.checkpoints IS 'How far the tables of each schema are: everything up to the position is in them.';
COMMENT ON COLUMN projections.checkpoints.schema_name IS 'NAME, NAME__rebuild or NAME__previous.';
COMMENT ON COLUMN projections.checkpoints.name IS 'The projection, as its folder.';
COMMENT ON COLUMN projections.checkpoints.version IS 'The version of the folder that made the tables.';
COMMENT ON COLUMN projections.checkpoints.position IS 'The last position that was applied, 0 before the first.';
COMMENT ON COLUMN projections.checkpoints.hash IS 'The ledger''s chain hash at that position, empty before the first.';
COMMENT ON COLUMN projections.checkpoints.halted_at IS 'The position of the event that can''t be applied.';
COMMENT ON COLUMN projections.checkpoints.error IS 'Why it can''t.';
COMMENT ON COLUMN projections.checkpoints.updated_at IS 'When a batch was applied last.';

CREATE TABLE projections.parked (
    name text NOT NULL,
    position bigint NOT NULL,
    organization uuid,
    stream_kind text NOT NULL,
    stream_id uuid NOT NULL,
    error text NOT NULL,
    PRIMARY KEY (name, position)
);

COMMENT ON TABLE projections.parked IS
    'Events that a projection which may go on without them could not apply; what depends on them waits with them.';

-- Begins a batch: waits for whoever moves the checkpoint, and refuses when the tables are elsewhere than the caller thinks or
-- the ledger is another one than it was, as after a database was restored.
CREATE FUNCTION projections.begin_batch(schema_name text, after bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    checkpoint projections.checkpoints%ROWTYPE;
    recorded bytea;
BEGIN
    SELECT * INTO checkpoint FROM projections.checkpoints AS c WHERE c.schema_name = $1 FOR UPDATE;
    IF NOT FOUND OR checkpoint.position <> after THEN
        RAISE EXCEPTION USING ERRCODE = 'LG101', MESSAGE = 'the checkpoint was moved by another process';
    END IF;
    IF after > 0 THEN
        SELECT e.hash INTO recorded FROM ledger.events AS e WHERE e.position = after;
        IF recorded IS DISTINCT FROM checkpoint.hash THEN
            RAISE EXCEPTION USING ERRCODE = 'LG102', MESSAGE =
                format('the ledger at position %s is not the one that was projected: only a rebuild goes on', after);
        END IF;
    END IF;
END
$$;

CREATE FUNCTION projections.end_batch(schema_name text, upto bigint) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    UPDATE projections.checkpoints AS c SET
        position = upto,
        hash = (SELECT e.hash FROM ledger.events AS e WHERE e.position = upto),
        halted_at = NULL,
        error = NULL,
        updated_at = now()
    WHERE c.schema_name = $1
$$;

-- Stands in the view batch: an event of a version that the projection does not know must not be taken for one that it does.
CREATE FUNCTION projections.refuse_version(event bigint, type text, schema_version integer) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'LG103', MESSAGE =
        format('the event at %s is %s of version %s, which this projection does not know', event, type, schema_version);
END
$$;

GRANT SELECT ON projections.checkpoints, projections.parked TO llmgateway_service, llmgateway_analyst;

RESET ROLE;

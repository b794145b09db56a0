-- That an event is newer than what a projection understands says nothing against the event: a process of a later version can apply
-- it. So it has a SQLSTATE of its own, by which a projector knows that it has to leave the tables to others.

SET LOCAL ROLE llmgateway_projector;

-- Called by the view `batch`: raising from within the view costs the events that are understood nothing.
CREATE OR REPLACE FUNCTION projections.refuse_schema_version(event_position bigint, event_type text, schema_version integer)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'event % is a % of schema version %, which this projection does not understand',
        event_position, event_type, schema_version
        USING ERRCODE = 'LG001';
END
$$;

RESET ROLE;

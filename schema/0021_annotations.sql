-- An annotation costs one entry of an index instead of two: the primary key begins with the event, by which annotations are
-- looked for. And the day is worked out only for a batch that is not of one day, which ids of version 7 tell by their order.

SET LOCAL ROLE llmgateway_owner;

DROP INDEX ledger.annotations_event;
ALTER TABLE ledger.annotations DROP CONSTRAINT annotations_pkey;
ALTER TABLE ledger.annotations ADD CONSTRAINT annotations_pkey PRIMARY KEY (event, kind, day);

-- Answers as ledger.day_of does (0004): whatever its version, an id that begins with a millisecond of today lies under today.
CREATE OR REPLACE FUNCTION ledger.put_annotations(events uuid[], kinds text[], bodies jsonb[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    midnight constant bigint := (today - date '1970-01-01') * 86400000::bigint;
    first constant uuid := rpad(lpad(to_hex(midnight), 12, '0'), 32, '0')::uuid;
    behind constant uuid := rpad(lpad(to_hex(midnight + 86400000), 12, '0'), 32, '0')::uuid;
    days date[];
BEGIN
    IF cardinality(events) IS DISTINCT FROM cardinality(kinds) OR cardinality(events) IS DISTINCT FROM cardinality(bodies) THEN
        RAISE EXCEPTION 'the arrays differ in length' USING ERRCODE = 'array_subscript_error';
    END IF;
    IF first <= ALL (events) AND behind > ALL (events) THEN
        PERFORM ledger.prepare_day('annotations', today);
        INSERT INTO ledger.annotations (day, event, kind, body)
            SELECT today, a.event, a.kind, a.body FROM unnest(events, kinds, bodies) AS a (event, kind, body)
            ON CONFLICT ON CONSTRAINT annotations_pkey DO NOTHING;
        RETURN;
    END IF;
    days := ARRAY(SELECT ledger.day_of(e.id) FROM unnest(events) WITH ORDINALITY AS e (id, n) ORDER BY e.n);
    PERFORM ledger.prepare_day('annotations', d.day) FROM (SELECT DISTINCT day FROM unnest(days) AS u (day)) AS d;
    INSERT INTO ledger.annotations (day, event, kind, body)
        SELECT a.day, a.event, a.kind, a.body
        FROM unnest(days, events, kinds, bodies) AS a (day, event, kind, body)
        ON CONFLICT ON CONSTRAINT annotations_pkey DO NOTHING;
END
$$;

RESET ROLE;

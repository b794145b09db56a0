-- The day of an annotation is worked out in one expression of the statement that stores it: the function ledger.day_of, called
-- twice for each, was most of what an annotation cost.

SET LOCAL ROLE llmgateway_owner;

-- Answers as ledger.day_of does (0004).
CREATE OR REPLACE FUNCTION ledger.put_annotations(events uuid[], kinds text[], bodies jsonb[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    days date[];
    day date;
BEGIN
    IF cardinality(events) IS DISTINCT FROM cardinality(kinds) OR cardinality(events) IS DISTINCT FROM cardinality(bodies) THEN
        RAISE EXCEPTION 'the arrays differ in length' USING ERRCODE = 'array_subscript_error';
    END IF;
    days := ARRAY(
        SELECT CASE WHEN m.version = 7 AND m.day BETWEEN today - 30 AND today + 1 THEN m.day ELSE today END
        FROM unnest(events) WITH ORDINALITY AS e (id, n)
        CROSS JOIN LATERAL (SELECT uuid_send(e.id) AS bytes OFFSET 0) AS b
        CROSS JOIN LATERAL (
            SELECT
                get_byte(b.bytes, 6) >> 4 AS version,
                date '1970-01-01' + ((
                    (get_byte(b.bytes, 0) * 256::bigint + get_byte(b.bytes, 1)) * 4294967296
                    + (get_byte(b.bytes, 2) * 256::bigint + get_byte(b.bytes, 3)) * 65536
                    + get_byte(b.bytes, 4) * 256 + get_byte(b.bytes, 5)) / 86400000)::integer AS day
            OFFSET 0
        ) AS m
        ORDER BY e.n);
    FOR day IN SELECT DISTINCT d FROM unnest(days) AS d LOOP
        PERFORM ledger.prepare_day('annotations', day);
    END LOOP;
    INSERT INTO ledger.annotations (day, event, kind, body)
        SELECT a.day, a.event, a.kind, a.body
        FROM unnest(days, events, kinds, bodies) AS a (day, event, kind, body)
        ON CONFLICT ON CONSTRAINT annotations_pkey DO NOTHING;
END
$$;

RESET ROLE;

-- What lies beside the events and can be forgotten without touching the chain: bodies (prompt, completion, raw webhook) and
-- whatever says something about a person. Both lie in one partition a day, so that retention drops whole days.

SET LOCAL ROLE llmgateway_owner;

CREATE TABLE ledger.payloads (
    day      date  NOT NULL,
    request  uuid  NOT NULL,
    kind     text  COLLATE "C" NOT NULL,
    key      bytea NOT NULL,
    body     bytea NOT NULL,
    CONSTRAINT payloads_pkey PRIMARY KEY (day, request, kind),
    CONSTRAINT payloads_key_length CHECK (octet_length(key) = 32)
) PARTITION BY RANGE (day);

CREATE INDEX payloads_request ON ledger.payloads (request);

CREATE TABLE ledger.annotations (
    day    date  NOT NULL,
    event  uuid  NOT NULL,
    kind   text  COLLATE "C" NOT NULL,
    body   jsonb NOT NULL,
    CONSTRAINT annotations_pkey PRIMARY KEY (day, event, kind)
) PARTITION BY RANGE (day);

CREATE INDEX annotations_event ON ledger.annotations (event);

-- The UTC day on which a time-ordered id (UUIDv7) was minted, so that a repeated write meets its first one in the same
-- partition, whenever it comes. An id that says nothing sensible (a foreign one) lies under today.
CREATE FUNCTION ledger.day_of(id uuid) RETURNS date
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    today constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    bytes constant bytea := uuid_send(id);
    milliseconds bigint := 0;
    minted date;
BEGIN
    IF get_byte(bytes, 6) >> 4 <> 7 THEN
        RETURN today;
    END IF;
    FOR i IN 0..5 LOOP
        milliseconds := milliseconds * 256 + get_byte(bytes, i);
    END LOOP;
    -- A date reaches further than 48 bits of milliseconds do.
    minted := date '1970-01-01' + (milliseconds / 86400000)::integer;
    RETURN CASE WHEN minted BETWEEN today - 30 AND today + 1 THEN minted ELSE today END;
END
$$;

CREATE FUNCTION ledger.prepare_day(parent text, day date) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition constant text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass(format('ledger.%I', partition)) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(ledger.append_lock_key() + 1);
    IF to_regclass(format('ledger.%I', partition)) IS NULL THEN
        -- Made apart and then attached: ATTACH lets reads and writes of the other days go on.
        EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition, parent);
        EXECUTE format('ALTER TABLE ledger.%I ATTACH PARTITION ledger.%I FOR VALUES FROM (%L) TO (%L)',
            parent, partition, day, day + 1);
    END IF;
END
$$;

-- Stores one body with its random key; the event holds HMAC-SHA256(body, key). Repeating it changes nothing. Answers with the
-- day under which it lies.
CREATE FUNCTION ledger.put_payload(request uuid, kind text, key bytea, body bytea) RETURNS date
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    day constant date := ledger.day_of(request);
BEGIN
    PERFORM ledger.prepare_day('payloads', day);
    INSERT INTO ledger.payloads (day, request, kind, key, body) VALUES (day, $1, $2, $3, $4)
        ON CONFLICT ON CONSTRAINT payloads_pkey DO NOTHING;
    RETURN day;
END
$$;

-- Stores annotations of events, one entry of each array an annotation. Repeating it changes nothing.
CREATE FUNCTION ledger.put_annotations(events uuid[], kinds text[], bodies jsonb[]) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    day date;
BEGIN
    IF cardinality(events) IS DISTINCT FROM cardinality(kinds) OR cardinality(events) IS DISTINCT FROM cardinality(bodies) THEN
        RAISE EXCEPTION 'the arrays differ in length' USING ERRCODE = 'array_subscript_error';
    END IF;
    FOR day IN SELECT DISTINCT ledger.day_of(e) FROM unnest(events) AS e LOOP
        PERFORM ledger.prepare_day('annotations', day);
    END LOOP;
    INSERT INTO ledger.annotations (day, event, kind, body)
        SELECT ledger.day_of(a.event), a.event, a.kind, a.body
        FROM unnest(events, kinds, bodies) AS a (event, kind, body)
        ON CONFLICT ON CONSTRAINT annotations_pkey DO NOTHING;
END
$$;

-- Retention: drops the days that are older than the given number of days (0 keeps today alone), and names what it dropped.
-- A day that somebody is reading is left for the next call rather than stopping everyone behind the drop.
CREATE FUNCTION ledger.forget(payload_days integer, annotation_days integer) RETURNS TABLE (partition text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
    today constant date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
BEGIN
    IF payload_days < 0 OR annotation_days < 0 THEN
        RAISE EXCEPTION 'a retention period is not negative' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(ledger.append_lock_key() + 1);
    FOR partition IN
        SELECT c.relname
        FROM pg_inherits AS i
        JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'ledger.payloads'::regclass AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - payload_days
            OR i.inhparent = 'ledger.annotations'::regclass AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - annotation_days
        ORDER BY c.relname
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE ledger.%I', partition);
            RETURN NEXT;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION
    ledger.prepare_day(text, date), ledger.put_payload(uuid, text, bytea, bytea), ledger.put_annotations(uuid[], text[], jsonb[]),
    ledger.forget(integer, integer)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.put_payload(uuid, text, bytea, bytea), ledger.put_annotations(uuid[], text[], jsonb[]), ledger.forget(integer, integer)
    TO llmgateway_service;
GRANT SELECT ON ledger.payloads, ledger.annotations TO llmgateway_service;

RESET ROLE;

-- The one way to write an event.
--
-- One entry of each array is one event; `commands` numbers the command that it belongs to, from 1, events of a command side
-- by side. All events of a command are written or none; one command never fails another. One row comes back for a command:
--
--   result                 first_position, last_position    detail
--   appended               of the command's events          null
--   already                of the same events, found        null
--   idempotency_conflict   null                             null
--   version_conflict       null                             the version that the stream has
--   stale_epoch            null                             the epoch that holds now
--
-- Only what is wrong with the call as a whole, or with the database, raises; then nothing was written.
--
-- Commit order is position order: the lock is held until the transaction has ended, and the newest event is read by a later
-- statement of this VOLATILE function, whose snapshot is younger than the lock. Hence READ COMMITTED.

SET LOCAL ROLE llmgateway_owner;

CREATE FUNCTION ledger.append_lock_key() RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT 30515441577030521 $$;  -- 'llmgtwy' in ASCII

CREATE FUNCTION ledger.append(
    commands          integer[],
    ids               uuid[],
    stream_kinds      text[],
    stream_ids        uuid[],
    expected_versions bigint[],
    types             text[],
    schema_versions   integer[],
    organizations     uuid[],
    data_bodies       jsonb[],
    metadata_bodies   jsonb[],
    occurrences       timestamptz[],
    epochs            bigint[]
) RETURNS TABLE (command integer, result text, first_position bigint, last_position bigint, detail bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan  -- planning anew for every batch was measured to double the cost of a small one
AS $$
DECLARE
    everyone constant uuid := '00000000-0000-0000-0000-000000000000';
    microsecond constant interval := interval '1 microsecond';
    size constant integer := cardinality(commands);
    newest bigint;          -- position of the newest event
    head bytea;             -- its hash
    chain bytea;            -- the hash of the last event of this call so far
    clock timestamptz;      -- its time, then that of the event to write next
    newest_epoch bigint;    -- the greatest epoch of any organization
    careful boolean;
    versions bigint[];
    hashes bytea[] := '{}';
    ordinal integer;
    nth bigint;
    start integer;
    stop integer;
    found_count integer;
    found_equal integer;
    conflict bigint;
    stale bigint;
BEGIN
    IF size NOT BETWEEN 1 AND 128 THEN
        RAISE EXCEPTION 'a call appends 1 to 128 events, not %', size USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF cardinality(ids) IS DISTINCT FROM size OR cardinality(stream_kinds) IS DISTINCT FROM size
        OR cardinality(stream_ids) IS DISTINCT FROM size OR cardinality(expected_versions) IS DISTINCT FROM size
        OR cardinality(types) IS DISTINCT FROM size OR cardinality(schema_versions) IS DISTINCT FROM size
        OR cardinality(organizations) IS DISTINCT FROM size OR cardinality(data_bodies) IS DISTINCT FROM size
        OR cardinality(metadata_bodies) IS DISTINCT FROM size OR cardinality(occurrences) IS DISTINCT FROM size
        OR cardinality(epochs) IS DISTINCT FROM size THEN
        RAISE EXCEPTION 'the arrays differ in length' USING ERRCODE = 'array_subscript_error';
    END IF;
    -- The text of a string takes at most six times the space of its binary form (an escaped control character), and numbers
    -- in events are plain integers: a small call needs no second look.
    IF pg_column_size(data_bodies) + pg_column_size(metadata_bodies) > 1048576 / 6 THEN
        IF (SELECT sum(octet_length(b::text)) FROM unnest(data_bodies || metadata_bodies) AS b) > 1048576 THEN
            RAISE EXCEPTION 'a call appends at most 1 MiB' USING ERRCODE = 'program_limit_exceeded';
        END IF;
    END IF;
    IF getdatabaseencoding() <> 'UTF8' OR pg_client_encoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'the hash is defined for UTF8: server and client encoding must be UTF8'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        RAISE EXCEPTION 'synchronous_commit = % would acknowledge what a crash can lose', current_setting('synchronous_commit')
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    PERFORM pg_advisory_xact_lock(ledger.append_lock_key());

    SELECT e.position, e.hash, greatest(clock_timestamp(), e.recorded_at + microsecond),
            (SELECT max(s.epoch) FROM ledger.epochs AS s)
        INTO newest, head, clock, newest_epoch
        FROM ledger.events AS e ORDER BY e.position DESC LIMIT 1;
    careful := 'admission.epoch_started' = ANY (types) OR 'ledger.created' = ANY (types);
    IF newest IS NULL THEN
        IF NOT (types[1] = 'ledger.created' AND stream_kinds[1] = 'ledger' AND expected_versions[1] = 0) THEN
            RAISE EXCEPTION 'the ledger is not created yet' USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
        newest := 0;
        head := sha256(uuid_send(stream_ids[1]));
        clock := clock_timestamp();
    ELSIF careful AND 'ledger.created' = ANY (types) THEN
        RAISE EXCEPTION 'the ledger is created already' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;

    -- The fast path takes the whole batch at once, where nothing stands against it. What it does not look up (an id or a
    -- version that exists, a stream that comes twice) the unique indexes refuse, and the careful path sorts it out.
    IF NOT careful AND num_nonnulls(VARIADIC epochs) > 0 AND (newest_epoch <= ALL (epochs)) IS FALSE THEN
        careful := EXISTS (
            SELECT FROM unnest(organizations, epochs) AS e (organization, epoch)
            WHERE e.epoch < (SELECT max(s.epoch) FROM ledger.epochs AS s WHERE s.organization IN (e.organization, everyone)));
    END IF;
    IF NOT careful THEN
        IF 0 = ALL (expected_versions) THEN
            versions := array_fill(1::bigint, ARRAY[size]);
        ELSE
            versions := ARRAY(
                SELECT CASE
                    WHEN e.expected = 0 THEN 1
                    WHEN e.expected IS NULL AND e.kind <> 'request' THEN 1 + coalesce(c.current, 0)
                    WHEN e.expected = c.current THEN 1 + c.current
                END
                FROM unnest(stream_kinds, stream_ids, expected_versions) AS e (kind, id, expected)
                LEFT JOIN LATERAL (
                    SELECT s.stream_version AS current FROM ledger.events AS s
                    WHERE e.expected IS DISTINCT FROM 0 AND s.stream_kind = e.kind AND s.stream_id = e.id
                    ORDER BY s.stream_version DESC LIMIT 1
                ) AS c ON true);
            careful := num_nulls(VARIADIC versions) > 0;
        END IF;
    END IF;
    IF NOT careful THEN
        chain := head;
        FOR i IN 1..size LOOP
            chain := sha256(chain || sha256(record_send(ROW(
                newest + i, ids[i], stream_kinds[i], stream_ids[i], versions[i], types[i], schema_versions[i], organizations[i],
                data_bodies[i], metadata_bodies[i], occurrences[i], clock + (i - 1) * microsecond))));
            hashes[i] := chain;
        END LOOP;
        BEGIN
            INSERT INTO ledger.events (position, id, stream_kind, stream_id, stream_version, type, schema_version, organization,
                data, metadata, occurred_at, recorded_at, hash)
                SELECT newest + i, ids[i], stream_kinds[i], stream_ids[i], versions[i], types[i], schema_versions[i],
                    organizations[i], data_bodies[i], metadata_bodies[i], occurrences[i], clock + (i - 1) * microsecond,
                    hashes[i]
                FROM generate_series(1, size) AS i;
        EXCEPTION WHEN unique_violation THEN
            careful := true;
        END;
    END IF;
    IF NOT careful THEN
        command := 0;
        result := 'appended';
        FOR i IN 1..size LOOP
            ordinal := commands[i];
            IF ordinal = command + 1 THEN
                IF command > 0 THEN
                    RETURN NEXT;
                END IF;
                command := ordinal;
                first_position := newest + i;
            ELSIF ordinal IS DISTINCT FROM command OR command = 0 THEN
                RAISE EXCEPTION 'commands are numbered from 1, events of a command side by side'
                    USING ERRCODE = 'invalid_parameter_value';
            END IF;
            last_position := newest + i;
        END LOOP;
        RETURN NEXT;
        RETURN;
    END IF;

    -- The careful path takes one command after the other; each sees what the commands before it have written.
    chain := head;
    command := 0;
    stop := 0;
    WHILE stop < size LOOP
        start := stop + 1;
        stop := start;
        WHILE stop < size AND commands[stop + 1] = commands[start] LOOP
            stop := stop + 1;
        END LOOP;
        command := command + 1;
        IF commands[start] IS DISTINCT FROM command THEN
            RAISE EXCEPTION 'commands are numbered from 1, events of a command side by side'
                USING ERRCODE = 'invalid_parameter_value';
        END IF;

        SELECT
            array_agg(e.current + e.nth ORDER BY e.n),
            count(e.found),
            count(*) FILTER (WHERE e.found_equal),
            min(e.found),
            max(e.found),
            (array_agg(e.current ORDER BY e.n)
                FILTER (WHERE e.expected <> e.current + e.nth - 1 OR e.expected IS NULL AND e.kind = 'request'))[1],
            max(e.now_epoch) FILTER (WHERE e.epoch < e.now_epoch)
        INTO versions, found_count, found_equal, first_position, last_position, conflict, stale
        FROM (
            SELECT
                a.n, a.kind, a.expected, a.epoch,
                row_number() OVER (PARTITION BY a.kind, a.stream_id ORDER BY a.n) AS nth,
                coalesce((
                    SELECT s.stream_version FROM ledger.events AS s
                    WHERE s.stream_kind = a.kind AND s.stream_id = a.stream_id
                    ORDER BY s.stream_version DESC LIMIT 1), 0) AS current,
                (SELECT max(s.epoch) FROM ledger.epochs AS s WHERE s.organization IN (a.organization, everyone)) AS now_epoch,
                f.position AS found,
                f.stream_kind = a.kind AND f.stream_id = a.stream_id AND f.type = a.type
                    AND f.schema_version = a.schema_version AND f.organization IS NOT DISTINCT FROM a.organization
                    AND f.data = a.data AS found_equal
            FROM unnest(ids[start:stop], stream_kinds[start:stop], stream_ids[start:stop], expected_versions[start:stop],
                types[start:stop], schema_versions[start:stop], organizations[start:stop], data_bodies[start:stop],
                epochs[start:stop])
                WITH ORDINALITY AS a (id, kind, stream_id, expected, type, schema_version, organization, data, epoch, n)
            LEFT JOIN LATERAL (
                SELECT s.* FROM ledger.events AS s
                WHERE a.kind = 'request' AND s.stream_kind = 'request' AND s.stream_id = a.stream_id
                    AND s.stream_version = a.expected + 1 AND s.id = a.id
                UNION ALL
                SELECT s.* FROM ledger.events AS s
                WHERE a.kind <> 'request' AND s.stream_kind <> 'request' AND s.id = a.id
            ) AS f ON true
        ) AS e;

        detail := NULL;
        IF found_count > 0 THEN
            IF found_equal = stop - start + 1 THEN
                result := 'already';
            ELSE
                result := 'idempotency_conflict';
                first_position := NULL;
                last_position := NULL;
            END IF;
        ELSIF conflict IS NOT NULL THEN
            result := 'version_conflict';
            detail := conflict;
        ELSIF stale IS NOT NULL THEN
            result := 'stale_epoch';
            detail := stale;
        ELSE
            result := 'appended';
            hashes := '{}';
            FOR i IN start..stop LOOP
                nth := i - start + 1;
                chain := sha256(chain || sha256(record_send(ROW(
                    newest + nth, ids[i], stream_kinds[i], stream_ids[i], versions[nth], types[i], schema_versions[i],
                    organizations[i], data_bodies[i], metadata_bodies[i], occurrences[i], clock + (nth - 1) * microsecond))));
                hashes[nth] := chain;
            END LOOP;
            INSERT INTO ledger.events (position, id, stream_kind, stream_id, stream_version, type, schema_version, organization,
                data, metadata, occurred_at, recorded_at, hash)
                SELECT newest + n, ids[i], stream_kinds[i], stream_ids[i], versions[n], types[i], schema_versions[i],
                    organizations[i], data_bodies[i], metadata_bodies[i], occurrences[i], clock + (n - 1) * microsecond,
                    hashes[n]
                FROM generate_series(start, stop) WITH ORDINALITY AS e (i, n);
            IF 'admission.epoch_started' = ANY (types[start:stop]) THEN
                INSERT INTO ledger.epochs AS s (organization, epoch)
                    SELECT coalesce(e.organization, everyone), max(newest + e.n)
                    FROM unnest(types[start:stop], organizations[start:stop]) WITH ORDINALITY AS e (type, organization, n)
                    WHERE e.type = 'admission.epoch_started'
                    GROUP BY 1
                    ON CONFLICT ON CONSTRAINT epochs_organization DO UPDATE SET epoch = excluded.epoch;
            END IF;
            first_position := newest + 1;
            last_position := newest + stop - start + 1;
            newest := last_position;
            clock := clock + (stop - start + 1) * microsecond;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

-- Begins the ledger of this database, and the first epoch of admission. Answers with the ledger's id: the one given, or that
-- of the ledger that was here before.
CREATE FUNCTION ledger.create(ledger uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    existing uuid;
BEGIN
    PERFORM pg_advisory_xact_lock(ledger.append_lock_key());
    SELECT e.stream_id INTO existing FROM ledger.events AS e WHERE e.position = 1;
    IF FOUND THEN
        RETURN existing;
    END IF;
    PERFORM ledger.append(
        ARRAY[1, 2], ARRAY[ledger.new_id(), ledger.new_id()], ARRAY['ledger', 'ledger'], ARRAY[$1, $1], ARRAY[0, 1],
        ARRAY['ledger.created', 'admission.epoch_started'], ARRAY[1, 1], ARRAY[NULL, NULL]::uuid[],
        ARRAY[
            jsonb_build_object('ledger', $1, 'currency', 'USD', 'hash_version', 1),
            jsonb_build_object('reason', 'ledger_created')],
        ARRAY['{}', '{}']::jsonb[], ARRAY[clock_timestamp(), clock_timestamp()], ARRAY[NULL, NULL]::bigint[]);
    RETURN $1;
END
$$;

REVOKE ALL ON FUNCTION
    ledger.append(integer[], uuid[], text[], uuid[], bigint[], text[], integer[], uuid[], jsonb[], jsonb[], timestamptz[],
        bigint[]),
    ledger.create(uuid)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.append(integer[], uuid[], text[], uuid[], bigint[], text[], integer[], uuid[], jsonb[], jsonb[], timestamptz[],
        bigint[]),
    ledger.create(uuid)
    TO llmgateway_service;

RESET ROLE;

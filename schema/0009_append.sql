-- ledger.append does the same as before (0003) for less: a call of one event is one statement to check it and one to write it,
-- because PL/pgSQL prepares each expression anew in every transaction, and a small call is mostly that.

SET LOCAL ROLE llmgateway_owner;

-- Names are qualified here, because a search_path of its own would be set and reset for every append.
CREATE OR REPLACE FUNCTION ledger.refuse_direct_insert() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    stack text;
BEGIN
    GET DIAGNOSTICS stack = PG_CONTEXT;
    IF pg_catalog.strpos(stack, 'PL/pgSQL function ledger.append(integer[],uuid[],') OPERATOR(pg_catalog.=) 0 THEN
        RAISE EXCEPTION 'ledger.events is written by ledger.append alone: INSERT is refused'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$;

-- Says what is wrong with a call; returns when nothing is.
CREATE FUNCTION ledger.check_append(
    commands integer[], data_bodies jsonb[], metadata_bodies jsonb[], are_equally_long boolean) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF cardinality(commands) NOT BETWEEN 1 AND 128 THEN
        RAISE EXCEPTION 'a call appends 1 to 128 events, not %', cardinality(commands)
            USING ERRCODE = 'program_limit_exceeded';
    END IF;
    IF are_equally_long IS NOT TRUE THEN
        RAISE EXCEPTION 'the arrays differ in length' USING ERRCODE = 'array_subscript_error';
    END IF;
    IF commands[1] IS DISTINCT FROM 1 THEN
        RAISE EXCEPTION 'commands are numbered from 1, events of a command side by side'
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF (SELECT sum(octet_length(b::text)) FROM unnest(data_bodies || metadata_bodies) AS b) > 1048576 THEN
        RAISE EXCEPTION 'a call appends at most 1 MiB' USING ERRCODE = 'program_limit_exceeded';
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
END
$$;

CREATE OR REPLACE FUNCTION ledger.append(
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
    size constant integer := cardinality(commands);
    newest bigint;          -- position of the newest event
    head bytea;             -- its hash
    chain bytea;            -- the hash of the last event of this call so far
    clock timestamptz;      -- its time, then that of the event to write next
    newest_epoch bigint;    -- the greatest epoch of any organization
    careful boolean;
    versions bigint[];
    hashes bytea[];
    ordinal integer;
    nth bigint;
    start integer;
    stop integer;
    found_count integer;
    found_equal integer;
    conflict bigint;
    stale bigint;
BEGIN
    -- One long expression, because PL/pgSQL prepares each one anew in every transaction, and a small call is mostly that. The
    -- lock comes last. The text of a string takes at most six times the space of its binary form (an escaped control
    -- character), and numbers in events are plain integers: a small call needs no second look at its size.
    IF (size BETWEEN 1 AND 128
        AND size = ALL (ARRAY[
            cardinality(ids), cardinality(stream_kinds), cardinality(stream_ids), cardinality(expected_versions),
            cardinality(types), cardinality(schema_versions), cardinality(organizations), cardinality(data_bodies),
            cardinality(metadata_bodies), cardinality(occurrences), cardinality(epochs)])
        AND commands[1] = 1
        AND pg_column_size(data_bodies) + pg_column_size(metadata_bodies) <= 1048576 / 6
        AND getdatabaseencoding() = 'UTF8' AND pg_client_encoding() = 'UTF8'
        AND current_setting('synchronous_commit') IN ('on', 'remote_apply')
        AND current_setting('transaction_isolation') = 'read committed'
        AND pg_advisory_xact_lock(ledger.append_lock_key()) IS NOT NULL) IS NOT TRUE
    THEN
        PERFORM ledger.check_append(commands, data_bodies, metadata_bodies, size = ALL (ARRAY[
            cardinality(ids), cardinality(stream_kinds), cardinality(stream_ids), cardinality(expected_versions),
            cardinality(types), cardinality(schema_versions), cardinality(organizations), cardinality(data_bodies),
            cardinality(metadata_bodies), cardinality(occurrences), cardinality(epochs)]));
        PERFORM pg_advisory_xact_lock(ledger.append_lock_key());
    END IF;

    SELECT e.position, e.hash, greatest(clock_timestamp(), e.recorded_at + interval '1 microsecond'),
            (SELECT max(s.epoch) FROM ledger.epochs AS s)
        INTO newest, head, clock, newest_epoch
        FROM ledger.events AS e ORDER BY e.position DESC LIMIT 1;
    careful := newest IS NULL OR types && ARRAY['admission.epoch_started', 'ledger.created'];
    IF careful THEN
        IF newest IS NULL THEN
            IF NOT (types[1] = 'ledger.created' AND stream_kinds[1] = 'ledger' AND expected_versions[1] = 0) THEN
                RAISE EXCEPTION 'the ledger is not created yet' USING ERRCODE = 'object_not_in_prerequisite_state';
            END IF;
            newest := 0;
            head := sha256(uuid_send(stream_ids[1]));
            clock := clock_timestamp();
        ELSIF 'ledger.created' = ANY (types) THEN
            RAISE EXCEPTION 'the ledger is created already' USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
    ELSIF newest_epoch > ANY (epochs) THEN
        careful := EXISTS (
            SELECT FROM unnest(organizations, epochs) AS e (organization, epoch)
            WHERE e.epoch < (
                SELECT max(s.epoch) FROM ledger.epochs AS s
                WHERE s.organization IN (e.organization, '00000000-0000-0000-0000-000000000000')));
    END IF;

    -- The fast path takes the whole batch at once, where nothing stands against it. What it does not look up (an id or a
    -- version that exists, a stream that comes twice) the unique indexes refuse, and the careful path sorts it out.
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
        BEGIN
            IF size = 1 THEN
                -- The same as below in one statement: a lone event is the usual call of a ledger that is not busy.
                INSERT INTO ledger.events (position, id, stream_kind, stream_id, stream_version, type, schema_version,
                    organization, data, metadata, occurred_at, recorded_at, hash)
                    SELECT e.*, sha256(head || sha256(record_send(e)))
                    FROM (SELECT newest + 1, ids[1], stream_kinds[1], stream_ids[1], versions[1], types[1], schema_versions[1],
                        organizations[1], data_bodies[1], metadata_bodies[1], occurrences[1], clock) AS e;
            ELSE
                chain := head;
                FOR i IN 1..size LOOP
                    chain := sha256(chain || sha256(record_send(ROW(
                        newest + i, ids[i], stream_kinds[i], stream_ids[i], versions[i], types[i], schema_versions[i],
                        organizations[i], data_bodies[i], metadata_bodies[i], occurrences[i],
                        clock + (i - 1) * interval '1 microsecond'))));
                    hashes[i] := chain;
                END LOOP;
                INSERT INTO ledger.events (position, id, stream_kind, stream_id, stream_version, type, schema_version,
                    organization, data, metadata, occurred_at, recorded_at, hash)
                    SELECT newest + i, ids[i], stream_kinds[i], stream_ids[i], versions[i], types[i], schema_versions[i],
                        organizations[i], data_bodies[i], metadata_bodies[i], occurrences[i],
                        clock + (i - 1) * interval '1 microsecond', hashes[i]
                    FROM generate_series(1, size) AS i;
            END IF;
        EXCEPTION WHEN unique_violation THEN
            careful := true;
        END;
    END IF;
    IF NOT careful THEN
        command := 1;
        result := 'appended';
        first_position := newest + 1;
        last_position := newest;
        FOREACH ordinal IN ARRAY commands LOOP
            IF ordinal IS DISTINCT FROM command THEN
                RETURN NEXT;
                command := command + 1;
                first_position := last_position + 1;
                IF ordinal IS DISTINCT FROM command THEN
                    RAISE EXCEPTION 'commands are numbered from 1, events of a command side by side'
                        USING ERRCODE = 'invalid_parameter_value';
                END IF;
            END IF;
            last_position := last_position + 1;
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
                (SELECT max(s.epoch) FROM ledger.epochs AS s
                    WHERE s.organization IN (a.organization, '00000000-0000-0000-0000-000000000000')) AS now_epoch,
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
                    organizations[i], data_bodies[i], metadata_bodies[i], occurrences[i],
                    clock + (nth - 1) * interval '1 microsecond'))));
                hashes[nth] := chain;
            END LOOP;
            INSERT INTO ledger.events (position, id, stream_kind, stream_id, stream_version, type, schema_version, organization,
                data, metadata, occurred_at, recorded_at, hash)
                SELECT newest + n, ids[i], stream_kinds[i], stream_ids[i], versions[n], types[i], schema_versions[i],
                    organizations[i], data_bodies[i], metadata_bodies[i], occurrences[i],
                    clock + (n - 1) * interval '1 microsecond', hashes[n]
                FROM generate_series(start, stop) WITH ORDINALITY AS e (i, n);
            IF 'admission.epoch_started' = ANY (types[start:stop]) THEN
                INSERT INTO ledger.epochs AS s (organization, epoch)
                    SELECT coalesce(e.organization, '00000000-0000-0000-0000-000000000000'), max(newest + e.n)
                    FROM unnest(types[start:stop], organizations[start:stop]) WITH ORDINALITY AS e (type, organization, n)
                    WHERE e.type = 'admission.epoch_started'
                    GROUP BY 1
                    ON CONFLICT ON CONSTRAINT epochs_organization DO UPDATE SET epoch = excluded.epoch;
            END IF;
            first_position := newest + 1;
            last_position := newest + stop - start + 1;
            newest := last_position;
            clock := clock + (stop - start + 1) * interval '1 microsecond';
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION ledger.check_append(integer[], jsonb[], jsonb[], boolean) FROM PUBLIC;

RESET ROLE;

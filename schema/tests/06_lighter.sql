-- A body that does not fit a page's quarter is compressed by lz4, where this Postgres has it.
DO $$
DECLARE
    body jsonb := jsonb_build_object('text', repeat('a line of a bill ', 300));
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    ASSERT (SELECT result FROM ledger.append(
        ARRAY[1], ARRAY[ledger.new_id()], ARRAY['credit'], ARRAY[ledger.new_id()], ARRAY[0]::bigint[], ARRAY['test.compressed'],
        ARRAY[1], ARRAY[NULL]::uuid[], ARRAY[body], ARRAY['{}']::jsonb[], ARRAY[now()], ARRAY[NULL]::bigint[])) = 'appended';
    ASSERT (SELECT pg_column_compression(e.data) FROM ledger.events AS e WHERE e.type = 'test.compressed')
        = (SELECT CASE WHEN 'lz4' = ANY (s.enumvals) THEN 'lz4' ELSE 'pglz' END
            FROM pg_settings AS s WHERE s.name = 'default_toast_compression');
    ASSERT (SELECT e.data FROM ledger.events AS e WHERE e.type = 'test.compressed') = body;
END
$$;

-- Annotations lie under the day that ledger.day_of names: of time-ordered ids, old ones, future ones and foreign ones.
DO $$
DECLARE
    ids uuid[] := ARRAY(
        SELECT encode(set_byte(overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp() + days * interval '1 day') * 1000)::bigint) FROM 3)
            FROM 1 FOR 6), 6, version << 4), 'hex')::uuid
        FROM unnest(ARRAY[0, -1, -29, -31, 1, 3, 100000, -20000, 0]) WITH ORDINALITY AS d (days, n),
            LATERAL (SELECT CASE n WHEN 9 THEN 4 ELSE 7 END AS version) AS v)
        || ARRAY['ffffffff-ffff-7fff-bfff-ffffffffffff', '00000000-0000-0000-0000-000000000000']::uuid[];
BEGIN
    PERFORM ledger.put_annotations(ids, array_fill('t'::text, ARRAY[cardinality(ids)]),
        array_fill('{}'::jsonb, ARRAY[cardinality(ids)]));
    ASSERT (SELECT count(*) FROM ledger.annotations WHERE event = ANY (ids)) = cardinality(ids);
    ASSERT NOT EXISTS (SELECT FROM ledger.annotations WHERE event = ANY (ids) AND day <> ledger.day_of(event));
END
$$;

-- A batch of today alone, of whatever version.
DO $$
DECLARE
    ids uuid[] := ARRAY(
        SELECT encode(set_byte(overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
            FROM 1 FOR 6), 6, version << 4), 'hex')::uuid
        FROM unnest(ARRAY[7, 7, 4, 1]) AS version);
BEGIN
    FOR n IN 1..2 LOOP
        PERFORM ledger.put_annotations(ids, array_fill('t'::text, ARRAY[cardinality(ids)]),
            array_fill(jsonb_build_object('n', n), ARRAY[cardinality(ids)]));
    END LOOP;
    ASSERT (SELECT count(*) FROM ledger.annotations WHERE event = ANY (ids) AND body = '{"n": 1}') = cardinality(ids);
    ASSERT NOT EXISTS (SELECT FROM ledger.annotations WHERE event = ANY (ids) AND day <> ledger.day_of(event));
END
$$;

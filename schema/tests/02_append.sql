-- Append: what is written, what is answered, what is refused. As the service, with its rights alone.
SET SESSION AUTHORIZATION llmgateway_service;

-- One event, with what most tests leave alone filled in.
CREATE TYPE pg_temp.event AS (
    command integer, id uuid, kind text, stream uuid, expected bigint, type text, organization uuid, data jsonb, epoch bigint);

CREATE FUNCTION pg_temp.put(VARIADIC events pg_temp.event[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', a.command, a.result, a.first_position, a.last_position, '=' || a.detail), ', ' ORDER BY n)
    FROM (
        SELECT
            array_agg(e.command ORDER BY n) AS commands, array_agg(e.id ORDER BY n) AS ids, array_agg(e.kind ORDER BY n) AS kinds,
            array_agg(e.stream ORDER BY n) AS streams, array_agg(e.expected ORDER BY n) AS expected,
            array_agg(e.type ORDER BY n) AS types, array_agg(1 ORDER BY n) AS schemas,
            array_agg(e.organization ORDER BY n) AS organizations, array_agg(e.data ORDER BY n) AS data,
            array_agg('{}'::jsonb ORDER BY n) AS metadata, array_agg(now() ORDER BY n) AS occurred,
            array_agg(e.epoch ORDER BY n) AS epochs
        FROM unnest(events) WITH ORDINALITY AS e (command, id, kind, stream, expected, type, organization, data, epoch, n)
    ) AS c,
    ledger.append(c.commands, c.ids, c.kinds, c.streams, c.expected, c.types, c.schemas, c.organizations, c.data, c.metadata,
        c.occurred, c.epochs) WITH ORDINALITY AS a (command, result, first_position, last_position, detail, n)
$$;

CREATE FUNCTION pg_temp.event(command integer, id integer, kind text, stream integer, expected bigint,
    type text DEFAULT 'test.happened', data jsonb DEFAULT '{}', organization integer DEFAULT 1, epoch bigint DEFAULT NULL)
RETURNS pg_temp.event LANGUAGE sql AS $$
    SELECT ROW(command, md5('id' || id)::uuid, kind, md5('stream' || stream)::uuid, expected, type,
        md5('organization' || organization)::uuid, data, epoch)::pg_temp.event
$$;

CREATE FUNCTION pg_temp.expect(name text, got text, wanted text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF got IS DISTINCT FROM wanted THEN
        RAISE EXCEPTION E'%\n  got    %\n  wanted %', name, got, wanted;
    END IF;
END
$$;

-- The SQLSTATE that a statement fails with; 00000 if it does not.
CREATE FUNCTION pg_temp.state_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN '00000';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

\o /dev/null

-- Before the ledger is created nothing else goes in; afterwards creating it again changes nothing.
SELECT pg_temp.expect('not created', pg_temp.state_of($$SELECT pg_temp.put(pg_temp.event(1, 1, 'request', 1, 0))$$), '55000');
SELECT pg_temp.expect('created', ledger.create('0198c0de-0000-7000-8000-00000000beef')::text,
    '0198c0de-0000-7000-8000-00000000beef');
SELECT pg_temp.expect('created once', ledger.create('0198c0de-0000-7000-8000-000000000bad')::text,
    '0198c0de-0000-7000-8000-00000000beef');
SELECT pg_temp.expect('its events', (SELECT string_agg(position || ' ' || type, ', ' ORDER BY position) FROM ledger.events),
    '1 ledger.created, 2 admission.epoch_started');
SELECT pg_temp.expect('no second one', pg_temp.state_of($$SELECT pg_temp.put(
    pg_temp.event(1, 1, 'ledger', 99, 0, 'ledger.created'))$$), '55000');
SELECT pg_temp.expect('its epoch', (SELECT string_agg(organization || ' ' || epoch, ', ') FROM ledger.epochs),
    '00000000-0000-0000-0000-000000000000 2');

-- Fresh streams, one command of several events among them.
SELECT pg_temp.expect('fresh', pg_temp.put(
    pg_temp.event(1, 1, 'request', 1, 0, 'request.authorized', epoch => 2),
    pg_temp.event(2, 2, 'organization', 1, 0), pg_temp.event(2, 3, 'project', 1, NULL),
    pg_temp.event(3, 4, 'request', 2, 0)),
    '1 appended 3 3, 2 appended 4 5, 3 appended 6 6');

-- The same again is a retry: with other metadata and time (put's now() differs), not with other content.
SELECT pg_temp.expect('retry', pg_temp.put(
    pg_temp.event(1, 1, 'request', 1, 0, 'request.authorized', epoch => 2),
    pg_temp.event(2, 2, 'organization', 1, 0), pg_temp.event(2, 3, 'project', 1, NULL),
    pg_temp.event(3, 5, 'request', 3, 0)),
    '1 already 3 3, 2 already 4 5, 3 appended 7 7');
SELECT pg_temp.expect('conflicts', pg_temp.put(
    pg_temp.event(1, 1, 'request', 1, 0, 'request.authorized', '{"held": 1}'),
    pg_temp.event(2, 1, 'request', 1, 0, 'request.denied'),
    pg_temp.event(3, 1, 'request', 1, 0, 'request.authorized', organization => 2),
    pg_temp.event(4, 2, 'organization', 1, 0, data => '{"a": 1}'),
    pg_temp.event(5, 2, 'organization', 7, 0),
    pg_temp.event(6, 2, 'organization', 1, 0), pg_temp.event(6, 6, 'project', 1, 1)),
    '1 idempotency_conflict, 2 idempotency_conflict, 3 idempotency_conflict, 4 idempotency_conflict, 5 idempotency_conflict, '
    '6 idempotency_conflict');

-- Expected versions: another id at the version, a gap, a stream that moved on, none for a request. All or none of a command.
SELECT pg_temp.expect('versions', pg_temp.put(
    pg_temp.event(1, 10, 'request', 1, 0),
    pg_temp.event(2, 11, 'request', 1, 2),
    pg_temp.event(3, 12, 'request', 1, NULL),
    pg_temp.event(4, 13, 'organization', 1, 0),
    pg_temp.event(5, 14, 'project', 2, 0), pg_temp.event(5, 15, 'organization', 1, 5),
    pg_temp.event(6, 16, 'request', 1, 1),
    pg_temp.event(7, 17, 'request', 1, 1),
    pg_temp.event(8, 18, 'request', 9, -1)),
    '1 version_conflict =1, 2 version_conflict =1, 3 version_conflict =1, 4 version_conflict =1, 5 version_conflict =1, '
    '6 appended 8 8, 7 version_conflict =2, 8 version_conflict =0');
SELECT pg_temp.expect('versions that match', pg_temp.put(
    pg_temp.event(1, 20, 'request', 2, 1), pg_temp.event(2, 21, 'organization', 1, 1), pg_temp.event(3, 22, 'project', 1, NULL)),
    '1 appended 9 9, 2 appended 10 10, 3 appended 11 11');

-- One stream several times in a batch, and in a command.
SELECT pg_temp.expect('a stream again', pg_temp.put(
    pg_temp.event(1, 30, 'credit', 1, NULL), pg_temp.event(2, 31, 'credit', 1, NULL),
    pg_temp.event(3, 32, 'credit', 1, 2), pg_temp.event(3, 33, 'credit', 1, 3), pg_temp.event(3, 34, 'credit', 1, NULL),
    pg_temp.event(4, 35, 'credit', 1, 3),
    pg_temp.event(5, 31, 'credit', 1, NULL),
    pg_temp.event(6, 36, 'request', 4, 0), pg_temp.event(7, 37, 'request', 4, 0), pg_temp.event(8, 36, 'request', 4, 0)),
    '1 appended 12 12, 2 appended 13 13, 3 appended 14 16, 4 version_conflict =5, 5 already 13 13, 6 appended 17 17, '
    '7 version_conflict =1, 8 already 17 17');

-- Epochs: of all, of one organization, begun within the batch. Only older ones are refused.
SELECT pg_temp.expect('epochs', pg_temp.put(
    pg_temp.event(1, 40, 'request', 10, 0, epoch => 1), pg_temp.event(2, 41, 'request', 11, 0, epoch => 2)),
    '1 stale_epoch =2, 2 appended 18 18');
SELECT pg_temp.expect('an epoch of one', pg_temp.put(
    pg_temp.event(1, 42, 'request', 12, 0, epoch => 2),
    pg_temp.event(2, 43, 'organization', 1, NULL, 'admission.epoch_started', organization => 1),
    pg_temp.event(3, 44, 'request', 13, 0, epoch => 2),
    pg_temp.event(4, 45, 'request', 14, 0, epoch => 2, organization => 2),
    pg_temp.event(5, 46, 'request', 15, 0, epoch => 20)),
    '1 appended 19 19, 2 appended 20 20, 3 stale_epoch =20, 4 appended 21 21, 5 appended 22 22');
SELECT pg_temp.expect('other organizations go on', pg_temp.put(
    pg_temp.event(1, 47, 'request', 16, 0, epoch => 2, organization => 2)), '1 appended 23 23');
SELECT pg_temp.expect('a retry of an old epoch is a retry', pg_temp.put(pg_temp.event(1, 42, 'request', 12, 0, epoch => 2)),
    '1 already 19 19');

-- Calls that are wrong as a whole are refused as a whole.
CREATE FUNCTION pg_temp.many(count integer, body text DEFAULT '') RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.put(VARIADIC array_agg(ROW(n, gen_random_uuid(), 'request', gen_random_uuid(), 0, 'test.happened', NULL,
        jsonb_build_object('body', body), NULL)::pg_temp.event ORDER BY n)) FROM generate_series(1, count) AS n
$$;
SELECT pg_temp.expect('129 events', pg_temp.state_of('SELECT pg_temp.many(129)'), '54000');
SELECT pg_temp.expect('no event', pg_temp.state_of(
    $$SELECT ledger.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')$$), '54000');
SELECT pg_temp.expect('no array', pg_temp.state_of(
    $$SELECT ledger.append(NULL, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')$$), '2202E');
SELECT pg_temp.expect('over 1 MiB', pg_temp.state_of($$SELECT pg_temp.many(2, repeat('x', 524280))$$), '54000');
SELECT pg_temp.expect('over 1 MiB of escapes', pg_temp.state_of($$SELECT pg_temp.many(2, repeat(E'\x01', 90000))$$), '54000');
SELECT pg_temp.expect('arrays of unequal length', pg_temp.state_of(
    $$SELECT ledger.append('{1}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')$$), '2202E');
SELECT pg_temp.expect('commands out of order', pg_temp.state_of($$SELECT pg_temp.put(
    pg_temp.event(2, 50, 'request', 20, 0), pg_temp.event(1, 51, 'request', 21, 0))$$), '22023');
SELECT pg_temp.expect('commands apart', pg_temp.state_of($$SELECT pg_temp.put(
    pg_temp.event(1, 50, 'request', 20, 0), pg_temp.event(2, 51, 'request', 21, 0), pg_temp.event(1, 52, 'request', 22, 0))$$),
    '22023');
SELECT pg_temp.expect('commands apart, carefully', pg_temp.state_of($$SELECT pg_temp.put(
    pg_temp.event(1, 50, 'request', 1, 0), pg_temp.event(3, 51, 'request', 21, 0))$$), '22023');
SELECT pg_temp.expect('a null command', pg_temp.state_of($$SELECT pg_temp.put(pg_temp.event(NULL, 50, 'request', 20, 0))$$),
    '22023');
SELECT pg_temp.expect('no type', pg_temp.state_of($$SELECT pg_temp.put(pg_temp.event(1, 50, 'request', 20, 0, NULL))$$), '23502');

SET synchronous_commit = off;
SELECT pg_temp.expect('synchronous_commit off', pg_temp.state_of('SELECT pg_temp.many(1)'), '55000');
SET synchronous_commit = local;
SELECT pg_temp.expect('synchronous_commit local', pg_temp.state_of('SELECT pg_temp.many(1)'), '55000');
RESET synchronous_commit;
SET client_encoding = 'LATIN1';
SELECT pg_temp.expect('another encoding', pg_temp.state_of('SELECT pg_temp.many(1)'), '55000');
RESET client_encoding;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.expect('another isolation', pg_temp.state_of('SELECT pg_temp.many(1)'), '55000');
ROLLBACK;

-- Nothing of that left a trace or a gap; full batches and large ones go in.
SELECT pg_temp.expect('the newest', (SELECT max(position) || ' of ' || count(*) FROM ledger.events), '23 of 23');
SELECT pg_temp.expect('128 events', right(pg_temp.many(128), 20), '128 appended 151 151');
SELECT pg_temp.expect('1 MiB', right(pg_temp.many(2, repeat('x', 524270)), 18), '2 appended 153 153');
BEGIN;
SELECT pg_temp.many(100);
ROLLBACK;
SELECT pg_temp.expect('after a rollback', pg_temp.many(1), '1 appended 154 154');

-- The chain, recomputed; positions without a gap; strictly increasing times; versions without a gap.
SELECT pg_temp.expect('the chain', (
    WITH RECURSIVE chain AS (
        SELECT 0::bigint AS position, sha256(uuid_send(stream_id)) AS hash, true AS intact FROM ledger.events WHERE position = 1
        UNION ALL
        SELECT e.position, e.hash, e.hash = sha256(c.hash || sha256(record_send(ROW(
            e.position, e.id, e.stream_kind, e.stream_id, e.stream_version, e.type, e.schema_version, e.organization, e.data,
            e.metadata, e.occurred_at, e.recorded_at))))
        FROM chain AS c JOIN ledger.events AS e ON e.position = c.position + 1
    )
    SELECT count(*) FILTER (WHERE intact) || ' intact of ' || count(*) FROM chain), '155 intact of 155');
SELECT pg_temp.expect('times', (SELECT count(*)::text FROM (
    SELECT recorded_at <= lag(recorded_at) OVER (ORDER BY position) AS backwards FROM ledger.events) AS t WHERE backwards), '0');
SELECT pg_temp.expect('versions', (SELECT count(*)::text FROM (
    SELECT stream_version <> row_number() OVER (PARTITION BY stream_kind, stream_id ORDER BY position) AS gap
    FROM ledger.events) AS t WHERE gap), '0');

-- The clock of the server may go back; the ledger's does not. (Its last event is put a minute ahead, chain and all.)
RESET SESSION AUTHORIZATION;
ALTER TABLE ledger.events DISABLE TRIGGER events_immutable;
UPDATE ledger.events SET recorded_at = recorded_at + interval '1 minute' WHERE position = 154;
ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_immutable;
SET SESSION AUTHORIZATION llmgateway_service;
SELECT pg_temp.many(2);
SELECT pg_temp.expect('a clock set back', (SELECT string_agg((recorded_at - (
    SELECT recorded_at FROM ledger.events WHERE position = 154))::text, ', ' ORDER BY position)
    FROM ledger.events WHERE position > 154), '00:00:00.000001, 00:00:00.000002');

-- How people see it.
SELECT pg_temp.expect('history', (SELECT stream || ' ' || event FROM ledger.history WHERE position = 3),
    'request/req_' || ledger.base62(md5('stream1')::uuid) || ' evt_' || ledger.base62(md5('id1')::uuid));
SELECT pg_temp.expect('base62', ledger.base62('ffffffff-ffff-ffff-ffff-ffffffffffff') || ledger.base62(
    '00000000-0000-0000-0000-00000000003d'), '7n42DGM5Tflk9n8mt7Fhc7000000000000000000000z');
SELECT pg_temp.expect('base62 and back', (SELECT count(*)::text FROM (SELECT gen_random_uuid() AS u FROM generate_series(1, 200))
    AS t WHERE ledger.from_base62(ledger.base62(u)) <> u), '0');
SELECT pg_temp.expect('base62 beyond', pg_temp.state_of($$SELECT ledger.from_base62('7n42DGM5Tflk9n8mt7Fhc8')$$), '22003');

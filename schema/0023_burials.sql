-- Who can't renew a lease need not be dead: while the database is away, or its clock jumps, nobody can. A lease can be renewed,
-- however old, until somebody buries it; only of the buried, and of those that ended, anything is abandoned. And nobody buries
-- others unless its own lease has been renewed without a break for as long as a lease lasts: after an outage every gateway that
-- lives has had that time to renew its own.

SET LOCAL ROLE llmgateway_owner;

ALTER TABLE ledger.leases
    ADD COLUMN steady_since timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN buried_at timestamptz;

COMMENT ON COLUMN ledger.leases.steady_since IS 'Since when it has been renewed without a break of more than 20 seconds.';
COMMENT ON COLUMN ledger.leases.buried_at IS 'Since when it can''t be renewed any more, because what it authorized is being abandoned.';

CREATE OR REPLACE VIEW ledger.instances AS
    SELECT
        instance AS id,
        started_at,
        renewed_at,
        ended_at IS NOT NULL OR buried_at IS NOT NULL AS dead
    FROM ledger.leases;

-- Takes or renews the lease of an instance and answers with the time of it. The dead stay dead: such an instance gets null and has
-- to go on under a new id. A clock that is set back takes the lease back with it: in the future it would hide the next jump.
CREATE OR REPLACE FUNCTION ledger.renew_lease(instance uuid) RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO ledger.leases AS l (instance, started_at, renewed_at, steady_since)
        VALUES ($1, clock_timestamp(), clock_timestamp(), clock_timestamp())
        ON CONFLICT ON CONSTRAINT leases_pkey DO UPDATE SET
            renewed_at = clock_timestamp(),
            steady_since = CASE
                WHEN clock_timestamp() - l.renewed_at BETWEEN interval '-20 seconds' AND interval '20 seconds' THEN l.steady_since
                ELSE clock_timestamp()
            END
            WHERE l.ended_at IS NULL AND l.buried_at IS NULL
        RETURNING renewed_at
$$;

-- Buries the instances whose leases ran out, for one whose own is steady; false, and nothing, for any other. A renewal that is
-- under way is waited for, and then the lease has not run out.
CREATE FUNCTION ledger.bury_instances(undertaker uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Taken once: what is held against the undertaker's lease is held against the others' too, whatever the clock does between.
    moment constant timestamptz := clock_timestamp();
BEGIN
    IF NOT EXISTS (
        SELECT FROM ledger.leases AS l
        WHERE l.instance = undertaker AND l.ended_at IS NULL AND l.buried_at IS NULL
            AND moment - l.renewed_at BETWEEN interval '-20 seconds' AND interval '20 seconds'
            AND l.steady_since <= moment - interval '25 seconds')
    THEN
        RETURN false;
    END IF;
    UPDATE ledger.leases AS l SET buried_at = moment
        WHERE l.ended_at IS NULL AND l.buried_at IS NULL AND l.renewed_at < moment - interval '60 seconds';
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION ledger.bury_instances(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.bury_instances(uuid) TO llmgateway_service;

-- As in 0006, but that it knows bury_instances.
CREATE OR REPLACE FUNCTION ledger.protection() RETURNS TABLE (finding text, detail text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH
    -- The login and every role that it can become.
    reachable AS (
        SELECT r.oid, r.rolname, r.rolsuper, r.rolcreaterole FROM pg_roles AS r
        WHERE pg_has_role(session_user, r.oid, 'MEMBER')
    ),
    -- A superuser holds all of what follows: saying so once is enough.
    lesser AS (SELECT * FROM reachable WHERE NOT EXISTS (SELECT FROM reachable WHERE rolsuper)),
    events AS (SELECT c.oid, c.relowner, c.relpersistence FROM pg_class AS c WHERE c.oid = 'ledger.events'::regclass),
    owners AS (
        SELECT relowner AS oid FROM events
        UNION SELECT nspowner FROM pg_namespace WHERE nspname = 'ledger'
        UNION SELECT proowner FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace
    ),
    expected_triggers (name) AS (VALUES ('events_immutable'), ('events_not_truncated'), ('events_appended_only'))
    SELECT 'superuser', rolname::text FROM reachable WHERE rolsuper
    UNION ALL
    SELECT 'may create roles, and so join the owner', rolname::text FROM lesser WHERE rolcreaterole
    UNION ALL
    SELECT 'member of the owner', r.rolname::text FROM lesser AS r JOIN owners AS o USING (oid)
    UNION ALL
    SELECT 'may change files of the server', rolname::text FROM lesser
        WHERE rolname IN ('pg_write_server_files', 'pg_execute_server_program')
    UNION ALL
    SELECT 'the owner can log in', r.rolname::text FROM pg_roles AS r JOIN owners AS o USING (oid) WHERE r.rolcanlogin
    UNION ALL
    SELECT 'holds ' || p.privilege || ' on ledger.events', r.rolname::text
        FROM lesser AS r CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER')) AS p (privilege)
        WHERE has_table_privilege(r.oid, 'ledger.events', p.privilege)
    UNION ALL
    SELECT 'holds ' || p.privilege || ' on a column of ledger.events', r.rolname::text
        FROM lesser AS r CROSS JOIN (VALUES ('INSERT'), ('UPDATE')) AS p (privilege)
        WHERE has_any_column_privilege(r.oid, 'ledger.events', p.privilege)
            AND NOT has_table_privilege(r.oid, 'ledger.events', p.privilege)
    UNION ALL
    SELECT 'holds ' || p.privilege || ' on ledger.epochs', r.rolname::text
        FROM lesser AS r CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER')) AS p (privilege)
        WHERE has_table_privilege(r.oid, 'ledger.epochs', p.privilege)
    UNION ALL
    SELECT 'may create objects in the schema ledger', rolname::text FROM lesser
        WHERE has_schema_privilege(oid, 'ledger', 'CREATE')
    UNION ALL
    SELECT 'trigger missing or not enabled always', e.name
        FROM expected_triggers AS e
        WHERE NOT EXISTS (
            SELECT FROM pg_trigger AS t JOIN events AS v ON t.tgrelid = v.oid
            WHERE t.tgname = e.name AND t.tgenabled = 'A' AND NOT t.tgisinternal)
    UNION ALL
    SELECT 'unknown trigger on ledger.events', t.tgname::text
        FROM pg_trigger AS t JOIN events AS v ON t.tgrelid = v.oid
        WHERE NOT t.tgisinternal AND t.tgname NOT IN (SELECT name FROM expected_triggers)
    UNION ALL
    SELECT 'rule on ledger.events', r.rulename::text FROM pg_rewrite AS r JOIN events AS v ON r.ev_class = v.oid
    UNION ALL
    SELECT 'ledger.events is not logged', 'relpersistence ' || relpersistence::text FROM events WHERE relpersistence <> 'p'
    UNION ALL
    -- A function that runs with the owner's rights is a door; these are the ones that were made with care.
    SELECT 'unknown function with the rights of the owner', p.oid::regprocedure::text
        FROM pg_proc AS p
        WHERE p.prosecdef AND (p.proowner IN (SELECT oid FROM owners) OR p.proowner IN (SELECT oid FROM pg_roles WHERE rolsuper))
            AND has_function_privilege(session_user, p.oid, 'EXECUTE')
            AND NOT (p.pronamespace = 'ledger'::regnamespace AND p.proname IN (
                'append', 'create', 'put_payload', 'put_annotations', 'forget', 'renew_lease', 'end_lease',
                'bury_instances', 'end_stalled_appenders'))
    UNION ALL
    SELECT 'function without a fixed search_path', p.oid::regprocedure::text
        FROM pg_proc AS p
        WHERE p.pronamespace = 'ledger'::regnamespace AND p.prosecdef
            AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
$$;

RESET ROLE;

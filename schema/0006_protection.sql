-- Says from the catalogue by which ways the role that logged in could write events past ledger.append. No row: by none.
-- It looks at the login (session_user), because whoever can SET ROLE can also RESET it.

SET LOCAL ROLE llmgateway_owner;

CREATE FUNCTION ledger.protection() RETURNS TABLE (finding text, detail text)
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
                'end_stalled_appenders'))
    UNION ALL
    SELECT 'function without a fixed search_path', p.oid::regprocedure::text
        FROM pg_proc AS p
        WHERE p.pronamespace = 'ledger'::regnamespace AND p.prosecdef
            AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
$$;

RESET ROLE;

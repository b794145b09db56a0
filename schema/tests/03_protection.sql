-- Nobody but append writes events, and protection() sees whoever could.
CREATE FUNCTION pg_temp.state_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN '00000';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;

DO $$
DECLARE
    who text;
    what text;
BEGIN
    FOREACH who IN ARRAY ARRAY[
        'llmgateway_service', 'llmgateway_projector', 'llmgateway_analyst', 'llmgateway_owner', session_user
    ] LOOP
        -- The superuser's triggers fire even so.
        PERFORM set_config('session_replication_role', 'replica', true) WHERE who = session_user;
        EXECUTE format('SET LOCAL ROLE %I', who);
        FOREACH what IN ARRAY ARRAY[
            'INSERT INTO ledger.events SELECT * FROM ledger.events LIMIT 1',
            'UPDATE ledger.events SET data = data WHERE position = 1',
            'DELETE FROM ledger.events WHERE position = 1',
            'TRUNCATE ledger.events'
        ] LOOP
            ASSERT pg_temp.state_of(what) = '42501', format('%s as %s: %s', what, who, pg_temp.state_of(what));
        END LOOP;
        IF who NOT IN ('llmgateway_owner', session_user) THEN
            ASSERT pg_temp.state_of('INSERT INTO ledger.epochs VALUES (gen_random_uuid(), 1)') = '42501', who;
            ASSERT pg_temp.state_of('CREATE TABLE ledger.mine ()') = '42501', who;
        END IF;
        IF who IN ('llmgateway_projector', 'llmgateway_analyst') THEN
            ASSERT pg_temp.state_of('SELECT ledger.create(gen_random_uuid())') = '42501', who;
            ASSERT pg_temp.state_of('SELECT FROM ledger.payloads') = '42501', who;
            ASSERT pg_temp.state_of('SELECT FROM ledger.annotations') = '42501', who;
        END IF;
        RESET ROLE;
    END LOOP;
    PERFORM set_config('session_replication_role', 'origin', true);
END
$$;

-- Each way in is found while it is open, and only then.
CREATE FUNCTION pg_temp.findings() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    SET SESSION AUTHORIZATION llmgateway_service;
    SELECT string_agg(finding || ': ' || detail, ', ' ORDER BY finding, detail) INTO found FROM ledger.protection();
    RESET SESSION AUTHORIZATION;
    RETURN coalesce(found, '');
END
$$;

DO $$
DECLARE
    way record;
    found text;
BEGIN
    ASSERT pg_temp.findings() = '', pg_temp.findings();
    -- Roles belong to the cluster, so every change is undone with its block.
    FOR way IN SELECT * FROM (VALUES
        ('GRANT INSERT ON ledger.events TO llmgateway_service', 'holds INSERT on ledger.events: llmgateway_service'),
        ('GRANT UPDATE (data) ON ledger.events TO PUBLIC', 'holds UPDATE on a column of ledger.events: llmgateway_service'),
        ('GRANT TRUNCATE ON ledger.events TO PUBLIC', 'holds TRUNCATE on ledger.events: llmgateway_service'),
        ('GRANT pg_write_all_data TO llmgateway_service', 'holds DELETE on ledger.events: llmgateway_service'),
        ('GRANT llmgateway_owner TO llmgateway_service', 'member of the owner: llmgateway_owner'),
        ('ALTER ROLE llmgateway_service SUPERUSER', 'superuser: llmgateway_service'),
        ('ALTER ROLE llmgateway_service CREATEROLE', 'may create roles, and so join the owner: llmgateway_service'),
        ('ALTER ROLE llmgateway_owner LOGIN', 'the owner can log in: llmgateway_owner'),
        ('GRANT pg_execute_server_program TO llmgateway_service', 'may change files of the server: pg_execute_server_program'),
        ('GRANT CREATE ON SCHEMA ledger TO llmgateway_service', 'may create objects in the schema ledger: llmgateway_service'),
        ('ALTER TABLE ledger.events DISABLE TRIGGER events_appended_only',
            'trigger missing or not enabled always: events_appended_only'),
        ('ALTER TABLE ledger.events ENABLE TRIGGER events_immutable', 'trigger missing or not enabled always: events_immutable'),
        ('DROP TRIGGER events_not_truncated ON ledger.events', 'trigger missing or not enabled always: events_not_truncated'),
        ('CREATE TRIGGER other BEFORE INSERT ON ledger.events FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
            'unknown trigger on ledger.events: other'),
        ('CREATE RULE other AS ON INSERT TO ledger.events DO ALSO NOTHING', 'rule on ledger.events: other'),
        ('CREATE FUNCTION public.door() RETURNS integer LANGUAGE sql SECURITY DEFINER AS ''SELECT 1''',
            'unknown function with the rights of the owner: public.door()'),
        ('ALTER FUNCTION ledger.create(uuid) RESET search_path', 'function without a fixed search_path: ledger."create"(uuid)')
    ) AS w (statement, finding) LOOP
        BEGIN
            EXECUTE way.statement;
            found := pg_temp.findings();
            ASSERT strpos(found, way.finding) > 0, format('%s: found "%s"', way.statement, found);
            RAISE EXCEPTION USING ERRCODE = 'LG000';
        EXCEPTION WHEN SQLSTATE 'LG000' THEN
            NULL;
        END;
    END LOOP;
    ASSERT pg_temp.findings() = '', pg_temp.findings();
END
$$;

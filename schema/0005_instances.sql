-- The gateways that are alive, by the database's clock, and the watchdog over those that stall while they append.

SET LOCAL ROLE llmgateway_owner;

CREATE TABLE ledger.leases (
    instance    uuid        NOT NULL,
    started_at  timestamptz NOT NULL,
    renewed_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    CONSTRAINT leases_pkey PRIMARY KEY (instance)
);

CREATE VIEW ledger.instances AS
    SELECT
        instance AS id,
        started_at,
        renewed_at,
        ended_at IS NOT NULL OR renewed_at < clock_timestamp() - interval '60 seconds' AS dead
    FROM ledger.leases;

-- Takes or renews the lease of an instance and answers with the time of it. The dead stay dead: recovery may have begun to
-- abandon what such an instance authorized, so it gets null and has to go on under a new id.
CREATE FUNCTION ledger.renew_lease(instance uuid) RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO ledger.leases AS l (instance, started_at, renewed_at)
        VALUES ($1, clock_timestamp(), clock_timestamp())
        ON CONFLICT ON CONSTRAINT leases_pkey DO UPDATE SET renewed_at = greatest(l.renewed_at, clock_timestamp())
            WHERE l.ended_at IS NULL AND l.renewed_at >= clock_timestamp() - interval '60 seconds'
        RETURNING renewed_at
$$;

-- Ends the lease of an instance that has settled everything and stops, so that nobody waits for it.
CREATE FUNCTION ledger.end_lease(instance uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE ledger.leases AS l SET ended_at = clock_timestamp() WHERE l.instance = $1 AND l.ended_at IS NULL
$$;

-- Ends every session of this database that holds the append lock and has sat waiting for its client for 2 seconds: its client
-- stalled in mid-append, and nobody else can append meanwhile. To be called once a second. Answers with what it found; `ended`
-- is false where it was not allowed to (a superuser's session, called by somebody else).
--
-- A session that is idle in its transaction says since when. One that waits within a statement's messages (the Sync has not
-- come) does not, so it is watched for half a second and must not have moved.
CREATE FUNCTION ledger.end_stalled_appenders()
RETURNS TABLE (pid integer, login name, application text, state text, stalled interval, ended boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lock_key constant bigint := ledger.append_lock_key();
    patience constant interval := interval '2 seconds';
    holder record;
    seen integer;
BEGIN
    FOR holder IN
        SELECT a.pid, a.usename, a.application_name, a.state, a.state_change, a.query_start,
            clock_timestamp() - a.state_change AS stalled
        FROM pg_locks AS l
        JOIN pg_stat_activity AS a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
            AND l.classid = (lock_key >> 32)::oid AND l.objid = (lock_key & 4294967295)::oid
            AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
            AND a.wait_event = 'ClientRead' AND a.state_change < clock_timestamp() - patience
            AND a.pid <> pg_backend_pid()
    LOOP
        seen := 0;
        WHILE holder.state = 'active' AND seen < 10 LOOP
            PERFORM pg_sleep(0.05);
            PERFORM pg_stat_clear_snapshot();
            EXIT WHEN NOT EXISTS (
                SELECT FROM pg_stat_activity AS a
                WHERE a.pid = holder.pid AND a.wait_event = 'ClientRead' AND a.state = 'active'
                    AND a.state_change = holder.state_change AND a.query_start = holder.query_start);
            seen := seen + 1;
        END LOOP;
        CONTINUE WHEN holder.state = 'active' AND seen < 10;
        pid := holder.pid;
        login := holder.usename;
        application := holder.application_name;
        state := holder.state;
        stalled := holder.stalled;
        BEGIN
            ended := pg_terminate_backend(holder.pid);
        EXCEPTION WHEN insufficient_privilege THEN
            ended := false;
        END;
        RETURN NEXT;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION ledger.renew_lease(uuid), ledger.end_lease(uuid), ledger.end_stalled_appenders() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.renew_lease(uuid), ledger.end_lease(uuid), ledger.end_stalled_appenders() TO llmgateway_service;
GRANT SELECT ON ledger.leases, ledger.instances TO llmgateway_service, llmgateway_projector;

RESET ROLE;

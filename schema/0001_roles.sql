-- Who may do what. Roles belong to the whole cluster, so every database that migrates meets the same ones: each is made
-- only if it is missing, and two databases that migrate at the same moment must not disturb each other.
--
--   llmgateway_owner      NOLOGIN  owns the schema ledger; nobody logs in as it
--   llmgateway_service    LOGIN    the gateway: EXECUTE on the ledger's functions, SELECT, nothing else
--   llmgateway_projector  LOGIN    reads the ledger; owns and writes the schemas of the projections
--   llmgateway_analyst    NOLOGIN  reads the events and everything derived; granted to people
--
-- None has a password. Where the server asks for one, an administrator sets it.

-- A lock on a shared catalogue is a lock across databases. Only a superuser may take it; without it the handlers below
-- still settle a race, by going on with the role that the other side made.
DO $$
BEGIN
    LOCK TABLE pg_catalog.pg_authid, pg_catalog.pg_auth_members IN SHARE ROW EXCLUSIVE MODE;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END
$$;

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES
            ('llmgateway_owner', 'NOLOGIN'),
            ('llmgateway_service', 'LOGIN'),
            ('llmgateway_projector', 'LOGIN'),
            ('llmgateway_analyst', 'NOLOGIN')
        ) AS role(name, login)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted.name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.login);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
    END LOOP;
END
$$;

-- The watchdog (0005) runs as the owner: it must see what other sessions wait for, and end one of them.
DO $$
DECLARE
    power text;
BEGIN
    FOREACH power IN ARRAY ARRAY['pg_read_all_stats', 'pg_signal_backend'] LOOP
        IF NOT pg_has_role('llmgateway_owner', power, 'MEMBER') THEN
            BEGIN
                EXECUTE format('GRANT %I TO llmgateway_owner', power);
            EXCEPTION WHEN unique_violation OR internal_error THEN
                NULL;
            END;
        END IF;
    END LOOP;
END
$$;

CREATE SCHEMA IF NOT EXISTS ledger AUTHORIZATION llmgateway_owner;
ALTER SCHEMA ledger OWNER TO llmgateway_owner;
REVOKE ALL ON SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO llmgateway_service, llmgateway_projector, llmgateway_analyst;

-- What is derived: the projector makes it, the service and the analysts read all of it, also what a rebuild makes later.
DO $$
BEGIN
    EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO llmgateway_projector', current_database());
END
$$;

CREATE SCHEMA IF NOT EXISTS projections AUTHORIZATION llmgateway_projector;
GRANT USAGE ON SCHEMA projections TO llmgateway_service, llmgateway_analyst;
ALTER DEFAULT PRIVILEGES FOR ROLE llmgateway_projector
    GRANT USAGE ON SCHEMAS TO llmgateway_service, llmgateway_analyst;
ALTER DEFAULT PRIVILEGES FOR ROLE llmgateway_projector
    GRANT SELECT ON TABLES TO llmgateway_service, llmgateway_analyst;

-- What is said of the database and not of what is in it. A dump of the database does not carry it (only pg_dump --create does), so that
-- it is lost where one is restored; `migrate` runs this file each time, after what is missing. Nothing happens where all is as it should be.

-- Without the right to make schemas the projector can't rebuild (0001 gave it).
DO $$
BEGIN
    IF has_database_privilege('llmgateway_projector', current_database(), 'CREATE')
        AND has_database_privilege('llmgateway_projector', current_database(), 'TEMPORARY')
    THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO llmgateway_projector', current_database());
    -- Whoever has another right on the database, but may not give these, hears no more than a warning.
    IF NOT has_database_privilege('llmgateway_projector', current_database(), 'CREATE') THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            'only its owner can GRANT CREATE, TEMPORARY ON DATABASE %I TO llmgateway_projector', current_database());
    END IF;
END
$$;

-- Why is in 0022. A value that somebody chose since stays.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_db_role_setting AS s, unnest(s.setconfig) AS setting
        WHERE s.setdatabase = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database())
            AND s.setrole = 0 AND starts_with(setting, 'backend_flush_after=')
    ) THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER DATABASE %I SET backend_flush_after = %L', current_database(), '512kB');
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'backend_flush_after = 512kB would keep vacuum from delaying appends; only the database''s owner can set it';
END
$$;

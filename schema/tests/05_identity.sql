-- People: the gateway may do everything with them, nobody else sees them, and deleting one leaves nothing of them.
SET SESSION AUTHORIZATION llmgateway_service;

DO $$
DECLARE
    person uuid := ledger.new_id();
    leftovers bigint;
BEGIN
    INSERT INTO identity.users (id, email, name) VALUES (person, 'Ada@Example.org', 'Ada');
    BEGIN
        INSERT INTO identity.users (id, email) VALUES (ledger.new_id(), 'ada@example.ORG');
        ASSERT false, 'the same mailbox was taken twice';
    EXCEPTION WHEN unique_violation THEN
        NULL;
    END;
    INSERT INTO identity.credentials (user_id, salt, hash, rounds, block_size, parallelism)
        VALUES (person, sha256('salt'), sha256('hash'), 32768, 8, 3);
    INSERT INTO identity.sessions (id, user_id, token_digest, expires_at)
        VALUES (ledger.new_id(), person, sha256('token'), now() + interval '7 days');
    INSERT INTO identity.verifications (kind, digest, user_id, expires_at)
        VALUES ('email_verification', sha256('token'), person, now()), ('password_reset', sha256('token'), person, now());
    INSERT INTO identity.passkeys (id, user_id, credential_id, public_key, counter, user_verified, multi_device, backed_up)
        VALUES (ledger.new_id(), person, 'credential', 'key', 4294967295, true, false, false);
    INSERT INTO identity.accounts (provider, subject, user_id) VALUES ('github', '1', person);
    BEGIN
        INSERT INTO identity.sessions (id, user_id, token_digest, expires_at) VALUES (ledger.new_id(), person, 'token', now());
        ASSERT false, 'a session was kept by its token, not its digest';
    EXCEPTION WHEN check_violation THEN
        NULL;
    END;

    DELETE FROM identity.users WHERE id = person;
    SELECT (SELECT count(*) FROM identity.credentials) + (SELECT count(*) FROM identity.sessions)
        + (SELECT count(*) FROM identity.verifications) + (SELECT count(*) FROM identity.passkeys)
        + (SELECT count(*) FROM identity.accounts) INTO leftovers;
    ASSERT leftovers = 0, 'something of a deleted person was left';

    -- Knowing people gives no way into the ledger.
    ASSERT NOT EXISTS (SELECT FROM ledger.protection());
    BEGIN
        CREATE TABLE identity.more (id integer);
        ASSERT false, 'the service made a table';
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;
    END;
END
$$;

RESET SESSION AUTHORIZATION;
DO $$
DECLARE
    seen text;
BEGIN
    SELECT string_agg(r.rolname || ' ' || c.relname, ', ') INTO seen
        FROM pg_class AS c CROSS JOIN pg_roles AS r
        WHERE c.relnamespace = 'identity'::regnamespace AND c.relkind = 'r'
            AND r.rolname IN ('llmgateway_projector', 'llmgateway_analyst', 'pg_monitor')
            AND (has_table_privilege(r.oid, c.oid, 'SELECT') OR has_schema_privilege(r.oid, 'identity', 'USAGE'));
    ASSERT seen IS NULL, 'people are seen by ' || seen;
END
$$;

-- The events: one gapless chain, written by ledger.append (0003) alone.

SET LOCAL ROLE llmgateway_owner;

-- The hash covers all other columns in the order in which they stand here (README.md, "The hash"): neither their order nor
-- a type may ever change.
CREATE TABLE ledger.events (
    position        bigint      NOT NULL,
    id              uuid        NOT NULL,
    stream_kind     text        COLLATE "C" NOT NULL,
    stream_id       uuid        NOT NULL,
    stream_version  bigint      NOT NULL,
    type            text        COLLATE "C" NOT NULL,
    schema_version  integer     NOT NULL,
    organization    uuid,
    data            jsonb       NOT NULL,
    metadata        jsonb       NOT NULL,
    occurred_at     timestamptz NOT NULL,
    recorded_at     timestamptz NOT NULL,
    hash            bytea       NOT NULL,
    CONSTRAINT events_position PRIMARY KEY (position),
    CONSTRAINT events_stream UNIQUE (stream_kind, stream_id, stream_version)
);

CREATE INDEX events_organization ON ledger.events (organization, position);

-- A request's retry is found by its stream and version, so its id needs no index of its own: that is most of the events.
CREATE UNIQUE INDEX events_id ON ledger.events (id) WHERE stream_kind <> 'request';

-- The newest `admission.epoch_started` of each organization; the zero uuid stands for all organizations. Derived from the
-- events, kept by ledger.append so that it can refuse an authorization of an older epoch.
CREATE TABLE ledger.epochs (
    organization  uuid   NOT NULL,
    epoch         bigint NOT NULL,
    CONSTRAINT epochs_organization PRIMARY KEY (organization)
);

CREATE INDEX epochs_epoch ON ledger.epochs (epoch);

-- The privileges already refuse; the triggers refuse the owner and a superuser's slip of the hand as well. They fire ALWAYS,
-- so session_replication_role does not silence them; who disables them shows up in ledger.protection().
CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'ledger.events is immutable: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE FUNCTION ledger.refuse_direct_insert() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stack text;
BEGIN
    GET DIAGNOSTICS stack = PG_CONTEXT;
    IF strpos(stack, 'PL/pgSQL function ledger.append(integer[],uuid[],') = 0 THEN
        RAISE EXCEPTION 'ledger.events is written by ledger.append alone: INSERT is refused'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER events_immutable BEFORE UPDATE OR DELETE ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER events_not_truncated BEFORE TRUNCATE ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER events_appended_only BEFORE INSERT ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_direct_insert();
ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_immutable;
ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_not_truncated;
ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER events_appended_only;

-- Ids as people see them: 22 digits of base 62 (0-9, A-Z, a-z), so that their order is the order of the ids.
CREATE FUNCTION ledger.base62(id uuid) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    digits constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    bytes constant bytea := uuid_send(id);
    rest numeric := 0;
    shown text := '';
BEGIN
    FOR i IN 0..15 LOOP
        rest := rest * 256 + get_byte(bytes, i);
    END LOOP;
    FOR i IN 1..22 LOOP
        shown := substr(digits, (rest % 62)::integer + 1, 1) || shown;
        rest := div(rest, 62);
    END LOOP;
    RETURN shown;
END
$$;

CREATE FUNCTION ledger.from_base62(shown text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    digits constant text := '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
    rest numeric := 0;
    bytes bytea := '\x00000000000000000000000000000000';
BEGIN
    IF shown !~ '^[0-9A-Za-z]{22}$' THEN
        RAISE EXCEPTION 'an id has 22 digits of base 62' USING ERRCODE = 'invalid_text_representation';
    END IF;
    FOR i IN 1..22 LOOP
        rest := rest * 62 + strpos(digits, substr(shown, i, 1)) - 1;
    END LOOP;
    IF rest >= 340282366920938463463374607431768211456 THEN
        RAISE EXCEPTION 'an id is below 2^128' USING ERRCODE = 'numeric_value_out_of_range';
    END IF;
    FOR i IN REVERSE 15..0 LOOP
        bytes := set_byte(bytes, i, (rest % 256)::integer);
        rest := div(rest, 256);
    END LOOP;
    RETURN encode(bytes, 'hex')::uuid;
END
$$;

-- `request/req_…`. The stream of an organization's credit has the organization's id; a kind without a prefix shows its uuid.
CREATE FUNCTION ledger.stream_name(kind text, id uuid) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT kind || '/' || CASE kind
        WHEN 'request' THEN 'req_' || ledger.base62(id)
        WHEN 'organization' THEN 'org_' || ledger.base62(id)
        WHEN 'credit' THEN 'org_' || ledger.base62(id)
        WHEN 'project' THEN 'proj_' || ledger.base62(id)
        WHEN 'api_key' THEN 'key_' || ledger.base62(id)
        ELSE id::text
    END
$$;

-- Time-ordered ids (UUIDv7) for the few events that the database itself writes.
CREATE FUNCTION ledger.new_id() RETURNS uuid
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT encode(
        set_byte(
            overlay(uuid_send(gen_random_uuid())
                PLACING substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                FROM 1 FOR 6),
            6, get_byte(uuid_send(gen_random_uuid()), 6) & 15 | 112),
        'hex')::uuid
$$;

CREATE VIEW ledger.history AS
    SELECT
        position,
        'evt_' || ledger.base62(id) AS event,
        ledger.stream_name(stream_kind, stream_id) AS stream,
        stream_version,
        type,
        schema_version,
        'org_' || ledger.base62(organization) AS organization,
        data,
        metadata,
        occurred_at,
        recorded_at,
        encode(hash, 'hex') AS hash
    FROM ledger.events;

GRANT SELECT ON ledger.events, ledger.epochs, ledger.history
    TO llmgateway_service, llmgateway_projector, llmgateway_analyst;
REVOKE ALL ON FUNCTION ledger.refuse_change(), ledger.refuse_direct_insert() FROM PUBLIC;

RESET ROLE;

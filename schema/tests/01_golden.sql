-- The golden vectors: Postgres's own record_send and sha256 against bytes that were computed apart from it.
\set golden `cat "$SCHEMA/golden.json"`
CREATE TEMPORARY TABLE golden AS SELECT :'golden'::jsonb AS document;

DO $$
DECLARE
    document jsonb := (SELECT g.document FROM golden AS g);
    chain bytea := sha256(uuid_send((document ->> 'ledger')::uuid));
    zero timestamptz := timestamptz 'epoch';
    sent bytea;
    e record;
BEGIN
    ASSERT encode(chain, 'hex') = document ->> 'previous', 'the hash before position 1';
    FOR e IN
        SELECT * FROM jsonb_to_recordset(document -> 'events') AS r (
            position bigint, id uuid, stream_kind text, stream_id uuid, stream_version bigint, type text, schema_version integer,
            organization uuid, data text, metadata text, occurred_at bigint, recorded_at bigint, leaf_bytes text, leaf text,
            hash text)
        ORDER BY r.position
    LOOP
        ASSERT e.data::jsonb::text = e.data AND e.metadata::jsonb::text = e.metadata, 'a body is not in the form of jsonb';
        sent := record_send(ROW(
            e.position, e.id, e.stream_kind, e.stream_id, e.stream_version, e.type, e.schema_version, e.organization,
            e.data::jsonb, e.metadata::jsonb, zero + e.occurred_at * interval '1 microsecond',
            zero + e.recorded_at * interval '1 microsecond'));
        chain := sha256(chain || sha256(sent));
        ASSERT encode(sent, 'hex') = e.leaf_bytes, format('bytes of the leaf at %s: %s', e.position, encode(sent, 'hex'));
        ASSERT encode(sha256(sent), 'hex') = e.leaf, format('leaf at %s', e.position);
        ASSERT encode(chain, 'hex') = e.hash, format('hash at %s', e.position);
    END LOOP;
    ASSERT e.position = 5;
END
$$;

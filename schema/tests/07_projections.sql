-- An event that only a later version understands is told from one that can't be applied.
SET SESSION AUTHORIZATION llmgateway_projector;

DO $$
BEGIN
    PERFORM projections.refuse_schema_version(7, 'credit.granted', 99);
    ASSERT false, 'an unknown event was let through';
EXCEPTION WHEN SQLSTATE 'LG001' THEN
    ASSERT SQLERRM LIKE 'event 7 is a credit.granted of schema version 99,%', SQLERRM;
END
$$;

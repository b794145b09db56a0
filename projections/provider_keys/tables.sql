CREATE TABLE keys (
    provider_key uuid PRIMARY KEY,
    organization uuid NOT NULL,
    provider text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    base_url text COLLATE "C",
    options jsonb,
    place bigint NOT NULL,
    status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
    created_by uuid,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT keys_custom CHECK ((provider = 'custom') = (name IS NOT NULL)),
    CONSTRAINT keys_custom_url CHECK (provider <> 'custom' OR base_url IS NOT NULL)
);

COMMENT ON TABLE keys IS 'Accounts of organizations at providers, deleted ones too. The credentials are not here.';
COMMENT ON COLUMN keys.provider_key IS 'Its id, shown as pkey_...';
COMMENT ON COLUMN keys.organization IS 'Whose it is; it never changes.';
COMMENT ON COLUMN keys.provider IS 'The catalogue''s id of the provider, or custom.';
COMMENT ON COLUMN keys.name IS 'What stands before the slash in the names of a custom provider''s models.';
COMMENT ON COLUMN keys.base_url IS 'Where requests go instead of the catalogue''s URL.';
COMMENT ON COLUMN keys.options IS 'What some providers need beside the credential.';
COMMENT ON COLUMN keys.place IS 'Its place among the organization''s keys of the same provider: the lowest is tried first.';
COMMENT ON COLUMN keys.status IS 'active, inactive or deleted; what is deleted stays so.';
COMMENT ON COLUMN keys.created_by IS 'Who made it.';
COMMENT ON COLUMN keys.created_at IS 'When it was made.';
COMMENT ON COLUMN keys.updated_at IS 'When it was changed last.';

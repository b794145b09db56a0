CREATE INDEX keys_organization ON keys (organization, provider, place);

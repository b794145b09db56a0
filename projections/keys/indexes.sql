CREATE INDEX keys_project ON keys (project, created_at);
CREATE INDEX keys_organization ON keys (organization, created_at);
CREATE INDEX rules_key ON rules (api_key, created_at);

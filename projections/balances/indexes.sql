CREATE INDEX projects_organization ON projects (organization);
CREATE INDEX keys_organization ON keys (organization);
CREATE INDEX keys_project ON keys (project);

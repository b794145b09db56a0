CREATE INDEX keys_organization ON keys (organization);
CREATE INDEX projects_organization ON projects (organization);
CREATE INDEX holds_organization ON holds (organization);
CREATE INDEX holds_instance ON holds (instance);

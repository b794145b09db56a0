CREATE INDEX hours_organization ON hours (organization, hour);
CREATE INDEX hours_project ON hours (project, hour);
CREATE INDEX hours_api_key ON hours (api_key, hour);

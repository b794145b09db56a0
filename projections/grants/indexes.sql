CREATE INDEX grants_organization ON grants (organization, position);
CREATE INDEX grants_expiry ON grants (expires_at) WHERE remaining > 0 AND expires_at IS NOT NULL;
CREATE INDEX grants_referred ON grants (referred) WHERE referred IS NOT NULL;

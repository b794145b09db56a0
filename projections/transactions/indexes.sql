CREATE INDEX transactions_organization ON transactions (organization, position);

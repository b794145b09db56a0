CREATE INDEX days_provider ON days (provider, day);

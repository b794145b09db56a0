CREATE INDEX failures_provider ON failures (provider, day);

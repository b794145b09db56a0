-- Nearly all events are of requests. A projection that folds none of them finds its own here, and need not read the others to
-- know that they are not for it.

SET LOCAL ROLE llmgateway_owner;

CREATE INDEX events_changes_position ON ledger.events (position) WHERE stream_kind <> 'request';

RESET ROLE;

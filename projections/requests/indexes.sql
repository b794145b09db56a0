-- None on the status or what else an outcome changes: then the row's indexes stay as they are when it comes (a HOT update).
CREATE INDEX requests_organization ON requests (organization, created_at DESC, request);
CREATE INDEX requests_api_key ON requests (api_key, created_at DESC, request);
CREATE INDEX requests_client_request_id ON requests (client_request_id) WHERE client_request_id IS NOT NULL;
CREATE INDEX denials_organization ON denials (organization, occurred_at DESC);

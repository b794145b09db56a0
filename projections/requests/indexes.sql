CREATE INDEX requests_organization ON requests (organization, created_at DESC, request);
CREATE INDEX requests_api_key ON requests (api_key, created_at DESC, request);
CREATE INDEX requests_client_request_id ON requests (client_request_id) WHERE client_request_id IS NOT NULL;
CREATE INDEX requests_running ON requests (created_at) WHERE status = 'authorized';
CREATE INDEX denials_organization ON denials (organization, occurred_at DESC);

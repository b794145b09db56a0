-- The shape of what lies within an outcome, so that one call reads it whole.
CREATE TYPE outcome_error AS (type text, code text, upstream_status integer);
CREATE TYPE bill AS (total bigint);
CREATE TYPE tokens AS (
    prompt_tokens bigint, cached_tokens bigint, cache_write_tokens bigint, completion_tokens bigint, reasoning_tokens bigint
);

CREATE TABLE requests (
    request uuid PRIMARY KEY,
    organization uuid NOT NULL,
    project uuid NOT NULL,
    api_key uuid NOT NULL,
    provider_key uuid,
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    position bigint NOT NULL,
    held bigint NOT NULL,
    price bigint,
    cost bigint,
    charged bigint,
    overrun bigint,
    duration_ms bigint,
    time_to_first_token_ms bigint,
    prompt_tokens bigint,
    cached_tokens bigint,
    cache_write_tokens bigint,
    completion_tokens bigint,
    reasoning_tokens bigint,
    http_status integer,
    upstream_status integer,
    attempts integer,
    stream boolean,
    cached boolean,
    estimated boolean,
    settled_late boolean NOT NULL,
    status text COLLATE "C" NOT NULL,
    requested_model text COLLATE "C",
    model text COLLATE "C",
    provider text COLLATE "C",
    upstream_model text COLLATE "C",
    credential text COLLATE "C",
    finish_reason text COLLATE "C",
    unified_finish_reason text COLLATE "C",
    error_type text COLLATE "C",
    error_code text COLLATE "C",
    client_request_id text COLLATE "C",
    source text COLLATE "C",
    CONSTRAINT requests_status CHECK (
        status IN ('authorized', 'completed', 'failed', 'cancelled', 'abandoned', 'voided')
    ),
    CONSTRAINT requests_outcome_is_whole CHECK (
        status IN ('authorized', 'voided')
        OR num_nulls(
            settled_at, price, cost, charged, overrun, duration_ms, prompt_tokens, cached_tokens, cache_write_tokens,
            completion_tokens, reasoning_tokens, http_status, attempts, stream, cached, estimated, requested_model, model,
            credential, unified_finish_reason) = 0
    )
) WITH (fillfactor = 70);

COMMENT ON TABLE requests IS 'One row a request that was let in. Amounts are nano-dollars (1e-9 USD).';
COMMENT ON COLUMN requests.request IS 'The request''s id; shown to clients as req_...';
COMMENT ON COLUMN requests.organization IS 'The organization that pays.';
COMMENT ON COLUMN requests.project IS 'The project.';
COMMENT ON COLUMN requests.api_key IS 'The API key.';
COMMENT ON COLUMN requests.created_at IS 'When its first event happened: the authorization, or the outcome of one that needed no hold.';
COMMENT ON COLUMN requests.settled_at IS 'When its outcome happened; empty while it runs.';
COMMENT ON COLUMN requests.position IS 'Position of its newest event in the ledger.';
COMMENT ON COLUMN requests.held IS 'The hold: the most that it could cost, nano-dollars.';
COMMENT ON COLUMN requests.price IS 'What it costs the customer by the catalogue, nano-dollars.';
COMMENT ON COLUMN requests.cost IS 'What the provider charges for it, nano-dollars.';
COMMENT ON COLUMN requests.charged IS 'What was charged, nano-dollars.';
COMMENT ON COLUMN requests.overrun IS 'Price less charge: what the house bears, nano-dollars.';
COMMENT ON COLUMN requests.duration_ms IS 'From its arrival to its end, milliseconds.';
COMMENT ON COLUMN requests.time_to_first_token_ms IS 'From its arrival to the first piece of the answer, milliseconds; empty where it is not known.';
COMMENT ON COLUMN requests.prompt_tokens IS 'Tokens of the prompt, cached ones included.';
COMMENT ON COLUMN requests.cached_tokens IS 'Of those, read from the provider''s prompt cache.';
COMMENT ON COLUMN requests.cache_write_tokens IS 'Of those, written to the provider''s prompt cache.';
COMMENT ON COLUMN requests.completion_tokens IS 'Tokens of the answer, reasoning included.';
COMMENT ON COLUMN requests.reasoning_tokens IS 'Of those, reasoning.';
COMMENT ON COLUMN requests.http_status IS 'HTTP status that the client was given; 0 where none was.';
COMMENT ON COLUMN requests.upstream_status IS 'HTTP status of the provider''s error.';
COMMENT ON COLUMN requests.attempts IS 'How many providers were tried.';
COMMENT ON COLUMN requests.stream IS 'Whether the client asked for a stream.';
COMMENT ON COLUMN requests.cached IS 'Whether the answer came from the cache.';
COMMENT ON COLUMN requests.estimated IS 'Whether the tokens are an estimate because the provider reported none.';
COMMENT ON COLUMN requests.settled_late IS 'Whether it was abandoned first and its true outcome became known later; the figures are then that outcome''s.';
COMMENT ON COLUMN requests.status IS 'authorized, then one of completed, failed, cancelled, abandoned; or voided: a hold whose authorization never came.';
COMMENT ON COLUMN requests.requested_model IS 'The model as the client wrote it.';
COMMENT ON COLUMN requests.model IS 'The catalogue''s id of the model.';
COMMENT ON COLUMN requests.provider IS 'The provider that answered; of a running request the one that is tried first.';
COMMENT ON COLUMN requests.upstream_model IS 'The provider''s own name of the model.';
COMMENT ON COLUMN requests.credential IS 'Whose provider key was used: house or organization.';
COMMENT ON COLUMN requests.provider_key IS 'Which provider key of the organization was used; NULL for the house''s.';
COMMENT ON COLUMN requests.finish_reason IS 'The provider''s own reason for the end.';
COMMENT ON COLUMN requests.unified_finish_reason IS 'The reason for the end, in the same words for all providers.';
COMMENT ON COLUMN requests.error_type IS 'Type of the error that the client was given.';
COMMENT ON COLUMN requests.error_code IS 'Code of the error that the client was given; of a voided or abandoned request the reason.';
COMMENT ON COLUMN requests.client_request_id IS 'The client''s own x-request-id. Not unique.';
COMMENT ON COLUMN requests.source IS 'Where the client said that it comes from.';

CREATE TABLE denials (
    denial uuid PRIMARY KEY,
    organization uuid NOT NULL,
    project uuid NOT NULL,
    api_key uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    count bigint NOT NULL,
    http_status integer NOT NULL,
    reason text COLLATE "C" NOT NULL,
    scope text COLLATE "C",
    model text COLLATE "C"
);

COMMENT ON TABLE denials IS 'Requests that were refused before any provider was asked: the first per key, reason and minute, then the rest of the minute.';
COMMENT ON COLUMN denials.denial IS 'The request id of the event.';
COMMENT ON COLUMN denials.organization IS 'The organization.';
COMMENT ON COLUMN denials.project IS 'The project.';
COMMENT ON COLUMN denials.api_key IS 'The API key.';
COMMENT ON COLUMN denials.occurred_at IS 'When it happened, UTC.';
COMMENT ON COLUMN denials.count IS 'How many refusals the row stands for.';
COMMENT ON COLUMN denials.http_status IS 'HTTP status that was answered.';
COMMENT ON COLUMN denials.reason IS 'Why, for example balance, key_limit or requests_per_minute.';
COMMENT ON COLUMN denials.scope IS 'organization, project or api_key, where one of them was the limit.';
COMMENT ON COLUMN denials.model IS 'The model that was asked for, where it was known.';

CREATE VIEW requests_usd AS
SELECT
    request, organization, project, api_key, created_at, settled_at, status, settled_late, requested_model, model, provider,
    upstream_model, credential, provider_key, stream, cached, estimated, http_status, upstream_status, error_type, error_code, attempts,
    finish_reason, unified_finish_reason, duration_ms, time_to_first_token_ms, prompt_tokens, cached_tokens,
    cache_write_tokens, completion_tokens, reasoning_tokens,
    held * 0.000000001 AS held,
    price * 0.000000001 AS price,
    cost * 0.000000001 AS cost,
    charged * 0.000000001 AS charged,
    overrun * 0.000000001 AS overrun,
    client_request_id, source
FROM requests;

COMMENT ON VIEW requests_usd IS 'The table requests in US dollars.';
COMMENT ON COLUMN requests_usd.request IS 'The request''s id.';
COMMENT ON COLUMN requests_usd.organization IS 'The organization that pays.';
COMMENT ON COLUMN requests_usd.project IS 'The project.';
COMMENT ON COLUMN requests_usd.api_key IS 'The API key.';
COMMENT ON COLUMN requests_usd.created_at IS 'When its first event happened.';
COMMENT ON COLUMN requests_usd.settled_at IS 'When its outcome happened; empty while it runs.';
COMMENT ON COLUMN requests_usd.status IS 'authorized, completed, failed, cancelled, abandoned or voided.';
COMMENT ON COLUMN requests_usd.settled_late IS 'Whether it was abandoned first and its true outcome became known later.';
COMMENT ON COLUMN requests_usd.requested_model IS 'The model as the client wrote it.';
COMMENT ON COLUMN requests_usd.model IS 'The catalogue''s id of the model.';
COMMENT ON COLUMN requests_usd.provider IS 'The provider that answered.';
COMMENT ON COLUMN requests_usd.upstream_model IS 'The provider''s own name of the model.';
COMMENT ON COLUMN requests_usd.credential IS 'Whose provider key was used.';
COMMENT ON COLUMN requests_usd.provider_key IS 'Which provider key of the organization was used.';
COMMENT ON COLUMN requests_usd.stream IS 'Whether the client asked for a stream.';
COMMENT ON COLUMN requests_usd.cached IS 'Whether the answer came from the cache.';
COMMENT ON COLUMN requests_usd.estimated IS 'Whether the tokens are an estimate.';
COMMENT ON COLUMN requests_usd.http_status IS 'HTTP status that the client was given.';
COMMENT ON COLUMN requests_usd.upstream_status IS 'HTTP status of the provider''s error.';
COMMENT ON COLUMN requests_usd.error_type IS 'Type of the error that the client was given.';
COMMENT ON COLUMN requests_usd.error_code IS 'Code of the error that the client was given.';
COMMENT ON COLUMN requests_usd.attempts IS 'How many providers were tried.';
COMMENT ON COLUMN requests_usd.finish_reason IS 'The provider''s own reason for the end.';
COMMENT ON COLUMN requests_usd.unified_finish_reason IS 'The reason for the end, in the same words for all providers.';
COMMENT ON COLUMN requests_usd.duration_ms IS 'Duration, milliseconds.';
COMMENT ON COLUMN requests_usd.time_to_first_token_ms IS 'Time to the first piece of the answer, milliseconds.';
COMMENT ON COLUMN requests_usd.prompt_tokens IS 'Tokens of the prompt.';
COMMENT ON COLUMN requests_usd.cached_tokens IS 'Tokens read from the provider''s prompt cache.';
COMMENT ON COLUMN requests_usd.cache_write_tokens IS 'Tokens written to the provider''s prompt cache.';
COMMENT ON COLUMN requests_usd.completion_tokens IS 'Tokens of the answer.';
COMMENT ON COLUMN requests_usd.reasoning_tokens IS 'Tokens of reasoning, part of the answer.';
COMMENT ON COLUMN requests_usd.held IS 'The hold, USD.';
COMMENT ON COLUMN requests_usd.price IS 'What it costs the customer by the catalogue, USD.';
COMMENT ON COLUMN requests_usd.cost IS 'What the provider charges for it, USD.';
COMMENT ON COLUMN requests_usd.charged IS 'What was charged, USD.';
COMMENT ON COLUMN requests_usd.overrun IS 'What the house bears, USD.';
COMMENT ON COLUMN requests_usd.client_request_id IS 'The client''s own x-request-id.';
COMMENT ON COLUMN requests_usd.source IS 'Where the client said that it comes from.';

-- A request's outcome says nearly all of it; its authorization, in this batch or in the row, only when it began and what its
-- client called it. So each is read by itself, and the two are joined. An abandonment is not its client's word.
WITH denied AS (
    INSERT INTO denials (denial, organization, project, api_key, occurred_at, count, http_status, reason, scope, model)
    SELECT b.stream_id, b.organization, d.project, d.api_key, b.occurred_at, d.count, d.status, d.reason, d.scope, d.model
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(
            project uuid, api_key uuid, count bigint, status integer, reason text, scope text, model text
        )
    WHERE b.type = 'request.denied'
),
opened AS (
    SELECT
        b.stream_id AS request, b.organization, d.project, d.api_key, b.occurred_at, b.position, d.held, d.stream,
        d.requested_model, d.model, d.provider, b.metadata ->> 'client_request_id' AS client_request_id,
        b.metadata ->> 'source' AS source
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(
            project uuid, api_key uuid, held bigint, stream boolean, requested_model text, model text, provider text
        )
    WHERE b.type = 'request.authorized'
),
ended AS (
    SELECT
        b.stream_id AS request, b.organization, d.project, d.api_key, b.occurred_at, b.position, d.held,
        CASE b.type WHEN 'request.settled_late' THEN 'abandoned' ELSE substr(b.type, length('request.') + 1) END AS outcome,
        b.type = 'request.settled_late' AS settled_late,
        (d.price).total AS price, (d.cost).total AS cost, d.charged, d.overrun, d.duration_ms, d.time_to_first_token_ms,
        (d.usage).prompt_tokens AS prompt_tokens, (d.usage).cached_tokens AS cached_tokens,
        (d.usage).cache_write_tokens AS cache_write_tokens, (d.usage).completion_tokens AS completion_tokens,
        (d.usage).reasoning_tokens AS reasoning_tokens, d.status AS http_status,
        (d.error).upstream_status AS upstream_status, jsonb_array_length(d.attempts) AS attempts, d.stream, d.cached,
        d.estimated, d.requested_model, d.model, d.provider, d.upstream_model, d.credential, d.provider_key,
        d.finish_reason,
        d.unified_finish_reason, (d.error).type AS error_type, coalesce((d.error).code, d.reason) AS error_code,
        CASE WHEN b.type <> 'request.abandoned' THEN b.metadata ->> 'client_request_id' END AS client_request_id,
        CASE WHEN b.type <> 'request.abandoned' THEN b.metadata ->> 'source' END AS source
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(
            project uuid, api_key uuid, requested_model text, model text, provider text, upstream_model text, stream boolean,
            cached boolean, estimated boolean, status integer, error outcome_error, finish_reason text,
            unified_finish_reason text, attempts jsonb, usage tokens, credential text, provider_key uuid, price bill, cost bill, held bigint,
            charged bigint, overrun bigint, duration_ms bigint, time_to_first_token_ms bigint, reason text
        )
    WHERE b.type NOT IN ('request.authorized', 'request.denied')
        -- One row a request: an abandonment that is settled in the same batch is not wanted.
        AND (b.type <> 'request.abandoned'
            OR b.stream_id NOT IN (SELECT l.stream_id FROM batch AS l WHERE l.type = 'request.settled_late'))
)
INSERT INTO requests AS t (
    request, organization, project, api_key, created_at, settled_at, position, held, settled_late, status, price, cost,
    charged, overrun, duration_ms, time_to_first_token_ms, prompt_tokens, cached_tokens, cache_write_tokens,
    completion_tokens, reasoning_tokens, http_status, upstream_status, attempts, stream, cached, estimated, requested_model,
    model, provider, upstream_model, credential, provider_key, finish_reason, unified_finish_reason, error_type, error_code,
    client_request_id, source
)
SELECT
    request, coalesce(e.organization, o.organization), coalesce(e.project, o.project), coalesce(e.api_key, o.api_key),
    coalesce(o.occurred_at, e.occurred_at), e.occurred_at, coalesce(e.position, o.position), coalesce(e.held, o.held),
    coalesce(e.settled_late, false), coalesce(e.outcome, 'authorized'),
    e.price, e.cost, e.charged, e.overrun, e.duration_ms, e.time_to_first_token_ms, e.prompt_tokens, e.cached_tokens,
    e.cache_write_tokens, e.completion_tokens, e.reasoning_tokens, e.http_status, e.upstream_status, e.attempts,
    CASE WHEN e.outcome IS NULL THEN o.stream ELSE e.stream END, e.cached, e.estimated,
    CASE WHEN e.outcome IS NULL THEN o.requested_model ELSE e.requested_model END,
    CASE WHEN e.outcome IS NULL THEN o.model ELSE e.model END,
    CASE WHEN e.outcome IS NULL THEN o.provider ELSE e.provider END, e.upstream_model, e.credential,
    e.provider_key, e.finish_reason,
    e.unified_finish_reason, e.error_type, e.error_code,
    coalesce(o.client_request_id, e.client_request_id), coalesce(o.source, e.source)
FROM opened AS o FULL JOIN ended AS e USING (request)
ORDER BY request
ON CONFLICT (request) DO UPDATE SET
    settled_at = excluded.settled_at,
    position = excluded.position,
    held = excluded.held,
    settled_late = excluded.settled_late,
    status = excluded.status,
    price = excluded.price,
    cost = excluded.cost,
    charged = excluded.charged,
    overrun = excluded.overrun,
    duration_ms = excluded.duration_ms,
    time_to_first_token_ms = excluded.time_to_first_token_ms,
    prompt_tokens = excluded.prompt_tokens,
    cached_tokens = excluded.cached_tokens,
    cache_write_tokens = excluded.cache_write_tokens,
    completion_tokens = excluded.completion_tokens,
    reasoning_tokens = excluded.reasoning_tokens,
    http_status = excluded.http_status,
    upstream_status = excluded.upstream_status,
    attempts = excluded.attempts,
    stream = excluded.stream,
    cached = excluded.cached,
    estimated = excluded.estimated,
    requested_model = excluded.requested_model,
    model = excluded.model,
    provider = excluded.provider,
    upstream_model = excluded.upstream_model,
    credential = excluded.credential,
    provider_key = excluded.provider_key,
    finish_reason = excluded.finish_reason,
    unified_finish_reason = excluded.unified_finish_reason,
    error_type = excluded.error_type,
    error_code = excluded.error_code,
    client_request_id = coalesce(t.client_request_id, excluded.client_request_id),
    source = coalesce(t.source, excluded.source);

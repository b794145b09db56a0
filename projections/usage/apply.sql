-- An outcome that lacks a figure must stop the projection and not count as zero, as an aggregate would count its NULL: its
-- group's number of requests becomes NULL then, which the table refuses, as it refuses bills that do not add up.
WITH groups AS MATERIALIZED (
    SELECT
        date_bin('1 hour', b.occurred_at, '2000-01-01 00:00:00+00') AS hour,
        b.organization, d.project, d.api_key, coalesce(d.provider, '') AS provider, coalesce(d.model, '') AS model,
        CASE
            WHEN bool_and(CASE b.type
                WHEN 'request.denied' THEN d.count IS NOT NULL
                ELSE num_nulls(
                    d.stream, d.cached, d.estimated, d.charged, d.overrun, d.duration_ms, (d.usage).prompt_tokens,
                    (d.usage).cached_tokens, (d.usage).cache_write_tokens, (d.usage).completion_tokens,
                    (d.usage).reasoning_tokens, (d.price).total, (d.price).lines, (d.cost).total, (d.cost).lines) = 0
            END)
                THEN count(*) FILTER (WHERE b.type NOT IN ('request.denied', 'request.settled_late'))
        END AS requests,
        count(*) FILTER (WHERE b.type = 'request.failed') AS errors,
        count(*) FILTER (WHERE b.type = 'request.cancelled') AS cancelled,
        count(*) FILTER (WHERE b.type = 'request.abandoned') AS abandoned,
        count(*) FILTER (WHERE b.type = 'request.settled_late') AS settled_late,
        coalesce(sum(d.count) FILTER (WHERE b.type = 'request.denied'), 0)::bigint AS denied,
        count(*) FILTER (WHERE d.cached AND b.type <> 'request.settled_late') AS cache_hits,
        count(*) FILTER (WHERE d.stream AND b.type <> 'request.settled_late') AS streamed,
        count(*) FILTER (WHERE d.estimated AND b.type <> 'request.settled_late') AS estimated,
        coalesce(sum((d.usage).prompt_tokens), 0)::bigint AS prompt_tokens,
        coalesce(sum((d.usage).cached_tokens), 0)::bigint AS cached_tokens,
        coalesce(sum((d.usage).cache_write_tokens), 0)::bigint AS cache_write_tokens,
        coalesce(sum((d.usage).completion_tokens), 0)::bigint AS completion_tokens,
        coalesce(sum((d.usage).reasoning_tokens), 0)::bigint AS reasoning_tokens,
        coalesce(sum(d.duration_ms), 0)::bigint AS duration_ms,
        coalesce(sum(d.charged), 0)::bigint AS charged,
        coalesce(sum(d.overrun), 0)::bigint AS overrun,
        coalesce(sum((d.price).total), 0)::bigint AS price,
        coalesce(sum((d.cost).total), 0)::bigint AS cost,
        array_agg(d.price) AS prices,
        array_agg(d.cost) AS costs
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(
            project uuid, api_key uuid, provider text, model text, stream boolean, cached boolean, estimated boolean,
            charged bigint, overrun bigint, duration_ms bigint, count bigint, usage tokens, price bill, cost bill
        )
    GROUP BY 1, 2, 3, 4, 5, 6
)
INSERT INTO hours AS t (
    hour, organization, project, api_key, provider, model, requests, errors, cancelled, abandoned, settled_late, denied,
    cache_hits, streamed, estimated, prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens, reasoning_tokens,
    duration_ms, charged, overrun, price, price_input, price_cached_input, price_cache_write, price_output, price_reasoning,
    price_request, price_image, price_other, cost, cost_input, cost_cached_input, cost_cache_write, cost_output,
    cost_reasoning, cost_request, cost_image, cost_other
)
SELECT
    g.hour, g.organization, g.project, g.api_key, g.provider, g.model, g.requests, g.errors, g.cancelled, g.abandoned,
    g.settled_late, g.denied, g.cache_hits, g.streamed, g.estimated, g.prompt_tokens, g.cached_tokens, g.cache_write_tokens,
    g.completion_tokens, g.reasoning_tokens, g.duration_ms, g.charged, g.overrun, g.price,
    c.price_input, c.price_cached_input, c.price_cache_write, c.price_output, c.price_reasoning, c.price_request,
    c.price_image, c.price_other, g.cost, c.cost_input, c.cost_cached_input, c.cost_cache_write, c.cost_output,
    c.cost_reasoning, c.cost_request, c.cost_image, c.cost_other
FROM groups AS g,
    -- A price line and the cost line beside it nearly always name the same component, so that they are taken apart as pairs.
    LATERAL (
        SELECT
            coalesce(sum(l.price) FILTER (WHERE l.priced = 'input'), 0)::bigint AS price_input,
            coalesce(sum(l.price) FILTER (WHERE l.priced = 'cached_input'), 0)::bigint AS price_cached_input,
            coalesce(sum(l.price) FILTER (WHERE l.priced = 'cache_write'), 0)::bigint AS price_cache_write,
            coalesce(sum(l.price) FILTER (WHERE l.priced = 'output'), 0)::bigint AS price_output,
            coalesce(sum(l.price) FILTER (WHERE l.priced = 'reasoning'), 0)::bigint AS price_reasoning,
            coalesce(sum(l.price) FILTER (WHERE l.priced = 'request'), 0)::bigint AS price_request,
            coalesce(sum(l.price) FILTER (WHERE l.priced IN ('image', 'image_input')), 0)::bigint AS price_image,
            coalesce(sum(l.price) FILTER (WHERE l.priced NOT IN (
                'input', 'cached_input', 'cache_write', 'output', 'reasoning', 'request', 'image',
                'image_input')), 0)::bigint AS price_other,
            coalesce(sum(l.cost) FILTER (WHERE l.costed = 'input'), 0)::bigint AS cost_input,
            coalesce(sum(l.cost) FILTER (WHERE l.costed = 'cached_input'), 0)::bigint AS cost_cached_input,
            coalesce(sum(l.cost) FILTER (WHERE l.costed = 'cache_write'), 0)::bigint AS cost_cache_write,
            coalesce(sum(l.cost) FILTER (WHERE l.costed = 'output'), 0)::bigint AS cost_output,
            coalesce(sum(l.cost) FILTER (WHERE l.costed = 'reasoning'), 0)::bigint AS cost_reasoning,
            coalesce(sum(l.cost) FILTER (WHERE l.costed = 'request'), 0)::bigint AS cost_request,
            coalesce(sum(l.cost) FILTER (WHERE l.costed IN ('image', 'image_input')), 0)::bigint AS cost_image,
            coalesce(sum(l.cost) FILTER (WHERE l.costed NOT IN (
                'input', 'cached_input', 'cache_write', 'output', 'reasoning', 'request', 'image',
                'image_input')), 0)::bigint AS cost_other
        FROM ROWS FROM (unnest(g.prices), unnest(g.costs)) AS b(price_total, price_lines, cost_total, cost_lines),
            ROWS FROM (unnest(b.price_lines), unnest(b.cost_lines)) AS l(priced, price, costed, cost)
    ) AS c
ORDER BY g.hour, g.organization, g.project, g.api_key, g.provider, g.model
ON CONFLICT (hour, organization, project, api_key, provider, model) DO UPDATE SET
    requests = t.requests + excluded.requests,
    errors = t.errors + excluded.errors,
    cancelled = t.cancelled + excluded.cancelled,
    abandoned = t.abandoned + excluded.abandoned,
    settled_late = t.settled_late + excluded.settled_late,
    denied = t.denied + excluded.denied,
    cache_hits = t.cache_hits + excluded.cache_hits,
    streamed = t.streamed + excluded.streamed,
    estimated = t.estimated + excluded.estimated,
    prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
    cached_tokens = t.cached_tokens + excluded.cached_tokens,
    cache_write_tokens = t.cache_write_tokens + excluded.cache_write_tokens,
    completion_tokens = t.completion_tokens + excluded.completion_tokens,
    reasoning_tokens = t.reasoning_tokens + excluded.reasoning_tokens,
    duration_ms = t.duration_ms + excluded.duration_ms,
    charged = t.charged + excluded.charged,
    overrun = t.overrun + excluded.overrun,
    price = t.price + excluded.price,
    price_input = t.price_input + excluded.price_input,
    price_cached_input = t.price_cached_input + excluded.price_cached_input,
    price_cache_write = t.price_cache_write + excluded.price_cache_write,
    price_output = t.price_output + excluded.price_output,
    price_reasoning = t.price_reasoning + excluded.price_reasoning,
    price_request = t.price_request + excluded.price_request,
    price_image = t.price_image + excluded.price_image,
    price_other = t.price_other + excluded.price_other,
    cost = t.cost + excluded.cost,
    cost_input = t.cost_input + excluded.cost_input,
    cost_cached_input = t.cost_cached_input + excluded.cost_cached_input,
    cost_cache_write = t.cost_cache_write + excluded.cost_cache_write,
    cost_output = t.cost_output + excluded.cost_output,
    cost_reasoning = t.cost_reasoning + excluded.cost_reasoning,
    cost_request = t.cost_request + excluded.cost_request,
    cost_image = t.cost_image + excluded.cost_image,
    cost_other = t.cost_other + excluded.cost_other;

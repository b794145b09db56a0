-- An outcome that lacks a figure must stop the projection and not count as zero, as an aggregate would count its NULL: its
-- group's number of requests becomes NULL then, which the table refuses, as it refuses bills that do not add up.
WITH groups AS MATERIALIZED (
    SELECT
        row_number() OVER () AS n,
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
    GROUP BY 2, 3, 4, 5, 6, 7
),
-- A price line and the cost line beside it nearly always name the same component, so that summing them as pairs halves the
-- work; the pairs are taken apart below.
pairs AS MATERIALIZED (
    SELECT g.n, l.priced, l.costed, sum(l.price) AS price, sum(l.cost) AS cost
    FROM groups AS g,
        ROWS FROM (unnest(g.prices), unnest(g.costs)) AS b(price_total, price_lines, cost_total, cost_lines),
        ROWS FROM (unnest(b.price_lines), unnest(b.cost_lines)) AS l(priced, price, costed, cost)
    GROUP BY g.n, l.priced, l.costed
),
price_components AS (
    SELECT
        n,
        sum(price) FILTER (WHERE priced = 'input') AS price_input,
        sum(price) FILTER (WHERE priced = 'cached_input') AS price_cached_input,
        sum(price) FILTER (WHERE priced = 'cache_write') AS price_cache_write,
        sum(price) FILTER (WHERE priced = 'output') AS price_output,
        sum(price) FILTER (WHERE priced = 'reasoning') AS price_reasoning,
        sum(price) FILTER (WHERE priced = 'request') AS price_request,
        sum(price) FILTER (WHERE priced = 'image') AS price_image,
        sum(price) FILTER (WHERE priced NOT IN ('input', 'cached_input', 'cache_write', 'output', 'reasoning', 'request', 'image'))
            AS price_other
    FROM pairs
    GROUP BY n
),
cost_components AS (
    SELECT
        n,
        sum(cost) FILTER (WHERE costed = 'input') AS cost_input,
        sum(cost) FILTER (WHERE costed = 'cached_input') AS cost_cached_input,
        sum(cost) FILTER (WHERE costed = 'cache_write') AS cost_cache_write,
        sum(cost) FILTER (WHERE costed = 'output') AS cost_output,
        sum(cost) FILTER (WHERE costed = 'reasoning') AS cost_reasoning,
        sum(cost) FILTER (WHERE costed = 'request') AS cost_request,
        sum(cost) FILTER (WHERE costed = 'image') AS cost_image,
        sum(cost) FILTER (WHERE costed NOT IN ('input', 'cached_input', 'cache_write', 'output', 'reasoning', 'request', 'image'))
            AS cost_other
    FROM pairs
    GROUP BY n
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
    coalesce(p.price_input, 0)::bigint, coalesce(p.price_cached_input, 0)::bigint, coalesce(p.price_cache_write, 0)::bigint,
    coalesce(p.price_output, 0)::bigint, coalesce(p.price_reasoning, 0)::bigint, coalesce(p.price_request, 0)::bigint,
    coalesce(p.price_image, 0)::bigint, coalesce(p.price_other, 0)::bigint, g.cost, coalesce(c.cost_input, 0)::bigint,
    coalesce(c.cost_cached_input, 0)::bigint, coalesce(c.cost_cache_write, 0)::bigint, coalesce(c.cost_output, 0)::bigint,
    coalesce(c.cost_reasoning, 0)::bigint, coalesce(c.cost_request, 0)::bigint, coalesce(c.cost_image, 0)::bigint,
    coalesce(c.cost_other, 0)::bigint
FROM groups AS g
LEFT JOIN price_components AS p USING (n)
LEFT JOIN cost_components AS c USING (n)
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

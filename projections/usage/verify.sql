-- The batch is here the whole history up to the checkpoint.
SELECT 'all: ' || figure AS problem, expected, found
FROM (
    SELECT
        v.figure, sum(v.amount) AS expected
    FROM batch AS b,
        LATERAL (
            VALUES
            ('requests', CASE WHEN b.type NOT IN ('request.denied', 'request.settled_late') THEN 1 END::numeric),
            ('errors', CASE b.type WHEN 'request.failed' THEN 1 END),
            ('denied', CASE b.type WHEN 'request.denied' THEN (b.data ->> 'count')::numeric END),
            ('charged', (b.data ->> 'charged')::numeric),
            ('price', (b.data -> 'price' ->> 'total')::numeric),
            ('cost', (b.data -> 'cost' ->> 'total')::numeric),
            ('prompt_tokens', (b.data -> 'usage' ->> 'prompt_tokens')::numeric),
            ('completion_tokens', (b.data -> 'usage' ->> 'completion_tokens')::numeric)
        ) AS v(figure, amount)
    GROUP BY v.figure
) AS f
FULL JOIN (
    SELECT v.figure, sum(v.amount) AS found
    FROM hours AS h,
        LATERAL (
            VALUES
            ('requests', h.requests), ('errors', h.errors), ('denied', h.denied), ('charged', h.charged), ('price', h.price),
            ('cost', h.cost), ('prompt_tokens', h.prompt_tokens), ('completion_tokens', h.completion_tokens)
        ) AS v(figure, amount)
    GROUP BY v.figure
) AS t USING (figure)
WHERE coalesce(f.expected, 0) <> coalesce(t.found, 0)
UNION ALL
SELECT 'all: price or cost of component ' || component, expected, found
FROM (
    SELECT l ->> 'component' AS component, sum((l ->> 'amount')::numeric) AS expected
    FROM batch AS b,
        LATERAL (VALUES (b.data -> 'price' -> 'lines'), (b.data -> 'cost' -> 'lines')) AS v(lines),
        LATERAL jsonb_array_elements(v.lines) AS l
    GROUP BY 1
) AS f
FULL JOIN (
    SELECT v.component, sum(v.amount) AS found
    FROM hours AS h,
        LATERAL (
            VALUES
            ('input', h.price_input + h.cost_input),
            ('cached_input', h.price_cached_input + h.cost_cached_input),
            ('cache_write', h.price_cache_write + h.cost_cache_write),
            ('output', h.price_output + h.cost_output),
            ('reasoning', h.price_reasoning + h.cost_reasoning),
            ('request', h.price_request + h.cost_request),
            ('image', h.price_image + h.cost_image)
        ) AS v(component, amount)
    GROUP BY 1
) AS t USING (component)
WHERE component IN ('input', 'cached_input', 'cache_write', 'output', 'reasoning', 'request', 'image')
    AND coalesce(expected, 0) <> coalesce(found, 0);

-- The batch is here the whole history up to the checkpoint.
SELECT 'all: ' || figure AS problem, expected, found
FROM (
    SELECT v.figure, v.amount AS expected
    FROM (
        SELECT
            count(*) FILTER (WHERE b.type NOT IN ('request.denied', 'request.settled_late')) AS requests,
            count(*) FILTER (WHERE b.type = 'request.failed') AS errors,
            sum(d.count) FILTER (WHERE b.type = 'request.denied') AS denied,
            sum(d.charged) AS charged,
            sum((d.price ->> 'total')::numeric) AS price,
            sum((d.cost ->> 'total')::numeric) AS cost,
            sum((d.usage ->> 'prompt_tokens')::numeric) AS prompt_tokens,
            sum((d.usage ->> 'completion_tokens')::numeric) AS completion_tokens
        FROM batch AS b,
            LATERAL jsonb_to_record(b.data) AS d(count numeric, charged numeric, price jsonb, cost jsonb, usage jsonb)
    ) AS s,
        LATERAL (
            VALUES
            ('requests', s.requests), ('errors', s.errors), ('denied', s.denied), ('charged', s.charged), ('price', s.price),
            ('cost', s.cost), ('prompt_tokens', s.prompt_tokens), ('completion_tokens', s.completion_tokens)
        ) AS v(figure, amount)
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
    SELECT CASE l.component WHEN 'image_input' THEN 'image' ELSE l.component END AS component, sum(l.amount) AS expected
    FROM batch AS b,
        LATERAL jsonb_to_record(b.data) AS d(price jsonb, cost jsonb),
        LATERAL jsonb_to_recordset((d.price -> 'lines') || (d.cost -> 'lines')) AS l(component text, amount numeric)
    WHERE b.type <> 'request.denied'
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

-- The shape of the bills in the events, so that one call reads an outcome whole.
CREATE TYPE bill_line AS (component text, amount bigint);
CREATE TYPE bill AS (total bigint, lines bill_line[]);
CREATE TYPE tokens AS (
    prompt_tokens bigint, cached_tokens bigint, cache_write_tokens bigint, completion_tokens bigint, reasoning_tokens bigint
);

CREATE TABLE hours (
    hour timestamptz NOT NULL,
    organization uuid NOT NULL,
    project uuid NOT NULL,
    api_key uuid NOT NULL,
    provider text COLLATE "C" NOT NULL,
    model text COLLATE "C" NOT NULL,
    requests bigint NOT NULL,
    errors bigint NOT NULL,
    cancelled bigint NOT NULL,
    abandoned bigint NOT NULL,
    settled_late bigint NOT NULL,
    denied bigint NOT NULL,
    cache_hits bigint NOT NULL,
    streamed bigint NOT NULL,
    estimated bigint NOT NULL,
    prompt_tokens bigint NOT NULL,
    cached_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    duration_ms bigint NOT NULL,
    charged bigint NOT NULL,
    overrun bigint NOT NULL,
    price bigint NOT NULL,
    price_input bigint NOT NULL,
    price_cached_input bigint NOT NULL,
    price_cache_write bigint NOT NULL,
    price_output bigint NOT NULL,
    price_reasoning bigint NOT NULL,
    price_request bigint NOT NULL,
    price_image bigint NOT NULL,
    price_other bigint NOT NULL,
    cost bigint NOT NULL,
    cost_input bigint NOT NULL,
    cost_cached_input bigint NOT NULL,
    cost_cache_write bigint NOT NULL,
    cost_output bigint NOT NULL,
    cost_reasoning bigint NOT NULL,
    cost_request bigint NOT NULL,
    cost_image bigint NOT NULL,
    cost_other bigint NOT NULL,
    PRIMARY KEY (hour, organization, project, api_key, provider, model),
    CONSTRAINT hours_price_is_charged_or_overrun CHECK (price = charged + overrun),
    CONSTRAINT hours_price_is_its_components CHECK (
        price = price_input + price_cached_input + price_cache_write + price_output + price_reasoning
            + price_request + price_image + price_other
    ),
    CONSTRAINT hours_cost_is_its_components CHECK (
        cost = cost_input + cost_cached_input + cost_cache_write + cost_output + cost_reasoning
            + cost_request + cost_image + cost_other
    )
) WITH (fillfactor = 70);

COMMENT ON TABLE hours IS 'Use by hour (UTC), organization, project, key, provider and model. Amounts are nano-dollars (1e-9 USD).';
COMMENT ON COLUMN hours.hour IS 'Start of the hour in which the outcome (or the denial) happened, UTC.';
COMMENT ON COLUMN hours.organization IS 'The organization.';
COMMENT ON COLUMN hours.project IS 'The project.';
COMMENT ON COLUMN hours.api_key IS 'The API key.';
COMMENT ON COLUMN hours.provider IS 'The provider that answered; empty where none was asked.';
COMMENT ON COLUMN hours.model IS 'The catalogue model that answered; empty where none was chosen.';
COMMENT ON COLUMN hours.requests IS 'Requests that ended in this hour: completed, failed, cancelled and abandoned ones. Denied ones are apart.';
COMMENT ON COLUMN hours.errors IS 'Of those, the ones that failed.';
COMMENT ON COLUMN hours.cancelled IS 'Of those, the ones whose client went away.';
COMMENT ON COLUMN hours.abandoned IS 'Of those, the ones whose gateway died before their outcome was known.';
COMMENT ON COLUMN hours.settled_late IS 'Outcomes of abandoned requests that became known in this hour; not counted in requests again.';
COMMENT ON COLUMN hours.denied IS 'Requests that were refused before any provider was asked (limits, balance, states).';
COMMENT ON COLUMN hours.cache_hits IS 'Of the requests, the ones answered from the cache.';
COMMENT ON COLUMN hours.streamed IS 'Of the requests, the ones answered as a stream.';
COMMENT ON COLUMN hours.estimated IS 'Of the requests, the ones whose tokens are an estimate because the provider reported none.';
COMMENT ON COLUMN hours.prompt_tokens IS 'Tokens of the prompts, cached ones included.';
COMMENT ON COLUMN hours.cached_tokens IS 'Of those, tokens read from the provider''s prompt cache.';
COMMENT ON COLUMN hours.cache_write_tokens IS 'Of those, tokens written to the provider''s prompt cache.';
COMMENT ON COLUMN hours.completion_tokens IS 'Tokens of the answers, reasoning included.';
COMMENT ON COLUMN hours.reasoning_tokens IS 'Of those, tokens of reasoning.';
COMMENT ON COLUMN hours.duration_ms IS 'Sum of the durations of the requests, milliseconds.';
COMMENT ON COLUMN hours.charged IS 'What was charged, nano-dollars: price less overrun.';
COMMENT ON COLUMN hours.overrun IS 'What the price was above the hold and the house bore, nano-dollars.';
COMMENT ON COLUMN hours.price IS 'What the requests cost the customer by the catalogue, nano-dollars.';
COMMENT ON COLUMN hours.price_input IS 'Of the price: prompt tokens, nano-dollars.';
COMMENT ON COLUMN hours.price_cached_input IS 'Of the price: prompt tokens read from the provider''s cache, nano-dollars.';
COMMENT ON COLUMN hours.price_cache_write IS 'Of the price: tokens written to the provider''s cache, nano-dollars.';
COMMENT ON COLUMN hours.price_output IS 'Of the price: tokens of the answers, nano-dollars.';
COMMENT ON COLUMN hours.price_reasoning IS 'Of the price: tokens of reasoning, only where they are priced apart, nano-dollars.';
COMMENT ON COLUMN hours.price_request IS 'Of the price: the request itself, nano-dollars.';
COMMENT ON COLUMN hours.price_image IS 'Of the price: images, nano-dollars.';
COMMENT ON COLUMN hours.price_other IS 'Of the price: every other component, nano-dollars.';
COMMENT ON COLUMN hours.cost IS 'What the providers charge for them, nano-dollars.';
COMMENT ON COLUMN hours.cost_input IS 'Of the cost: prompt tokens, nano-dollars.';
COMMENT ON COLUMN hours.cost_cached_input IS 'Of the cost: prompt tokens read from the provider''s cache, nano-dollars.';
COMMENT ON COLUMN hours.cost_cache_write IS 'Of the cost: tokens written to the provider''s cache, nano-dollars.';
COMMENT ON COLUMN hours.cost_output IS 'Of the cost: tokens of the answers, nano-dollars.';
COMMENT ON COLUMN hours.cost_reasoning IS 'Of the cost: tokens of reasoning, only where they are priced apart, nano-dollars.';
COMMENT ON COLUMN hours.cost_request IS 'Of the cost: the request itself, nano-dollars.';
COMMENT ON COLUMN hours.cost_image IS 'Of the cost: images, nano-dollars.';
COMMENT ON COLUMN hours.cost_other IS 'Of the cost: every other component, nano-dollars.';

CREATE VIEW hours_usd AS
SELECT
    hour, organization, project, api_key, provider, model, requests, errors, cancelled, abandoned, settled_late, denied,
    cache_hits, streamed, estimated, prompt_tokens, cached_tokens, cache_write_tokens, completion_tokens, reasoning_tokens,
    duration_ms,
    charged * 0.000000001 AS charged,
    overrun * 0.000000001 AS overrun,
    price * 0.000000001 AS price,
    price_input * 0.000000001 AS price_input,
    price_cached_input * 0.000000001 AS price_cached_input,
    price_cache_write * 0.000000001 AS price_cache_write,
    price_output * 0.000000001 AS price_output,
    price_reasoning * 0.000000001 AS price_reasoning,
    price_request * 0.000000001 AS price_request,
    price_image * 0.000000001 AS price_image,
    price_other * 0.000000001 AS price_other,
    cost * 0.000000001 AS cost,
    cost_input * 0.000000001 AS cost_input,
    cost_cached_input * 0.000000001 AS cost_cached_input,
    cost_cache_write * 0.000000001 AS cost_cache_write,
    cost_output * 0.000000001 AS cost_output,
    cost_reasoning * 0.000000001 AS cost_reasoning,
    cost_request * 0.000000001 AS cost_request,
    cost_image * 0.000000001 AS cost_image,
    cost_other * 0.000000001 AS cost_other
FROM hours;

COMMENT ON VIEW hours_usd IS 'The table hours in US dollars.';
COMMENT ON COLUMN hours_usd.hour IS 'Start of the hour in which the outcome (or the denial) happened, UTC.';
COMMENT ON COLUMN hours_usd.organization IS 'The organization.';
COMMENT ON COLUMN hours_usd.project IS 'The project.';
COMMENT ON COLUMN hours_usd.api_key IS 'The API key.';
COMMENT ON COLUMN hours_usd.provider IS 'The provider that answered; empty where none was asked.';
COMMENT ON COLUMN hours_usd.model IS 'The catalogue model that answered; empty where none was chosen.';
COMMENT ON COLUMN hours_usd.requests IS 'Requests that ended in this hour: completed, failed, cancelled and abandoned ones. Denied ones are apart.';
COMMENT ON COLUMN hours_usd.errors IS 'Of those, the ones that failed.';
COMMENT ON COLUMN hours_usd.cancelled IS 'Of those, the ones whose client went away.';
COMMENT ON COLUMN hours_usd.abandoned IS 'Of those, the ones whose gateway died before their outcome was known.';
COMMENT ON COLUMN hours_usd.settled_late IS 'Outcomes of abandoned requests that became known in this hour; not counted in requests again.';
COMMENT ON COLUMN hours_usd.denied IS 'Requests that were refused before any provider was asked (limits, balance, states).';
COMMENT ON COLUMN hours_usd.cache_hits IS 'Of the requests, the ones answered from the cache.';
COMMENT ON COLUMN hours_usd.streamed IS 'Of the requests, the ones answered as a stream.';
COMMENT ON COLUMN hours_usd.estimated IS 'Of the requests, the ones whose tokens are an estimate because the provider reported none.';
COMMENT ON COLUMN hours_usd.prompt_tokens IS 'Tokens of the prompts, cached ones included.';
COMMENT ON COLUMN hours_usd.cached_tokens IS 'Of those, tokens read from the provider''s prompt cache.';
COMMENT ON COLUMN hours_usd.cache_write_tokens IS 'Of those, tokens written to the provider''s prompt cache.';
COMMENT ON COLUMN hours_usd.completion_tokens IS 'Tokens of the answers, reasoning included.';
COMMENT ON COLUMN hours_usd.reasoning_tokens IS 'Of those, tokens of reasoning.';
COMMENT ON COLUMN hours_usd.duration_ms IS 'Sum of the durations of the requests, milliseconds.';
COMMENT ON COLUMN hours_usd.charged IS 'What was charged, USD: price less overrun.';
COMMENT ON COLUMN hours_usd.overrun IS 'What the price was above the hold and the house bore, USD.';
COMMENT ON COLUMN hours_usd.price IS 'What the requests cost the customer by the catalogue, USD.';
COMMENT ON COLUMN hours_usd.price_input IS 'Of the price: prompt tokens, USD.';
COMMENT ON COLUMN hours_usd.price_cached_input IS 'Of the price: prompt tokens read from the provider''s cache, USD.';
COMMENT ON COLUMN hours_usd.price_cache_write IS 'Of the price: tokens written to the provider''s cache, USD.';
COMMENT ON COLUMN hours_usd.price_output IS 'Of the price: tokens of the answers, USD.';
COMMENT ON COLUMN hours_usd.price_reasoning IS 'Of the price: tokens of reasoning, only where they are priced apart, USD.';
COMMENT ON COLUMN hours_usd.price_request IS 'Of the price: the request itself, USD.';
COMMENT ON COLUMN hours_usd.price_image IS 'Of the price: images, USD.';
COMMENT ON COLUMN hours_usd.price_other IS 'Of the price: every other component, USD.';
COMMENT ON COLUMN hours_usd.cost IS 'What the providers charge for them, USD.';
COMMENT ON COLUMN hours_usd.cost_input IS 'Of the cost: prompt tokens, USD.';
COMMENT ON COLUMN hours_usd.cost_cached_input IS 'Of the cost: prompt tokens read from the provider''s cache, USD.';
COMMENT ON COLUMN hours_usd.cost_cache_write IS 'Of the cost: tokens written to the provider''s cache, USD.';
COMMENT ON COLUMN hours_usd.cost_output IS 'Of the cost: tokens of the answers, USD.';
COMMENT ON COLUMN hours_usd.cost_reasoning IS 'Of the cost: tokens of reasoning, only where they are priced apart, USD.';
COMMENT ON COLUMN hours_usd.cost_request IS 'Of the cost: the request itself, USD.';
COMMENT ON COLUMN hours_usd.cost_image IS 'Of the cost: images, USD.';
COMMENT ON COLUMN hours_usd.cost_other IS 'Of the cost: every other component, USD.';

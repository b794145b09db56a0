-- What can't be right is refused by a constraint: the event's organization is parked.

INSERT INTO keys (
    provider_key, organization, provider, name, base_url, options, place, status, created_by, created_at, updated_at)
SELECT
    b.stream_id, b.organization, d.provider, d.name, d.base_url, d.options, d.place, coalesce(d.status, 'active'), d.created_by,
    b.occurred_at, b.occurred_at
FROM batch AS b,
    LATERAL jsonb_to_record(b.data) AS d(
        provider text, name text, base_url text, options jsonb, place bigint, status text, created_by uuid)
WHERE b.type = 'provider_key.created';

-- The newest value of each field of a batch wins, but for a deletion, which nothing undoes. Newest is by position: clocks step
-- back, and the greatest time of a batch would depend on where it ends.
UPDATE keys AS k SET
    status = CASE WHEN k.status = 'deleted' OR c.is_deleted THEN 'deleted' ELSE coalesce(c.status[1], k.status) END,
    place = coalesce(c.place[1], k.place),
    updated_at = c.updated_at
FROM (
    SELECT
        stream_id AS provider_key,
        (array_agg(occurred_at ORDER BY position DESC))[1] AS updated_at,
        bool_or(type = 'provider_key.deleted') AS is_deleted,
        array_agg(data ->> 'status' ORDER BY position DESC) FILTER (WHERE data ? 'status') AS status,
        array_agg((data ->> 'place')::bigint ORDER BY position DESC) FILTER (WHERE data ? 'place') AS place
    FROM batch
    WHERE type IN ('provider_key.updated', 'provider_key.deleted')
    GROUP BY stream_id
) AS c
WHERE c.provider_key = k.provider_key;

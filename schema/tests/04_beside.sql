-- Payloads, annotations, retention, leases. As the service, with its rights alone.
SET SESSION AUTHORIZATION llmgateway_service;

DO $$
DECLARE
    request uuid := ledger.new_id();
    foreign_id uuid := 'ffffffff-ffff-7fff-8fff-ffffffffffff';
    yesterday uuid := encode(overlay(uuid_send(ledger.new_id()) PLACING substring(int8send(
        floor(extract(epoch FROM clock_timestamp() - interval '1 day') * 1000)::bigint) FROM 3) FROM 1 FOR 6), 'hex')::uuid;
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    renewed timestamptz;
BEGIN
    ASSERT ledger.put_payload(request, 'prompt', sha256('key'), 'body') = today;
    ASSERT ledger.put_payload(request, 'prompt', sha256('other key'), 'other body') = today;
    ASSERT ledger.put_payload(request, 'completion', sha256('key'), 'body') = today;
    ASSERT ledger.put_payload(yesterday, 'prompt', sha256('key'), 'body') = today - 1;
    ASSERT ledger.put_payload(foreign_id, 'webhook', sha256('key'), 'body') = today;
    ASSERT (SELECT count(*) = 4 AND count(*) FILTER (WHERE body = 'body') = 4 FROM ledger.payloads);
    BEGIN
        PERFORM ledger.put_payload(request, 'short key', 'key', 'body');
        ASSERT false, 'a short key was taken';
    EXCEPTION WHEN check_violation THEN
        NULL;
    END;

    PERFORM ledger.put_annotations(ARRAY[request, request, yesterday], ARRAY['client', 'user', 'client'],
        ARRAY['{"address": "::1"}', '{}', '{}']::jsonb[]);
    PERFORM ledger.put_annotations(ARRAY[request], ARRAY['client'], ARRAY['{"address": "changed"}']::jsonb[]);
    ASSERT (SELECT string_agg(a.body::text, ', ' ORDER BY a.day, a.kind) FROM ledger.annotations AS a)
        = '{}, {"address": "::1"}, {}';

    ASSERT NOT EXISTS (SELECT FROM ledger.forget(1, 1));
    ASSERT (SELECT array_agg(f.partition) FROM ledger.forget(0, 1) AS f)
        = ARRAY['payloads_' || to_char(today - 1, 'YYYYMMDD')];
    ASSERT (SELECT count(*) FROM ledger.payloads) = 3 AND (SELECT count(*) FROM ledger.annotations) = 3;
    ASSERT ledger.put_payload(yesterday, 'prompt', sha256('key'), 'body') = today - 1, 'a forgotten day can come again';

    renewed := ledger.renew_lease(request);
    ASSERT renewed IS NOT NULL AND NOT (SELECT i.dead FROM ledger.instances AS i WHERE i.id = request);
    ASSERT ledger.renew_lease(request) >= renewed;
    PERFORM ledger.end_lease(request);
    ASSERT (SELECT i.dead FROM ledger.instances AS i WHERE i.id = request);
    ASSERT ledger.renew_lease(request) IS NULL, 'a lease that ended came back';
    ASSERT ledger.renew_lease(yesterday) IS NOT NULL;
    PERFORM set_config('test.instance', yesterday::text, false);
END
$$;

-- An instance whose lease ran out comes back while nobody has buried it.
RESET SESSION AUTHORIZATION;
UPDATE ledger.leases SET renewed_at = renewed_at - interval '61 seconds' WHERE instance = current_setting('test.instance')::uuid;
SET SESSION AUTHORIZATION llmgateway_service;
DO $$
DECLARE
    undertaker uuid := ledger.new_id();
BEGIN
    ASSERT NOT ledger.bury_instances(undertaker), 'one without a lease buried';
    ASSERT ledger.renew_lease(undertaker) IS NOT NULL;
    ASSERT NOT ledger.bury_instances(undertaker), 'one that began a moment ago buried';
    ASSERT NOT (SELECT i.dead FROM ledger.instances AS i WHERE i.id = current_setting('test.instance')::uuid);
    ASSERT ledger.renew_lease(current_setting('test.instance')::uuid) IS NOT NULL, 'an instance that was not buried is dead';
    PERFORM set_config('test.undertaker', undertaker::text, false);
END
$$;

-- The buried stay dead.
RESET SESSION AUTHORIZATION;
UPDATE ledger.leases SET renewed_at = renewed_at - interval '61 seconds' WHERE instance = current_setting('test.instance')::uuid;
UPDATE ledger.leases SET steady_since = steady_since - interval '61 seconds'
    WHERE instance = current_setting('test.undertaker')::uuid;
SET SESSION AUTHORIZATION llmgateway_service;
DO $$
BEGIN
    ASSERT ledger.bury_instances(current_setting('test.undertaker')::uuid);
    ASSERT (SELECT i.dead FROM ledger.instances AS i WHERE i.id = current_setting('test.instance')::uuid);
    ASSERT NOT (SELECT i.dead FROM ledger.instances AS i WHERE i.id = current_setting('test.undertaker')::uuid);
    ASSERT ledger.renew_lease(current_setting('test.instance')::uuid) IS NULL, 'a buried instance came back';
    ASSERT NOT ledger.bury_instances(current_setting('test.instance')::uuid), 'a buried instance buried';
END
$$;

-- After a break, of the database or of its clock, nobody buries before all have had the time to renew.
RESET SESSION AUTHORIZATION;
UPDATE ledger.leases SET renewed_at = renewed_at - interval '10 minutes', steady_since = steady_since - interval '10 minutes';
SET SESSION AUTHORIZATION llmgateway_service;
DO $$
BEGIN
    ASSERT NOT ledger.bury_instances(current_setting('test.undertaker')::uuid), 'one whose own lease ran out buried';
    ASSERT ledger.renew_lease(current_setting('test.undertaker')::uuid) IS NOT NULL;
    ASSERT NOT ledger.bury_instances(current_setting('test.undertaker')::uuid), 'one buried right after a break';
END
$$;
-- Nor after a clock that was set back has been set right again.
RESET SESSION AUTHORIZATION;
UPDATE ledger.leases SET renewed_at = renewed_at + interval '1 hour', steady_since = steady_since - interval '61 seconds';
SET SESSION AUTHORIZATION llmgateway_service;
DO $$
BEGIN
    ASSERT NOT ledger.bury_instances(current_setting('test.undertaker')::uuid), 'one whose lease is of the future buried';
    ASSERT ledger.renew_lease(current_setting('test.undertaker')::uuid) < clock_timestamp() + interval '1 minute';
    ASSERT NOT ledger.bury_instances(current_setting('test.undertaker')::uuid), 'one buried right after the clock was set';
    BEGIN
        UPDATE ledger.leases SET buried_at = NULL;
        ASSERT false, 'the service changed leases by itself';
    EXCEPTION WHEN insufficient_privilege THEN
        NULL;
    END;
END
$$;

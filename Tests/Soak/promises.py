"""The promises of the product, asked of a ledger, its read models and Redis. Each function gives what is wrong, as texts."""

import json

# What the mock's answers cost at the prices of the catalogue: 21 tokens at $1 and 64 at $2 a million, in nano-dollars.
WHOLE = 21 * 1_000 + 64 * 2_000
OUTCOMES = ("request.completed", "request.failed", "request.cancelled", "request.abandoned")


def outcomes(postgres, notes):
    """Each request has an authorization and one outcome; each that was answered was completed, once, and paid what it costs."""
    wrong = []
    streams = {}
    for stream, version, kind, charged in postgres.sql(
            "SELECT stream, stream_version, type, coalesce(data ->> 'charged', '0') FROM ledger.history"
            " WHERE stream LIKE 'request/%' AND type <> 'request.denied' ORDER BY position"):
        streams.setdefault(stream.removeprefix("request/"), []).append((int(version), kind, int(charged)))
    for request, events in streams.items():
        kinds = [kind for _, kind, _ in events]
        if [version for version, _, _ in events] != list(range(1, len(events) + 1)):
            wrong.append(f"{request} has versions {events}")
        if kinds[0] == "request.authorized":
            if len(kinds) < 2 or kinds[1] not in OUTCOMES or kinds[2:] not in ([], ["request.settled_late"]):
                wrong.append(f"{request} has events {kinds}")
            if len(kinds) == 3 and kinds[1] != "request.abandoned":
                wrong.append(f"{request} was settled twice: {kinds}")
    for request in notes.answered:
        events = streams.get(request, [])
        kinds = [kind for _, kind, _ in events]
        if kinds not in (
                ["request.authorized", "request.completed"],
                ["request.authorized", "request.abandoned", "request.settled_late"]):
            wrong.append(f"{request} was answered and has {kinds}")
        elif sum(charged for _, _, charged in events) != WHOLE:
            wrong.append(f"{request} was answered and paid {[charged for _, _, charged in events]}")
    for request in notes.begun:
        if request not in streams:
            wrong.append(f"{request} was begun and is not in the ledger")
    wrong += [f"{request} was given twice" for request in notes.twice]
    late = sum(1 for events in streams.values() if len(events) == 3)
    abandoned = sum(1 for events in streams.values() if len(events) > 1 and events[1][1] == "request.abandoned")
    return wrong, {"requests": len(streams), "abandoned": abandoned, "settled late": late}


# An outcome that came so much later than it was made lay in a spool meanwhile, microseconds.
SPOOLED = 1_000_000


def limits(postgres, limits):
    """No organization, project or key was at any time charged and held for more than it had.

    An outcome that is fsynced in a spool is durable: from then on its charge counts, and its hold no more, although it is in the
    ledger only later.

    - limits: (name, id, nano-dollars or None) where None is an organization's credit, which grows.
    """
    points, held = [], {}
    for row in postgres.sql(
            "SELECT position, stream, type, organization, 'proj_' || ledger.base62((data ->> 'project')::uuid),"
            " 'key_' || ledger.base62((data ->> 'api_key')::uuid), coalesce(data ->> 'held', '0'),"
            " coalesce(data ->> 'charged', '0'), coalesce(data ->> 'amount', '0'),"
            " (extract(epoch FROM occurred_at) * 1000000)::bigint, (extract(epoch FROM recorded_at) * 1000000)::bigint"
            " FROM ledger.history WHERE stream LIKE 'request/%' OR stream LIKE 'credit/%' ORDER BY position"):
        position, stream, kind, organization, project, key = row[:6]
        amount_held, charged, amount, occurred, recorded = map(int, row[6:])
        if kind in ("request.denied", "request.voided"):
            continue
        time, scopes, change = recorded, (organization, project, key), -amount
        if kind == "request.authorized":
            held[stream] = (scopes, amount_held)
            change = amount_held
        elif stream.startswith("request/"):
            scopes, before = held.pop(stream, (scopes, 0))
            change = charged - before
            time = occurred if recorded - occurred > SPOOLED and kind != "request.settled_late" else recorded
        points.append((time, int(position), kind, scopes, change))
    wrong, used, credit, greatest = [], {}, {}, {}
    bound = {identity: amount for _, identity, amount in limits}
    for _, position, kind, scopes, change in sorted(points):
        if kind.startswith("credit."):
            credit[scopes[0]] = credit.get(scopes[0], 0) - change
            continue
        for scope in set(scopes) & set(bound):
            used[scope] = used.get(scope, 0) + change
            greatest[scope] = max(greatest.get(scope, 0), used[scope])
            limit = bound[scope] if bound[scope] is not None else credit.get(scope, 0)
            # A late settlement is the truth about the past, and may come when the money is gone; nobody is let in by it.
            if used[scope] > limit and change > 0 and kind != "request.settled_late":
                wrong.append(f"{scope} had {limit} and used {used[scope]} at {position}")
    return wrong, greatest


def holds(postgres, redis):
    """Nothing is held for a request that is over, in Postgres or in Redis."""
    wrong = [f"Postgres holds for {row}" for row in postgres.sql("SELECT request FROM admission.holds")]
    for key in redis.call("--scan", "--pattern", "*:holds"):
        if fields := redis.call("HKEYS", key):
            wrong.append(f"Redis holds {len(fields)} in {key}")
    return wrong


def balances(postgres, redis):
    """The read model, the fold of the events here, and what Redis says is available are one figure."""
    wrong, figures = [], {}
    for organization, ledger in postgres.sql(
            "SELECT organization, sum(CASE WHEN stream_kind = 'credit' THEN (data ->> 'amount')::numeric"
            " ELSE -coalesce((data ->> 'charged')::numeric, 0) END) FROM ledger.events"
            " WHERE organization IS NOT NULL AND stream_kind IN ('credit', 'request') GROUP BY organization"):
        figures[organization] = ledger
    for organization, balance in postgres.sql("SELECT organization, balance FROM balances.organizations"):
        if figures.get(organization, "0") != balance:
            wrong.append(f"{organization}: the ledger gives {figures.get(organization)}, the read model {balance}")
    for organization, balance in figures.items():
        state = redis.call("HGET", f"{{{organization}}}:state", "o:a")
        if state and state[0] and state[0] != balance:
            wrong.append(f"{organization}: the ledger gives {balance}, Redis {state[0]}")
        if not state or not state[0]:
            wrong.append(f"{organization}: Redis does not know it")
    return wrong, figures


def ledger(run):
    """The chain holds, and each read model is what a replay gives. `run` runs a subcommand and gives its end."""
    wrong = []
    verified = run("ledger", "verify", "--json")
    if verified.returncode:
        wrong.append(f"verify: {verified.stdout}{verified.stderr}")
    names = [projection["name"] for projection in json.loads(run("projections", "list", "--json").stdout)]
    for name in names:
        compared = run("projections", "compare", name)
        if compared.returncode:
            wrong.append(f"{name} differs from its replay: {compared.stdout[-500:]}{compared.stderr[-500:]}")
    return wrong, names

"""What IAM rules cost: a key with 20 rules beside one without, of the same project, in turn."""

import json
import os
import statistics
import subprocess
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Of the catalogue that comes with the gateway: a rule names no others.
OTHERS = ("openai", "anthropic", "mistral", "xai")
RULES = (
    [("allow_models", {"models": [f"other-{n}", "mock"]}) for n in range(4)]
    + [("allow_providers", {"providers": [other, "mock"]}) for other in OTHERS]
    + [("deny_models", {"models": [f"other-{n}"]}) for n in range(4)]
    + [("deny_providers", {"providers": [other]}) for other in OTHERS[:3]]
    + [("allow_pricing", {"maxInputPrice": "1"}), ("deny_pricing", {"pricingType": "free"})]
    + [("allow_ip_cidrs", {"ipCidrs": ["10.0.0.0/8", "127.0.0.0/8"]}), ("deny_ip_cidrs", {"ipCidrs": ["192.0.2.0/24"]}),
       ("deny_ip_cidrs", {"ipCidrs": ["198.51.100.0/24"]})]
)


def rules(count):
    """The first so many rules; beyond the twenty come denials of other models."""
    return RULES[:count] + [("deny_models", {"models": [f"more-{n}"]}) for n in range(count - len(RULES))]


def keys(base, counts=(0, 20, 100)):
    """The tokens of keys by how many rules they have, whose requests are all let in."""

    def send(path, body, token=None):
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(base + path, json.dumps(body).encode(), headers)
        return json.load(urllib.request.urlopen(request, timeout=30))

    account = {"email": "bench@example.org", "password": "correct horse battery", "name": "Bench"}
    session = send("/auth/sign-up/email", account)["token"]
    organization = send("/orgs", {"name": "Rules"}, session)["organization"]["id"]
    subprocess.run(
        [ROOT + "/tools/llmgateway", "credits", "grant", "--organization", organization, "--amount", "1000000", "--kind", "paid"],
        check=True, capture_output=True)
    project = send("/projects", {"name": "P", "organizationId": organization, "mode": "credits"}, session)["project"]["id"]
    found = {}
    for count in counts:
        key = send("/keys/api", {"description": "k", "projectId": project, "usageLimit": None}, session)["apiKey"]
        found[count] = key["token"]
        for kind, value in rules(count):
            send(f"/keys/api/{key['id']}/iam", {"ruleType": kind, "ruleValue": value}, session)
    return found


def ratio(plain, ruled, measure, turns=int(os.environ.get("BENCH_TURNS") or 3)):
    """Requests a second with 20 rules over those without: medians of measurements in turn."""
    assert len(RULES) == 20
    found = {plain: [], ruled: []}
    for turn in range(turns):
        for key in (plain, ruled) if turn % 2 else (ruled, plain):
            result = measure(key)
            assert not result.get("non2xx"), result
            found[key].append(result["rps"])
    return statistics.median(found[ruled]), statistics.median(found[ruled]) / statistics.median(found[plain])

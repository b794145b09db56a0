"""A catalogue file that changes while a gateway runs, and while it does not.

Arguments: a key's token, the file, and what to do: `before` a restart or `after` it.
"""

import json
import os
import subprocess
import sys
import time

import httpx
import openai

token, path, part = sys.argv[1:]
urls = [os.environ["GATEWAY_URL"]] + os.environ.get("OTHER_URL", "").split()
MODEL, STEADY = "tuned", "steady"


def write(text):
    """As editors do it: a new file in the place of the old."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def catalogue(price):
    """With a model whose price never changes while a gateway runs."""
    return json.dumps({"models": [{"id": model, "name": "Tuned", "family": "echo", "mappings": [{
        "provider": "echo", "model": "echo", "prices": {"input": cost, "output": "0"}, "context_size": 128000,
        "max_output": 4096, "streaming": True}]} for model, cost in ((MODEL, price), (STEADY, "900"))]})


def listed(url):
    found = [m for m in httpx.get(url + "/v1/models", timeout=30).json()["data"] if m["id"] == MODEL]
    return found[0]["pricing"]["prompt"] if found else None


def until(check, what, seconds=30):
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def charged():
    client = openai.OpenAI(api_key=token, base_url=urls[0] + "/v1")
    answer = client.chat.completions.create(
        model=MODEL, max_tokens=5, messages=[{"role": "user", "content": "one two three four five six seven"}])
    return answer.usage.model_extra["cost"], answer.usage.prompt_tokens


def recorded(kind="price_changed"):
    done = subprocess.run(
        [os.environ["LLMGATEWAY_EXECUTABLE"], "ledger", "events", "--type", "catalogue." + kind, "--json"],
        capture_output=True, text=True, check=True)
    return [json.loads(line)["data"] for line in done.stdout.splitlines()]


def first_prices():
    """What everything cost when it was first seen, each thing once, in few events."""
    events = recorded("priced")
    mappings = [mapping for event in events for mapping in event["mappings"]]
    names = {(mapping["model"], mapping["provider"], mapping["upstream_model"]) for mapping in mappings}
    assert len(names) == len(mappings) > 500 and len(events) < 20, (len(names), len(mappings), len(events))
    return {mapping["model"]: mapping["prices"]["prices.input"] for mapping in mappings if mapping["provider"] == "echo"}


if part == "before":
    assert listed(urls[0]) is None
    # A model that was not there is served without a restart; it is no change of a price.
    write(catalogue("1000"))
    for url in urls:
        until(lambda: listed(url) is not None, "the new model")
    first, tokens = charged()
    assert abs(first - tokens * 0.001) < 1e-9, (first, tokens)
    assert recorded() == []
    # Another price: for the next request, at every gateway, and one event.
    price = listed(urls[0])
    write(catalogue("2000"))
    for url in urls:
        until(lambda: listed(url) != price, "the new price")
    second, _ = charged()
    assert abs(second - 2 * first) < 1e-9, (first, second)
    until(lambda: len(recorded()) == 1, "the event")
    # What can't be used changes nothing, and what can be used again does.
    price = listed(urls[0])
    write("{")
    time.sleep(5)
    assert listed(urls[0]) == price and charged()[0] == second
    write(catalogue("3000"))
    for url in urls:
        until(lambda: listed(url) != price, "the price after the mistake")
    until(lambda: len(recorded()) == 2, "the second event")
    time.sleep(3)
    changes = recorded()
    assert [(c["previous"]["prices.input"], c["prices"]["prices.input"]) for c in changes] == [("1000", "2000"), ("2000", "3000")]
    assert all(c["model"] == MODEL and c["provider"] == "echo" for c in changes) and len(changes) == 2, changes
    # For the restart.
    write(catalogue("500"))
    for url in urls:
        until(lambda: len(recorded()) == 3, "the third event")
    first = first_prices()
    assert (first[MODEL], first[STEADY]) == ("1000", "900"), first
else:
    until(lambda: len(recorded()) == 5, "what changed while nothing ran")
    # Whether it had changed before or not.
    changes = {c["model"]: (c["previous"]["prices.input"], c["prices"]["prices.input"]) for c in recorded()[3:]}
    assert changes == {MODEL: ("500", "700"), STEADY: ("900", "950")}, changes
    time.sleep(3)
    assert len(recorded()) == 5 and first_prices()[MODEL] == "1000"
print("catalogue: passed", part)

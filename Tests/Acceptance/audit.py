"""An auditor's day, over a ledger with a long random history: the programs of others accept the books, the balances are
recomputed from the export alone, an event is proved by a seal alone, and a replay gives the same state twice.

Argument: a folder to work in. Environment: what the operator's commands need.
"""

import json
import os
import subprocess
import sys
from decimal import Decimal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from recompute import leaf
from recompute_seals import path_root, statement as signed

FOLDER = sys.argv[1]
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*arguments, status=0):
    done = subprocess.run([os.environ["LLMGATEWAY_EXECUTABLE"], *arguments], capture_output=True, text=True)
    assert done.returncode == status, (arguments, done.returncode, done.stderr[-2000:])
    return done.stdout


def saved(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


# Plain-text accounting of others takes the books, and every assertion in them holds.
books = saved("books.beancount", run("ledger", "export", "--format", "beancount"))
checked = subprocess.run([os.path.join(os.path.dirname(sys.executable), "bean-check"), books], capture_output=True, text=True)
assert checked.returncode == 0, checked.stderr[:2000]
with open(books, encoding="utf-8") as file:
    lines = file.read().splitlines()
assert sum(" balance " in line for line in lines) > 20
# An amount that is changed is found: by the transaction that is off balance, or by an assertion.
first = next(index for index, line in enumerate(lines) if line.startswith("    "))
account, amount, currency = lines[first].split()
changed = lines[:first] + [f"    {account}  {Decimal(amount) + Decimal('0.000000001')} {currency}"] + lines[first + 1:]
wrong = subprocess.run(
    [os.path.join(os.path.dirname(sys.executable), "bean-check"), saved("wrong.beancount", "\n".join(changed))],
    capture_output=True, text=True)
assert wrong.returncode != 0

# The chain and every balance, from the export alone, by a program that shares nothing with ours.
export = saved("ledger.jsonl", run("ledger", "export"))
balances = os.path.join(FOLDER, "balances.json")
printed = subprocess.run(
    [sys.executable, os.path.join(HERE, "recompute.py"), export, balances], capture_output=True, text=True, check=True)
count, chain = printed.stdout.split()
assert lines[0].split()[-1].rstrip(".") == chain, (lines[0], chain)
with open(balances, encoding="utf-8") as file:
    recomputed = json.load(file)
assert len(recomputed) > 50
totals = {account["account"]: Decimal(account["balance"]) for account in json.loads(run("journal", "--totals", "--json"))["accounts"]}
assert sum(totals.values()) == 0
assert -totals["customer_credits"] == Decimal(sum(recomputed.values())).scaleb(-9), totals
for organization, nano in list(recomputed.items())[:12]:
    balance = json.loads(run("balance", "--organization", organization, "--json"))["balance"]
    assert Decimal(balance) == Decimal(nano).scaleb(-9), (organization, balance, nano)

# A statement of the whole time ends at the same balance, in each form.
organization, nano = max(recomputed.items(), key=lambda item: abs(item[1]))
statement = json.loads(run("statement", "--organization", organization, "--json"))
assert Decimal(statement["closing"]) == Decimal(nano).scaleb(-9) and Decimal(statement["opening"]) == 0
assert sum(Decimal(movement["amount"]) for movement in statement["movements"]) == Decimal(nano).scaleb(-9)
rows = run("statement", "--organization", organization, "--csv").splitlines()
assert len(rows) == len(statement["movements"]) + 1 and Decimal(rows[-1].split(",")[-1]) == Decimal(nano).scaleb(-9)
text = run("statement", "--organization", organization).splitlines()
assert text[0].startswith("opening 0 USD") and len(text) == len(rows) + 1
middle = statement["movements"][len(statement["movements"]) // 2]
half = json.loads(run("statement", "--organization", organization, "--to", middle["recordedAt"], "--json"))
rest = json.loads(run("statement", "--organization", organization, "--from", middle["recordedAt"], "--json"))
assert half["closing"] == rest["opening"] == middle["balance"]
assert half["movements"] + rest["movements"] == statement["movements"]
for view in (["--at", middle["recordedAt"]], ["--position", str(middle["position"])]):
    assert json.loads(run("balance", "--organization", organization, *view, "--json"))["balance"] == middle["balance"]
assert run("balance", "--organization", organization, "--csv").splitlines()[0] == "organization,credited,charged,balance,position"
for wrong in (["--at", "yesterday"], ["--position", "-1"], ["--at", middle["recordedAt"], "--position", "1"]):
    run("balance", "--organization", organization, *wrong, status=64)
postings = run("ledger", "export", "--format", "csv").splitlines()
assert len(postings) - 1 == sum(line.startswith("    ") for line in lines)

# An event is under a seal: shown by the seal, its key and the event's own text.
run("ledger", "seal")
proof = json.loads(run("ledger", "proof", "--event", "777", "--json"))
seal, event = proof["seal"], proof["event"]
assert event["position"] == 777 and leaf(event).hex() == proof["leaf"]
path = [bytes.fromhex(part) for part in proof["path"]]
assert path_root(proof["index"], proof["count"], leaf(event), path).hex() == seal["root"]
with open(os.path.join(os.environ["LLMGATEWAY_HOME"], "seal-key.pub"), encoding="utf-8") as file:
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(file.read().strip()))
key.verify(bytes.fromhex(seal["signature"]), signed(seal))
forged = dict(event, stream_version=event["stream_version"] + 1)
assert path_root(proof["index"], proof["count"], leaf(forged), path).hex() != seal["root"]
run("ledger", "proof", "--event", str(int(count) + 1), status=1)
assert proof["leaf"] in run("ledger", "proof", "--event", "777")

# The same events give the same state, now and in the past.
half = str(int(count) // 2)
replays = [json.loads(run("ledger", "replay", "--to", half, "--projection", "balances", "--json")) for _ in range(2)]
assert replays[0] == replays[1] and replays[0]["position"] == int(half)
whole = json.loads(run("ledger", "replay", "--projection", "balances", "--json"))["digests"][0]["total"]
assert whole != replays[0]["digests"][0]["total"]
compared = json.loads(run("projections", "compare", "balances", "--json"))
assert compared["live"]["total"] == compared["replayed"]["total"] == whole

# An analyst's new report works at once, outside the repository, and adds up to what the books say.
folder = os.path.join(FOLDER, "reports")
made = run("projections", "new", "revenue_by_model", "--folder", folder).strip()
assert sorted(os.listdir(made)) == ["README.md", "apply.sql", "indexes.sql", "projection.json", "tables.sql", "verify.sql"]
assert "revenue_by_model 1: " in run("projections", "list", "--folder", folder)
rebuilt = json.loads(run("projections", "rebuild", "revenue_by_model", "--folder", folder, "--json"))
assert rebuilt["position"] == int(count)
assert "equal" in run("projections", "compare", "revenue_by_model", "--folder", folder)
run("projections", "new", "revenue_by_model", "--folder", folder, status=1)
run("projections", "new", "Revenue", "--folder", folder, status=1)

# A month is closed once it is over, and what is corrected is an event after it.
for wrong in ("2026-13", "1999-01", "2999-01"):
    run("ledger", "close", "--period", wrong, status=1)
assert json.loads(run("ledger", "periods", "--json")) == []
before = json.loads(run("balance", "--organization", organization, "--json"))
run("credits", "adjust", "--organization", organization, "--amount", "-0.000000001", "--reason", "rounding",
    "--corrects", str(middle["position"]))
after = json.loads(run("balance", "--organization", organization, "--json"))
assert Decimal(before["balance"]) - Decimal(after["balance"]) == Decimal("0.000000001")
correction = json.loads(run("ledger", "events", "--type", "credit.adjusted", "--after", count, "--json").splitlines()[-1])
assert correction["data"]["corrects"] == middle["position"]
run("credits", "adjust", "--organization", organization, "--amount", "1", "--reason", "other", "--corrects", "1", status=1)
print("audit: passed", count)

"""What an auditor asks by the API is what the commands answer: exports, proofs, replays, the books of all, Stripe's side."""

import json
import os
import subprocess
import sys
import tempfile
from decimal import Decimal

import httpx

from shop import ok


def run(*arguments, status=0):
    done = subprocess.run([os.environ["LLMGATEWAY_EXECUTABLE"], *arguments], capture_output=True, text=True)
    assert done.returncode == status, (arguments, done.returncode, done.stderr[-2000:])
    return done.stdout


def text(answer, media):
    assert answer.status_code == 200 and answer.headers["content-type"].startswith(media), (answer.status_code, answer.text[:500])
    return answer.text


def python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True).stdout


def check(boss, owner, stranger, organization, began):
    """`boss` is an administrator of the installation, `owner` owns the organization, `stranger` another one."""
    path = f"/orgs/{organization}"
    # Everything up to here: what comes meanwhile is in none of the answers that are compared.
    last = ok(owner.get(path + "/statement?limit=1000"))["movements"][-1]
    until = last["recordedAt"].replace("Z", "999Z")
    position = json.loads(run("journal", "--totals", "--to", until, "--json"))["position"]
    upto = {"to": until}

    # An administrator reads the books of any organization, as a member does.
    for name in ("balance", "statement", "journal", "grants"):
        assert ok(boss.get(f"{path}/{name}", params=upto)) == ok(owner.get(f"{path}/{name}", params=upto)), name
        table = text(boss.get(f"{path}/{name}", params=upto | {"format": "csv"}), "text/csv").splitlines()
        assert len(table) > 1 and len({len(line.split(",")) for line in table}) == 1, table
        assert owner.get(f"{path}/{name}", params={"format": "xml"}).json()["field"] == "format"
    balance = run("balance", "--organization", organization, "--position", str(position), "--csv")
    assert text(owner.get(path + "/balance", params={"position": position, "format": "csv"}), "text/csv") == balance
    grants = run("credits", "list", "--organization", organization, "--csv")
    assert text(owner.get(path + "/grants?format=csv"), "text/csv") == grants
    statement = run("statement", "--organization", organization, "--to", until, "--csv")
    assert text(owner.get(path + "/statement", params=upto | {"format": "csv"}), "text/csv") == statement
    shown = ok(owner.get(path + "/statement", params=upto | {"limit": 1000}))["movements"]
    for line, movement in zip(statement.splitlines()[1:], shown, strict=True):
        event, recorded, occurred = line.split(",")[1:4]
        # JSON ends a time with its milliseconds.
        assert [event, recorded[:23] + "Z", occurred[:23] + "Z"] == [
            movement[name] for name in ("event", "recordedAt", "occurredAt")], line
    assert boss.get("/orgs/org_0000000000000000000000/balance").status_code == 404

    # The books of all.
    totals = ok(boss.get("/admin/ledger/totals", params=upto))
    assert totals == json.loads(run("journal", "--totals", "--to", until, "--json"))
    assert sum(Decimal(account["balance"]) for account in totals["accounts"]) == 0 and len(totals["accounts"]) > 5
    table = text(boss.get("/admin/ledger/totals", params=upto | {"format": "csv"}), "text/csv")
    assert table == run("journal", "--totals", "--to", until, "--csv")
    journal = text(boss.get("/admin/ledger/journal", params=upto | {"format": "csv"}), "text/csv")
    assert journal == run("journal", "--to", until, "--csv")
    one = text(owner.get(path + "/journal", params=upto | {"account": "overrun", "format": "csv"}), "text/csv")
    assert one == run("journal", "--to", until, "--organization", organization, "--account", "overrun", "--csv")
    # What is mistyped is refused, where it would find nothing.
    for where in (path + "/journal", "/admin/ledger/journal"):
        refused = boss.get(where, params={"account": "nope"})
        assert refused.status_code == 400 and refused.json()["field"] == "account", refused.text
    nobody = "org_0000000000000000000000"
    for wrong, status in (
            (["journal", "--account", "nope"], 64), (["journal", "--organization", nobody], 1),
            (["journal", "--from", "2027-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], 64),
            (["ledger", "events", "--from", "2027-01-01T00:00:00Z", "--to", "2026-01-01T00:00:00Z"], 64),
            (["ledger", "export", "--format", "beancount", "--organization", nobody], 1)):
        assert run(*wrong, status=status) == "", wrong
    postings, cursor = [], None
    while True:
        page = ok(boss.get("/admin/ledger/journal", params=upto | {"limit": 7} | ({"cursor": cursor} if cursor else {})))
        postings, cursor = postings + page["postings"], page["pagination"]["nextCursor"]
        if not cursor:
            break
    assert [f"{entry['position']},{entry['line']}" for entry in postings] == [
        ",".join(line.split(",")[:2]) for line in journal.splitlines()[1:]]

    # Exports: the same bytes, accepted by others' programs, recomputed from nothing else.
    for form, media in (("beancount", "text/plain"), ("ledger", "text/plain"), ("csv", "text/csv")):
        books = text(boss.get("/admin/ledger/export", params=upto | {"format": form}), media)
        assert books == run("ledger", "export", "--format", form, "--to", until), form
        own = text(owner.get(path + "/export", params=upto | {"format": form}), media)
        assert own == run("ledger", "export", "--format", form, "--to", until, "--organization", organization), form
        assert len(own) < len(books)
    events = text(boss.get("/admin/ledger/export", params=upto), "application/jsonl")
    assert events.splitlines()[1:] == run("ledger", "export", "--up-to", str(position)).splitlines()[1:]
    header = json.loads(events.splitlines()[0])
    assert not header["filtered"] and len(events.splitlines()) == position + 1, header
    rest = text(boss.get("/admin/ledger/export", params=upto | {"after": position - 3}), "application/jsonl").splitlines()
    assert rest[1:] == events.splitlines()[-3:] and json.loads(rest[0])["previous"] == json.loads(events.splitlines()[-4])["hash"]
    own = text(owner.get(path + "/export", params=upto), "application/jsonl").splitlines()
    assert json.loads(own[0])["filtered"] and own[1:] == [
        line for line in events.splitlines()[1:] if json.loads(line)["organization"] == json.loads(own[1])["organization"]]
    with tempfile.TemporaryDirectory() as folder:
        here = os.path.dirname(os.path.abspath(__file__))
        for name, content in (("ledger.jsonl", events), ("books.beancount", text(
                boss.get("/admin/ledger/export", params={"format": "beancount"}), "text/plain"))):
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(content)
        count, chain = python(os.path.join(here, "recompute.py"), folder + "/ledger.jsonl").split()
        assert int(count) == position and chain == json.loads(events.splitlines()[-1])["hash"]
        subprocess.run([os.path.join(os.path.dirname(sys.executable), "bean-check"), folder + "/books.beancount"], check=True)
    for wrong, field in (("format=xml", "format"), ("to=x", "to"), ("after=-1", "after"), ("format=csv&after=1", "after")):
        assert boss.get("/admin/ledger/export?" + wrong).json()["field"] == field, wrong

    # A proof, which recompute_seals.py and audit.py check.
    run("ledger", "seal")
    event = last["position"]
    proof = ok(owner.get(path + "/proof", params={"event": event}))
    assert proof == ok(boss.get("/admin/ledger/proof", params={"event": event}))
    assert proof == json.loads(run("ledger", "proof", "--event", str(event), "--json")) and proof["event"]["position"] == event
    table = text(owner.get(path + "/proof", params={"event": event, "format": "csv"}), "text/csv")
    assert table == run("ledger", "proof", "--event", str(event), "--csv") and table.startswith("name,value\n"), table
    assert owner.get(path + "/proof?event=1").status_code == 404 and ok(boss.get("/admin/ledger/proof?event=1"))
    assert boss.get("/admin/ledger/proof", params={"event": 10**12}).status_code == 404
    for wrong in ("", "event=0", "event=x"):
        assert boss.get("/admin/ledger/proof?" + wrong).json()["field"] == "event", wrong

    # The state of the past, from the events alone.
    body = {"to": position, "projections": ["balances", "payments"]}
    lines = text(boss.post("/admin/ledger/replay", json=body), "application/jsonl").splitlines()
    arguments = ["ledger", "replay", "--to", str(position), "--projection", "balances", "--projection", "payments"]
    assert json.loads(lines[-1]) == json.loads(run(*arguments, "--json")), lines
    assert all(json.loads(line)["target"] == position for line in lines[:-1]), lines
    table = text(boss.post("/admin/ledger/replay?format=csv", json=body), "text/csv")
    assert table == run(*arguments, "--csv") and table.startswith("position,schema,table,digest\n")
    for wrong, field in (({"to": 0}, "to"), ({"projections": ["x"]}, "projections.0"), ({"projections": []}, "projections")):
        assert boss.post("/admin/ledger/replay", json=wrong).json()["field"] == field, wrong

    # Stripe's side.
    window = {"from": began, "to": until}
    asked = ["reconcile", "stripe", "--from", began, "--to", until]
    report = ok(boss.get("/admin/reconcile/stripe", params=window))
    assert report == json.loads(run(*asked, "--json", status=1)) and report["onlyThere"] == 1 and not report["balanced"], report
    assert text(boss.get("/admin/reconcile/stripe", params=window | {"format": "csv"}), "text/csv") == run(*asked, "--csv", status=1)
    for wrong, field in (("", "from"), ("from=x", "from"), (f"from={until}&to={began}", "to")):
        assert boss.get("/admin/reconcile/stripe?" + wrong).json()["field"] == field, wrong

    # And nobody else.
    for name in ("journal", "totals", "export", "proof?event=1"):
        for person, status in ((owner, 403), (stranger, 403), (httpx.Client(base_url=boss.base_url), 401)):
            assert person.get("/admin/ledger/" + name).status_code == status, name
    for name in ("export", "proof?event=1"):
        assert stranger.get(f"{path}/{name}").status_code == 404, name
    print("audit by the API:", position)

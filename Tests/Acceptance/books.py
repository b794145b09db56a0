"""What finance asks of an organization's money, by the API as by the commands."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx

from shop import command, credits, ok, reaches, until


def grant(organization, life):
    expiry = (datetime.now(UTC) + life).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    command("credits", "grant", "--organization", organization, "--amount", "2", "--priority", "-1", "--expires-at", expiry)


def pages(owner, path):
    """All grants, two a page."""
    page = ok(owner.get(path + "/grants?limit=2"))
    grants, cursor = page["grants"], page["pagination"]["nextCursor"]
    while cursor:
        page = ok(owner.get(path + "/grants", params={"limit": 2, "cursor": cursor}))
        grants, cursor = grants + page["grants"], page["pagination"]["nextCursor"]
    return grants


def check(owner, stranger, member, organization):
    """`member` may read what `owner` may, and `stranger` nothing."""
    path = f"/orgs/{organization}"
    now = ok(owner.get(path + "/balance"))
    assert Decimal(now["balance"]) == credits(owner, organization), now
    statement = ok(owner.get(path + "/statement?limit=5"))
    movements, cursor = statement["movements"], statement["pagination"]["nextCursor"]
    while cursor:
        page = ok(owner.get(path + "/statement", params={"limit": 5, "cursor": cursor}))
        movements, cursor = movements + page["movements"], page["pagination"]["nextCursor"]
    assert statement["opening"] == "0" and movements[-1]["balance"] == statement["closing"] == now["balance"]
    assert sum(Decimal(movement["amount"]) for movement in movements) == Decimal(now["balance"])
    table = owner.get(path + "/statement?format=csv")
    assert table.headers["content-type"].startswith("text/csv") and len(table.text.splitlines()) == len(movements) + 1
    third = movements[2]
    for view in ({"at": third["recordedAt"].replace("Z", "999Z")}, {"position": third["position"]}):
        assert ok(owner.get(path + "/balance", params=view))["balance"] == third["balance"], view
    assert ok(owner.get(path + "/balance", params={"effective": "2020-01-01T00:00:00Z"}))["balance"] == "0"
    postings = ok(owner.get(path + "/journal?limit=1000"))["postings"]
    assert sum(Decimal(posting["amount"]) for posting in postings) == 0 and len(postings) > 20
    for wrong, field in (("at=x", "at"), ("position=-1", "position"), ("at=2020-01-01T00:00:00Z&position=1", "at")):
        assert owner.get(path + "/balance?" + wrong).json()["field"] == field, wrong
    for wrong, field in (("from=x", "from"), ("limit=0", "limit"), ("cursor=x", "cursor")):
        assert owner.get(path + "/statement?" + wrong).json()["field"] == field, wrong
    for wrong, field in (("open=x", "open"), ("cursor=-1", "cursor")):
        assert owner.get(path + "/grants?" + wrong).json()["field"] == field, wrong
    for name in ("balance", "statement", "journal", "grants"):
        assert stranger.get(path + "/" + name).status_code == 404 and member.get(path + "/" + name).status_code == 200
        assert httpx.get(owner.base_url.join(f"{path}/{name}")).status_code == 401

    # What a referral earned stands with the organization.
    assert ok(owner.get(path))["organization"]["referralEarnings"] == "0"
    command("credits", "grant", "--organization", organization, "--amount", "1.25", "--kind", "referral")
    until(lambda: ok(owner.get(path))["organization"]["referralEarnings"] == "1.25", "what the referral earned")

    # What credits are made of: they add up to the balance, and what expires is shown with what became of it.
    grant(organization, timedelta(hours=1))
    latest = pages(owner, path)[-1]
    assert latest["remaining"] == "2" and latest["priority"] == -1 and latest["kind"] == "promotional", latest
    grant(organization, timedelta(seconds=5))
    grants = pages(owner, path)
    until(lambda: ok(owner.get(path + "/grants"))["grants"][-1]["expired"] == "2", "the grant that runs out")
    left = ok(owner.get(path + "/grants?open=true"))["grants"]
    balance = Decimal(ok(owner.get(path + "/balance"))["balance"])
    assert sum(Decimal(grant["remaining"]) for grant in left) == max(balance, 0), (left, balance)
    # What the organization's page shows is a read model.
    reaches(owner, organization, max(balance, 0))
    shown = json.loads(command("credits", "list", "--organization", organization))
    assert [grant["grant"] for grant in shown] == [grant["id"] for grant in grants] and len(grants) > 5, shown
    assert [grant["expired"] for grant in shown if grant["expired"] != "0"] == ["2"]

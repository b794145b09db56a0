"""Payments, subscriptions and invoices against a Stripe: localstripe with what it lacks (stripe_server.py).

Argument: the port at which the gateway expects Stripe.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import time

import httpx
import stripe

import audit_api
import books
import repeats
from shop import command, credits, ok, reaches, stripe_server, until, verified

url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")
PORT = int(sys.argv[1])
SECRET = os.environ["STRIPE_TEST_SECRET"]
PASSWORD = "correct horse battery"
bank = httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers={"authorization": "Bearer sk_test_12345"}, timeout=60)
child = stripe_server(PORT)
began = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 5))


def signed_up(email):
    person = httpx.Client(base_url=url, headers={"origin": url}, timeout=60)
    ok(person.post("/auth/sign-up/email", json={"email": email, "password": PASSWORD, "name": "P"}))
    return person


def card(number):
    return ok(bank.post("/v1/payment_methods", data={
        "type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2030", "card[cvc]": "123"}))["id"]


def deliver(event, secret=SECRET, age=0, body=None, signature=None):
    """Delivers an event as Stripe does: the SDK computes the code."""
    body = body or json.dumps(event)
    sent = int(time.time()) - age
    code = stripe.WebhookSignature._compute_signature(f"{sent}.{json.dumps(event)}", secret)
    return httpx.post(
        url + "/stripe/webhook", content=body,
        headers={"stripe-signature": f"t={sent},v1={code}" if signature is None else signature, "content-type": "application/json"})


def received():
    return len(command("ledger", "events", "--type", "stripe.webhook_received", "--limit", "10000").splitlines())


def subscription_events(organization):
    lines = command("ledger", "events", "--organization", organization, "--limit", "10000").splitlines()
    return [event["type"] for event in map(json.loads, lines) if event["type"].startswith("subscription.")]


try:
    owner = signed_up("owner@example.org")
    organization = ok(owner.get("/orgs"))["organizations"][0]["id"]
    assert ok(httpx.get(url + "/v1/config"))["stripePublishableKey"] == "pk_test_1"

    # Before anything is bought. A bonus is for those whose address is theirs.
    assert ok(owner.get("/payments/payment-methods")) == {"paymentMethods": []}
    fees = ok(owner.post("/payments/calculate-fees", json={"amount": 100}))
    assert fees["totalAmount"] == "105" and fees["planFee"] == "5" and fees["bonusIneligibilityReason"] == "email_not_verified", fees
    for wrong in (0, 4, 4.5, -5, "10", 10_001, 10**18, None):
        refused = owner.post("/payments/calculate-fees", json={"amount": wrong})
        assert refused.status_code == 400 and refused.json().get("field") == "amount", (wrong, refused.text)
    assert ok(owner.get("/subscriptions/status"))["plan"] == "free"
    assert owner.post("/subscriptions/cancel-pro-subscription").status_code == 400

    # A browser pays. The gateway hears of it without any webhook: it asks for the events that it was not told.
    secret = ok(owner.post("/payments/create-payment-intent", json={"amount": 100}))["clientSecret"]
    intent = secret.split("_secret_")[0]
    found = ok(bank.get(f"/v1/payment_intents/{intent}"))
    assert found["amount"] == 10500 and found["metadata"]["organizationId"] == organization, found
    ok(bank.post(f"/v1/payment_intents/{intent}", data={"payment_method": card("4242424242424242")}))
    ok(bank.post(f"/v1/payment_intents/{intent}/confirm"))
    reaches(owner, organization, 100)
    assert received() > 0

    # From now on Stripe delivers. What comes again, from whomever, changes nothing.
    ok_hook = bank.post("/_config/webhooks/1", json={"url": url + "/stripe/webhook", "secret": SECRET})
    assert ok_hook.status_code == 200
    events = ok(bank.get("/v1/events?limit=100"))["data"]
    paid = next(event for event in events if event["type"] == "payment_intent.succeeded")
    before = received()
    for _ in range(5):
        assert ok(deliver(paid)) == {"received": True}
    assert received() == before
    # A secret that was rotated in counts beside the old one; nothing else does, and nothing of it is written.
    assert ok(deliver(paid, secret="whsec_next")) == {"received": True}
    forged = paid | {"id": "evt_forged"}
    for answer in (
        deliver(forged, secret="whsec_wrong"), deliver(forged, age=301), deliver(forged, age=-600), deliver(forged, age=600),
        deliver(forged, body=json.dumps(forged, indent=1)), deliver(forged, body=json.dumps(forged | {"created": 1})),
        deliver(forged, signature=""), deliver(forged, signature="t=1,v1=00"),
        httpx.post(url + "/stripe/webhook", content=json.dumps(forged)),
    ):
        assert answer.status_code == 400 and answer.json()["field"] == "stripe-signature", answer.text
    for text in ("", "[]", "{}", '{"id":"evt_1","type":"a"}', '{"id":1,"type":"a","created":1}', "{"):
        sent = int(time.time())
        code = stripe.WebhookSignature._compute_signature(f"{sent}.{text}", SECRET)
        answer = httpx.post(url + "/stripe/webhook", content=text, headers={"stripe-signature": f"t={sent},v1={code}"})
        assert answer.status_code == 400, (text, answer.text)
    assert received() == before
    # A type that nobody knows is kept.
    unknown = paid | {"id": "evt_unknown", "type": "radar.early_fraud_warning.created", "data": {"object": {"object": "x"}}}
    assert ok(deliver(unknown)) == {"received": True} and received() == before + 1
    reaches(owner, organization, 100)

    # A card that is kept at Stripe.
    secret = ok(owner.post("/payments/create-setup-intent"))["clientSecret"]
    assert secret.startswith("seti_")
    customer = ok(bank.get(f"/v1/payment_intents/{intent}"))["customer"]
    good, declined = card("4242424242424242"), card("4000000000000341")
    for method in (good, declined):
        ok(bank.post(f"/v1/payment_methods/{method}/attach", data={"customer": customer}))
    listed = ok(owner.get("/payments/payment-methods"))["paymentMethods"]
    assert {method["stripePaymentMethodId"] for method in listed} == {good, declined}, listed
    assert [method["isDefault"] for method in listed] == [True, False] and listed[0]["cardLast4"] in ("4242", "0341")
    ok(owner.post("/payments/payment-methods/default", json={"paymentMethodId": good}))
    assert ok(owner.get("/payments/payment-methods"))["paymentMethods"][0]["id"] == good

    # It is of another country than the seller: 6.5 % on top. The credits are there with the answer.
    fees = ok(owner.post("/payments/calculate-fees", json={"amount": 50, "paymentMethodId": good}))
    assert (fees["planFee"], fees["internationalFee"], fees["totalAmount"]) == ("2.5", "0.75", "53.25"), fees
    assert ok(owner.post("/payments/top-up-with-saved-method", json={"amount": 50, "paymentMethodId": good})) == {"success": True}
    assert credits(owner, organization) == 150
    refused = owner.post("/payments/top-up-with-saved-method", json={"amount": 50, "paymentMethodId": declined})
    assert refused.status_code == 400 and refused.json()["code"] == "card_declined", refused.text
    assert owner.post("/payments/top-up-with-saved-method", json={"amount": 50}).json()["field"] == "paymentMethodId"
    missing = owner.post("/payments/top-up-with-saved-method", json={"amount": 50, "paymentMethodId": "pm_other"})
    assert missing.status_code == 404, missing.text
    assert credits(owner, organization) == 150
    listed = ok(owner.get(f"/orgs/{organization}/transactions"))["transactions"]
    assert [(t["type"], t["status"], t["amount"], t["creditAmount"]) for t in listed] == [
        ("credit_topup", "failed", "53.25", "0"), ("credit_topup", "completed", "53.25", "50"),
        ("credit_topup", "completed", "105", "100")], listed
    assert listed[2]["stripePaymentIntentId"] == intent

    # A part of it goes back, with its part of the fee.
    ok(bank.post("/v1/refunds", data={"payment_intent": intent, "amount": "2100"}))
    reaches(owner, organization, 130)
    ok(bank.post("/v1/refunds", data={"payment_intent": intent, "amount": "2100"}))
    reaches(owner, organization, 110)
    refunds = [t for t in ok(owner.get(f"/orgs/{organization}/transactions"))["transactions"] if t["type"] == "credit_refund"]
    assert [(t["amount"], t["creditAmount"]) for t in refunds] == [("-21", "-20"), ("-21", "-20")], refunds

    # What is disputed can't be spent; won, it can again; lost, it is gone.
    disputed = ok(bank.post("/_config/dispute", json={"payment_intent": intent, "amount": 6300}))["id"]
    reaches(owner, organization, 50)
    ok(bank.post("/_config/dispute", json={"id": disputed, "status": "won"}))
    reaches(owner, organization, 110)
    disputed = ok(bank.post("/_config/dispute", json={"payment_intent": intent, "amount": 1050}))["id"]
    reaches(owner, organization, 100)
    ok(bank.post("/_config/dispute", json={"id": disputed, "status": "lost"}))
    until(lambda: "dispute.lost" in command("ledger", "events", "--type", "dispute.lost"), "the lost dispute")
    assert credits(owner, organization) == 100

    # Invoices: numbered without a gap, with what was said of the buyer then, escaped.
    ok(owner.patch(f"/orgs/{organization}", json={"billingCompany": "<b>Acme & Sons</b>", "billingTaxId": "DE123"}))
    ok(owner.post("/payments/top-up-with-saved-method", json={"amount": 10, "paymentMethodId": good}))
    ok(owner.patch(f"/orgs/{organization}", json={"billingCompany": "Later"}))
    invoices = ok(owner.get(f"/orgs/{organization}/invoices"))["invoices"]
    assert [invoice["number"] for invoice in invoices] == [3, 2, 1] and invoices[0]["total"] == "10.65", invoices
    page = owner.get(f"/orgs/{organization}/invoices/3")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    assert "&lt;b&gt;Acme &amp; Sons&lt;/b&gt;" in page.text and "<b>" not in page.text and "Later" not in page.text
    # It is as wide as the window whatever the company is called, and runs nothing but its own style.
    style = re.search(r"<style>(.*?)</style>", page.text, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = page.headers["content-security-policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}';") and "frame-ancestors 'none'" in policy, policy
    assert 'name="viewport"' in page.text and "overflow-wrap: anywhere" in style
    assert "INV-000003" in page.text and "10.65" in page.text and "Tax id: DE123" in page.text and "Example Ltd" in page.text
    first = ok(owner.get(f"/orgs/{organization}/invoices?limit=1"))
    assert first["pagination"] == {"nextCursor": "3", "hasMore": True, "limit": 1}, first
    assert owner.get(f"/orgs/{organization}/invoices/4").status_code == 404

    # Automatic top-ups: once below the threshold, one after the other, within the month's limit.
    def charges():
        return [i for i in ok(bank.get("/v1/payment_intents?limit=100"))["data"]
                if i["customer"] == customer and i["metadata"].get("kind") == "auto_top_up"]

    ok(owner.patch(f"/orgs/{organization}", json={
        "autoTopUpEnabled": True, "autoTopUpThreshold": 200, "autoTopUpAmount": 40, "autoTopUpMonthlyLimit": 90}))
    reaches(owner, organization, 190)
    time.sleep(7)
    assert credits(owner, organization) == 190 and len(charges()) == 2, charges()
    # A card that is declined is not tried again at once.
    ok(owner.post("/payments/payment-methods/default", json={"paymentMethodId": declined}))
    ok(owner.patch(f"/orgs/{organization}", json={"autoTopUpMonthlyLimit": None}))
    until(lambda: len(charges()) == 3, "a third charge")
    time.sleep(7)
    assert len(charges()) == 3 and credits(owner, organization) == 190
    ok(owner.patch(f"/orgs/{organization}", json={"autoTopUpEnabled": False}))
    ok(owner.post("/payments/payment-methods/default", json={"paymentMethodId": good}))
    assert ok(owner.delete(f"/payments/payment-methods/{declined}")) == {"success": True}
    assert len(ok(owner.get("/payments/payment-methods"))["paymentMethods"]) == 1

    # What failed says what would have been credited; and without a card nothing is tried but now and then.
    failed = [json.loads(line)["data"] for line in command("ledger", "events", "--type", "payment.failed").splitlines()]
    assert [(data["amount"], data["total"]) for data in failed if data["code"] == "card_declined"] == [
        (50 * 10**9, 5325 * 10**7), (40 * 10**9, 4260 * 10**7)], failed
    poor = signed_up("poor@example.org")
    theirs = ok(poor.get("/orgs"))["organizations"][0]["id"]
    ok(poor.post("/payments/create-setup-intent"))
    command("credits", "grant", "--organization", theirs, "--amount", "1")
    ok(poor.patch(f"/orgs/{theirs}", json={"autoTopUpEnabled": True}))
    until(lambda: len(ok(poor.get(f"/orgs/{theirs}/transactions"))["transactions"]) == 2, "a top-up without a card")
    before = ok(bank.get("/_config/requests"))
    time.sleep(11)
    asked = ok(bank.get("/_config/requests"))[len(before):]
    assert not [line for line in asked if line.startswith("GET /v1/payment_methods")], asked
    listed = ok(poor.get(f"/orgs/{theirs}/transactions"))["transactions"]
    assert [(t["status"], t["description"]) for t in listed if t["type"] == "credit_topup"] == [("failed", "no_payment_method")]

    # The plan: a trial, cancelled and taken back, by the year, and its end.
    for plan, interval, amount in (("price_month", "month", 5000), ("price_year", "year", 50000)):
        ok(bank.post("/v1/plans", data={
            "id": plan, "amount": amount, "currency": "usd", "interval": interval, "product[name]": "Pro"}))
    page = ok(owner.post("/subscriptions/create-pro-subscription", json={"billingCycle": "monthly"}))["checkoutUrl"]
    ok(bank.post("/_config/complete/" + page.rsplit("/", 1)[1]))

    def status():
        return ok(owner.get("/subscriptions/status"))

    until(lambda: status()["plan"] == "pro", "the plan")
    assert status()["isTrialActive"] and status()["billingCycle"] == "monthly" and not status()["subscriptionCancelled"], status()
    assert ok(owner.get(f"/orgs/{organization}"))["organization"]["plan"] == "pro"
    assert owner.post("/subscriptions/create-pro-subscription").status_code == 400
    # On the plan the platform takes nothing; the card's country still counts.
    ok(owner.post("/subscriptions/cancel-pro-subscription"))
    assert status()["subscriptionCancelled"] and owner.post("/subscriptions/cancel-pro-subscription").status_code == 400
    ok(owner.post("/subscriptions/resume-pro-subscription"))
    assert not status()["subscriptionCancelled"] and owner.post("/subscriptions/resume-pro-subscription").status_code == 400
    subscription = status()["subscriptionId"]
    ok(bank.post("/_config/subscription", json={"id": subscription, "status": "past_due"}))
    time.sleep(2)
    assert status()["plan"] == "pro"
    ok(bank.post("/_config/subscription", json={"id": subscription, "status": "active"}))
    ok(owner.post("/subscriptions/upgrade-to-yearly"))
    assert status()["billingCycle"] == "yearly" and owner.post("/subscriptions/upgrade-to-yearly").status_code == 400
    until(lambda: any(t["type"] == "subscription_payment" and t["amount"] == "500"
                      for t in ok(owner.get(f"/orgs/{organization}/transactions"))["transactions"]), "the yearly bill")
    ok(bank.delete(f"/v1/subscriptions/{subscription}"))
    until(lambda: status()["plan"] == "free", "the end of the plan")
    kinds = [t["type"] for t in ok(owner.get(f"/orgs/{organization}/transactions"))["transactions"]]
    for kind in ("subscription_start", "subscription_cancel", "subscription_resume", "subscription_end"):
        assert kinds.count(kind) == 1, (kind, kinds)

    # Of two pages the older is closed. What is bought beside a plan all the same is cancelled with it.
    twice = signed_up("twice@example.org")
    theirs = ok(twice.get("/orgs"))["organizations"][0]["id"]
    first, second = (
        ok(twice.post("/subscriptions/create-pro-subscription", json={"billingCycle": "monthly"}))["checkoutUrl"].rsplit("/", 1)[1]
        for _ in range(2))
    assert bank.post("/_config/complete/" + first).status_code == 400
    bought = [ok(bank.post("/_config/complete/" + second))["subscription"]]
    until(lambda: ok(twice.get("/subscriptions/status"))["plan"] == "pro", "the plan of the second page")
    page = ok(bank.post("/v1/checkout/sessions", data={
        "mode": "subscription", "customer": ok(bank.get("/v1/subscriptions/" + bought[0]))["customer"],
        "line_items[0][price]": "price_month", "subscription_data[trial_period_days]": "7",
        "subscription_data[metadata][organizationId]": theirs}))["id"]
    bought.append(ok(bank.post("/_config/complete/" + page))["subscription"])
    until(lambda: subscription_events(theirs).count("subscription.started") == 2, "two subscriptions in the ledger")

    def cancelled():
        return [ok(bank.get("/v1/subscriptions/" + subscription))["cancel_at_period_end"] for subscription in bought]

    ok(twice.post("/subscriptions/cancel-pro-subscription"))
    assert cancelled() == [True, True] and ok(twice.get("/subscriptions/status"))["subscriptionCancelled"], cancelled()
    assert twice.post("/subscriptions/cancel-pro-subscription").status_code == 400
    ok(twice.post("/subscriptions/resume-pro-subscription"))
    assert sorted(cancelled()) == [False, True] and not ok(twice.get("/subscriptions/status"))["subscriptionCancelled"], cancelled()

    # Who deletes an organization does not go on paying for its plan.
    leaving = signed_up("leaving@example.org")
    left = ok(leaving.get("/orgs"))["organizations"][0]["id"]
    page = ok(leaving.post("/subscriptions/create-pro-subscription", json={"billingCycle": "monthly"}))["checkoutUrl"]
    ok(bank.post("/_config/complete/" + page.rsplit("/", 1)[1]))
    until(lambda: ok(leaving.get("/subscriptions/status"))["plan"] == "pro", "another plan")
    subscription = ok(leaving.get("/subscriptions/status"))["subscriptionId"]
    ok(leaving.delete(f"/orgs/{left}"))
    until(lambda: ok(bank.get(f"/v1/subscriptions/{subscription}"))["status"] == "canceled", "the plan of a deleted organization")
    until(lambda: subscription_events(left)[-1:] == ["subscription.ended"], "its end in the ledger")

    # Money is an owner's alone, and nobody sees another's.
    stranger = signed_up("stranger@example.org")
    theirs = ok(stranger.get("/orgs"))["organizations"][0]["id"]
    calls = [
        ("GET", "/payments/payment-methods", None), ("POST", "/payments/create-payment-intent", {"amount": 10}),
        ("POST", "/payments/create-setup-intent", {}), ("POST", "/payments/calculate-fees", {"amount": 10}),
        ("POST", "/payments/top-up-with-saved-method", {"amount": 10, "paymentMethodId": good}),
        ("POST", "/payments/payment-methods/default", {"paymentMethodId": good}),
        ("DELETE", f"/payments/payment-methods/{good}", None), ("POST", "/subscriptions/create-pro-subscription", {}),
        ("POST", "/subscriptions/cancel-pro-subscription", {}), ("GET", f"/orgs/{organization}/invoices", None),
        ("GET", f"/orgs/{organization}/invoices/1", None)]
    for role in ("admin", "developer"):
        member = signed_up(f"{role}@example.org")
        invite = ok(owner.post(f"/team/{organization}/members", json={"email": f"{role}@example.org", "role": role}))["invite"]["id"]
        verified(member, f"{role}@example.org")
        ok(member.post(f"/team/{organization}/invites/{invite}/accept"))
        for method, path, body in calls:
            for person, expected in ((member, 403), (stranger, 404), (httpx.Client(base_url=url, timeout=60), 401)):
                asked = body | {"organizationId": organization} if body is not None else None
                answer = person.request(method, path, json=asked, params={"organizationId": organization} if body is None else None)
                assert answer.status_code == expected, (role, method, path, expected, answer.status_code, answer.text)
        assert ok(member.get("/subscriptions/status", params={"organizationId": organization}))["plan"] == "free"
    assert credits(stranger, theirs) == 0

    repeats.check(signed_up("shopper@example.org"), bank, card("4242424242424242"))

    # What Stripe says that it moved is what the ledger says; what one of the two does not have is found.
    def reconciled(status):
        done = subprocess.run(
            [os.environ["LLMGATEWAY_EXECUTABLE"], "reconcile", "stripe", "--from", began, "--json"], capture_output=True, text=True)
        assert done.returncode == status, (done.stdout, done.stderr)
        return json.loads(done.stdout)

    found = reconciled(0)
    assert found["balanced"] and found["equal"] >= 8, found
    assert {line["kind"] for line in found["lines"]} == {"charge", "refund", "dispute", "subscription"}, found
    foreign = ok(bank.post("/v1/payment_intents", data={
        "amount": 777, "currency": "usd", "customer": customer, "payment_method": good, "confirm": "true"}))["id"]
    found = reconciled(1)
    assert [(line["id"], line["there"], line.get("here")) for line in found["lines"] if line["finding"] == "only there"] == [
        (foreign, "7.77", None)], found

    # Who bought, from where, stands in the audit trail.
    audited = ok(owner.get(f"/orgs/{organization}/audit", params={"action": "payment.started", "limit": 100}))
    bought = [entry for entry in next(iter(value for value in audited.values() if isinstance(value, list)))
              if entry["details"]["kind"] == "saved_card"]
    assert len(bought) == 3 and all(entry["actor"]["email"] == "owner@example.org" for entry in bought), bought
    assert all(entry["ipAddress"] and "httpx" in entry["userAgent"] for entry in bought), bought

    books.check(owner, stranger, member, organization)

    boss = signed_up("boss@example.org")
    assert boss.get("/admin/ledger/totals").status_code == 403 and boss.get(f"/orgs/{organization}/balance").status_code == 404
    verified(boss, "boss@example.org")
    audit_api.check(boss, owner, stranger, organization, began)

    # The books: everything derived is derived again, and nothing was changed.
    for name in ("payments", "balances", "journal", "transactions", "grants"):
        print(name, command("projections", "compare", name).splitlines()[-1:])
    fees = command("ledger", "events", "--type", "payment.fee_recorded").splitlines()
    assert any(json.loads(line)["data"]["amount"] == (10500 * 29 // 1000 + 30) * 10**7 for line in fees), fees
    print(command("ledger", "verify").splitlines()[-1:])
    print("billing: passed")
finally:
    child.kill()

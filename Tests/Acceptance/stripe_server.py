"""Stripe, for tests: localstripe, and what it lacks of what the gateway uses.

Added: idempotency keys, checkout sessions, the events of refunds, disputes and changed subscriptions, Stripe's own fee, and
`price` where localstripe knows `plan`. Arguments: the port. Routes under /_test do what a person at Stripe's pages, or Stripe
itself, would do.
"""

import asyncio
import json
import sys

from aiohttp import web
from localstripe import resources, server
from localstripe.errors import UserError
from localstripe.resources import (
    BalanceTransaction, Charge, Customer, Event, PaymentIntent, Plan, Refund, StripeObject, Subscription)
from localstripe.webhooks import schedule_webhook

# What the tests make is gone with them.
resources.store.dump_to_disk = lambda: None
answers, asked = {}, []
# How payments are done: after how many seconds, and answered as if they had which status.
manner = {}


@web.middleware
async def once(request, handler):
    """The same idempotency key is done once, as Stripe does it."""
    asked.append((request.method, request.path))
    key = request.headers.get("idempotency-key")
    if not key:
        return await handler(request)
    if key not in answers:
        pays = request.path == "/v1/payment_intents"
        if pays:
            await asyncio.sleep(manner.get("seconds", 0))
        answer = await handler(request)
        body = answer.body
        if pays and "status" in manner:
            body = json.dumps(json.loads(body) | {"status": manner["status"]}).encode()
        answers[key] = (answer.status, body)
    status, body = answers[key]
    return web.Response(status=status, body=body, content_type="application/json")


server.app.middlewares.insert(0, once)


def wrapped(cls, name):
    def decorate(function):
        original = getattr(cls, name)
        setattr(cls, name, lambda self, *args, **kwargs: function(original, self, *args, **kwargs))
    return decorate


@wrapped(BalanceTransaction, "__init__")
def movement(original, self, **fields):
    original(self, **fields)
    if self.type == "charge":
        self.fee = self.amount * 29 // 1000 + 30


def movements(url, created=None, **fields):
    listed = everything(url, **fields)
    bounds = {name: int(value) for name, value in (created or {}).items()}
    listed._list = [
        movement for movement in listed._list
        if bounds.get("gte", 0) <= movement.created <= bounds.get("lte", movement.created)]
    return listed


everything = BalanceTransaction._api_list_all
BalanceTransaction._api_list_all = movements


def withdrawn(dispute, amount):
    """Stripe takes what is disputed, and gives it back when the dispute is won."""
    movement = object.__new__(BalanceTransaction)
    StripeObject.__init__(movement)
    movement.amount, movement.currency, movement.fee, movement.fee_details = amount, "usd", 0, []
    movement.source, movement.type, movement.status = dispute.id, "adjustment", "available"


@wrapped(Charge, "_initialize_charge")
def charge(original, self, *args, **kwargs):
    # At Stripe a charge has its payment intent's metadata.
    if self.payment_intent:
        intent = PaymentIntent._api_retrieve(self.payment_intent)
        self.metadata, self.invoice = dict(intent.metadata), intent.invoice
    original(self, *args, **kwargs)


@wrapped(Refund, "__init__")
def refund(original, self, **fields):
    original(self, **fields)
    schedule_webhook(Event("charge.refunded", Charge._api_retrieve(self.charge)))


@wrapped(Subscription, "_update")
def subscription(original, self, proration_behavior=None, **fields):
    for item in fields.get("items") or []:
        if "price" in item:
            item["plan"] = item.pop("price")
    original(self, **fields)
    if fields.get("cancel_at_period_end") is not None:
        self.canceled_at = 1764500000 if self.cancel_at_period_end else None
    schedule_webhook(Event("customer.subscription.updated", self))


class Session(StripeObject):
    object = "checkout.session"
    _id_prefix = "cs_"

    def __init__(self, customer=None, mode=None, line_items=None, success_url=None, subscription_data=None, **fields):
        super().__init__()
        Customer._api_retrieve(customer)
        Plan._api_retrieve(line_items[0]["price"])
        self.customer, self.mode, self.line_items, self.fields = customer, mode, line_items, fields
        self.subscription_data = subscription_data or {}
        self.url, self.status = "https://checkout.example/" + self.id, "open"

    @classmethod
    def _api_list_all(cls, url, customer=None, **fields):
        listed = super()._api_list_all(url, **fields)
        listed._list = [session for session in reversed(listed._list) if session.customer == customer]
        return listed

    def _end(self, status):
        if self.status != "open":
            raise UserError(400, f"This Checkout Session is {self.status}: it can't be {status}.")
        self.status = status


class Dispute(StripeObject):
    object = "dispute"
    _id_prefix = "dp_"

    def __init__(self, payment_intent, amount):
        super().__init__()
        self.payment_intent, self.amount, self.currency = payment_intent, amount, "usd"
        self.charge = PaymentIntent._api_retrieve(payment_intent).latest_charge.id
        self.status = "needs_response"


async def complete(request):
    """A person pays on the page of a session."""
    session = Session._api_retrieve(request.match_info["id"])
    session._end("complete")
    fields = {"items": [{"plan": session.line_items[0]["price"]}], "metadata": session.subscription_data.get("metadata")}
    if session.subscription_data.get("trial_period_days"):
        fields["trial_period_days"] = session.subscription_data["trial_period_days"]
    made = Subscription(customer=session.customer, **fields)
    if made.trial_period_days:
        made.status, made.trial_start, made.trial_end = "trialing", made.created, made.created + 7 * 86400
        schedule_webhook(Event("customer.subscription.updated", made))
    schedule_webhook(Event("checkout.session.completed", session))
    return web.json_response({"subscription": made.id})


async def expire(request):
    session = Session._api_retrieve(request.match_info["id"])
    session._end("expired")
    return web.json_response(session._export())


async def dispute(request):
    data = await request.json()
    if "id" in data:
        made = Dispute._api_retrieve(data["id"])
        made.status = data["status"]
        if made.status == "won":
            withdrawn(made, made.amount)
        kind = "charge.dispute.closed"
    else:
        made = Dispute(data["payment_intent"], data["amount"])
        withdrawn(made, -made.amount)
        kind = "charge.dispute.created"
    schedule_webhook(Event(kind, made))
    return web.json_response({"id": made.id})


async def change(request):
    """Stripe itself changes a subscription: a trial ends, a renewal fails."""
    data = await request.json()
    made = Subscription._api_retrieve(data["id"])
    made.status = data["status"]
    schedule_webhook(Event("customer.subscription.updated", made))
    return web.json_response({})


async def payments(request):
    """Stripe takes its time with payments, or their banks do."""
    manner.clear()
    manner.update(await request.json())
    return web.json_response({})


async def requests(request):
    return web.json_response([f"{method} {path}" for method, path in asked])


app = server.app
app.router.add_post("/v1/checkout/sessions", server.api_create(Session, "/v1/checkout/sessions"))
app.router.add_get("/v1/checkout/sessions", server.api_list_all(Session, "/v1/checkout/sessions"))
app.router.add_post("/v1/checkout/sessions/{id}/expire", expire)
app.router.add_post("/_config/complete/{id}", complete)
app.router.add_post("/_config/dispute", dispute)
app.router.add_post("/_config/subscription", change)
app.router.add_post("/_config/payments", payments)
app.router.add_get("/_config/requests", requests)


async def main():
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", int(sys.argv[1])).start()
    print(json.dumps({"ready": True}), flush=True)
    await asyncio.Event().wait()


asyncio.run(main())

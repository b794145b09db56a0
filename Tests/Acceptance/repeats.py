"""What is bought again by whoever did not hear that it was: the same payment once, with a name and without."""

from concurrent.futures import ThreadPoolExecutor

from shop import credits, ok


def check(shopper, bank, saved):
    """`shopper` has bought nothing yet, and `saved` is a good card of nobody's."""
    # Asked for again under the same key it is the same payment, at once and later; another payment needs another key.
    theirs = ok(shopper.get("/orgs"))["organizations"][0]["id"]

    def checkout(amount, key):
        return shopper.post("/payments/create-payment-intent", json={"amount": amount}, headers={"idempotency-key": key})

    secret = ok(checkout(5, "basket"))["clientSecret"]
    assert ok(checkout(5, "basket"))["clientSecret"] == secret and ok(checkout(5, "other"))["clientSecret"] != secret
    assert checkout(6, "basket").status_code == 422
    theirs_at_stripe = ok(bank.get(f"/v1/payment_intents/{secret.split('_secret_')[0]}"))["customer"]
    ok(bank.post(f"/v1/payment_methods/{saved}/attach", data={"customer": theirs_at_stripe}))

    refusals = []

    def clicked(times, amount, key=None):
        def click(_):
            return shopper.post(
                "/payments/top-up-with-saved-method", json={"amount": amount, "paymentMethodId": saved},
                headers={} if key is None else {"idempotency-key": key})
        with ThreadPoolExecutor(times) as pool:
            answers = list(pool.map(click, range(times)))
        refusals[:] = [answer for answer in answers if answer.status_code == 409]
        return [answer.status_code for answer in answers]

    assert clicked(6, 20, "order-7") == [200] * 6 and credits(shopper, theirs) == 20
    assert clicked(1, 20, "order-7") == [200] and clicked(1, 21, "order-7") == [422] and credits(shopper, theirs) == 20
    assert clicked(1, 20, "order-8") == [200] and credits(shopper, theirs) == 40
    for key in ("", "two words", "x" * 256):
        assert clicked(1, 20, key) == [400], key
    # Without a key the same is refused while it is on its way, and nobody is told to ask again, who would pay again.
    ok(bank.post("/_config/payments", json={"seconds": 3}))
    answers = clicked(8, 30)
    assert sorted(answers) == [200] + [409] * 7 and credits(shopper, theirs) == 70, answers
    assert len(refusals) == 7 and all("retry-after" not in refusal.headers for refusal in refusals), refusals
    ok(bank.post("/_config/payments", json={}))
    assert clicked(1, 30) == [200]
    # What became of a payment is known without its card.
    ok(shopper.delete(f"/payments/payment-methods/{saved}"))
    assert clicked(1, 20, "order-7") == [200] and clicked(1, 21, "order-7") == [422] and clicked(1, 20, "order-9") == [404]
    assert credits(shopper, theirs) == 100

"""Drives the fake of Stripe with Stripe's own library, which knows nothing of Mercato.

The adapter is tested against the fake; that the fake speaks as Stripe does is shown here: requests are
made, answers read, refusals raised and events verified by the library that Stripe ships.
"""

import http.server
import json
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

import stripe

events = []


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what the fake sends, byte for byte."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        events.append((body, self.headers["stripe-signature"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing, so that we see where a page leads."""

    def redirect_request(self, *_):
        return None


def choose(url, choice):
    """What a payer does on a page; where it leads."""
    form = urllib.parse.urlencode({"choice": choice}).encode()
    try:
        urllib.request.build_opener(Stay).open(url, form)
    except urllib.error.HTTPError as answer:
        return answer.headers["location"]
    raise AssertionError(f"{url} leads nowhere")


checked = 0


def check(what, holds):
    global checked
    if not holds:
        sys.exit(f"does not hold: {what}")
    checked += 1


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    sys.exit(f"was not refused with {kind.__name__}")


def payments(client):
    customer = client.v1.customers.create({"metadata": {"account": "acc_1"}})
    check("a customer has an id", customer.id.startswith("cus_"))

    order = {
        "amount": 1050,
        "currency": "eur",
        "confirm": True,
        "payment_method": "pm_card_visa",
        "payment_method_types": ["card"],
        "capture_method": "manual",
        "metadata": {"payment": "pay_1"},
    }
    once = {"idempotency_key": "order-1"}
    intent = client.v1.payment_intents.create(order, once)
    check("it is reserved", intent.status == "requires_capture")
    check("all of it can be taken", intent.amount_capturable == 1050)
    again = client.v1.payment_intents.create(order, once)
    check("the same key is the same payment", again.id == intent.id)
    other = {**order, "amount": 1060}
    refused(stripe.IdempotencyError, lambda: client.v1.payment_intents.create(other, once))

    taken = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 800})
    check("it is taken in part", (taken.status, taken.amount_received) == ("succeeded", 800))
    seen = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    check("a charge can be expanded", seen.latest_charge.amount_captured == 800)
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 300})
    check("a part goes back", (refund.status, refund.amount) == ("succeeded", 300))
    listed = client.v1.refunds.list({"payment_intent": intent.id})
    # Beside it stands what was reserved and not taken.
    check("refunds are listed", refund.id in [one.id for one in listed.data])
    much = {"payment_intent": intent.id, "amount": 501}
    refused(stripe.InvalidRequestError, lambda: client.v1.refunds.create(much))

    second = client.v1.payment_intents.create({**order, "metadata": {"payment": "pay_2"}})
    check("it can be let go", client.v1.payment_intents.cancel(second.id).status == "canceled")
    wrong = refused(
        stripe.InvalidRequestError, lambda: client.v1.payment_intents.capture(second.id)
    )
    check("and is gone then", wrong.code == "payment_intent_unexpected_state")


def refusals(client, url):
    poor = {
        "amount": 500,
        "currency": "eur",
        "confirm": True,
        "payment_method": "pm_card_visa_chargeDeclinedInsufficientFunds",
        "payment_method_types": ["card"],
    }
    error = refused(stripe.CardError, lambda: client.v1.payment_intents.create(poor))
    check("a decline says why", error.error.decline_code == "insufficient_funds")
    error = refused(
        stripe.InvalidRequestError, lambda: client.v1.payment_intents.retrieve("pi_nothing")
    )
    check("what is not there is missing", error.code == "resource_missing")
    nobody = stripe.StripeClient("sk_test_wrong", base_addresses={"api": url})
    refused(stripe.AuthenticationError, lambda: nobody.v1.payment_intents.retrieve("pi_nothing"))


def three_d_secure(client):
    intent = client.v1.payment_intents.create(
        {
            "amount": 700,
            "currency": "eur",
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "payment_method_types": ["card"],
            "return_url": "https://shop.example/back",
        }
    )
    check("the bank asks", intent.status == "requires_action")
    way = intent.next_action.redirect_to_url
    check("the way back is ours", way.return_url == "https://shop.example/back")
    back = choose(way.url, "pass")
    check("the payer comes back", back.startswith("https://shop.example/back"))
    check("it is paid", client.v1.payment_intents.retrieve(intent.id).status == "succeeded")


def cards_and_pages(client):
    customer = client.v1.customers.create({})
    kept = client.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "payment_method_types": ["card"],
            "confirm": True,
            "usage": "off_session",
        }
    )
    check("a card is kept", kept.status == "succeeded")
    charged = client.v1.payment_intents.create(
        {
            "amount": 900,
            "currency": "eur",
            "confirm": True,
            "customer": customer.id,
            "payment_method": kept.payment_method,
            "payment_method_types": ["card"],
            "off_session": True,
        }
    )
    check("and is charged without its owner", charged.status == "succeeded")
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://shop.example/done",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "eur",
                        "unit_amount": 1200,
                        "product_data": {"name": "An hour"},
                    },
                }
            ],
        }
    )
    check("a page is open", (session.status, session.payment_status) == ("open", "unpaid"))


def webhooks(secret):
    deadline = time.monotonic() + 20
    while len(events) < 8 and time.monotonic() < deadline:
        time.sleep(0.1)
    check("events arrive", len(events) >= 8)
    for body, signature in events:
        event = stripe.Webhook.construct_event(body, signature, secret)
        check("an event says what it is about", event.data.object.id is not None)
    body, signature = events[0]
    refused(
        stripe.SignatureVerificationError,
        lambda: stripe.Webhook.construct_event(body + b" ", signature, secret),
    )
    kinds = {json.loads(body)["type"] for body, _ in events}
    check("payments are told of", "payment_intent.succeeded" in kinds)


def main(program):
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    inbox = f"http://127.0.0.1:{receiver.server_port}/"
    fake = subprocess.Popen(
        [program, "--webhooks", inbox], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        said = json.loads(fake.stdout.readline())
        client = stripe.StripeClient(said["key"], base_addresses={"api": said["url"]})
        payments(client)
        refusals(client, said["url"])
        three_d_secure(client)
        cards_and_pages(client)
        webhooks(said["webhook_secret"])
    finally:
        fake.stdin.close()
        fake.wait()
    print(f"{checked} checks with Stripe's library {stripe.VERSION} hold")


main(sys.argv[1])

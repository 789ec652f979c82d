"""Stripe, stateful, over real HTTP: Checkout Sessions with prices of their own, refunds, disputes, events, idempotency.

What it is asked, and what it answers, is held to the fields that Stripe's own library describes. Faults are those of
fake_http. `public` pays, refunds and disputes as customers, banks and the dashboard at Stripe would; each leaves its
events, which `signed` makes into what Stripe posts.
"""

import hashlib
import hmac
import json
import re
import sys
import time
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe
from stripe.params import RefundCreateParams
from stripe.params.checkout import SessionCreateParams

from servers.fake_http import FakeServer, Told

KEY, RESTRICTED_KEY, ACCOUNT = "sk_test_4eC39HqLyjWDarjtT1zdp7dc", "rk_test_4eC39HqLyjWDarjtT1zdp7dc", "acct_1Practice"
SECRET = "whsec_5ffd6b6f7e4d4c1b8a2e"
API_VERSION = "2026-10-28.endive"
LEAST = {"eur": 50, "usd": 50, "gbp": 30, "jpy": 50}
MINUTE, DAY = 60, 86_400


class No(Exception):
    """An error of the API (https://docs.stripe.com/api/errors)."""

    def __init__(self, status, message, kind="invalid_request_error", **fields):
        super().__init__(message)
        self.status, self.body = status, {"error": {"type": kind, "message": message} | fields}


class StripeFake(FakeServer):
    """`sessions`, `payments`, `refunds`, `disputes` and `events` hold what there is, by id."""

    def __init__(self):
        super().__init__()
        self.sessions, self.payments, self.refunds, self.disputes = {}, {}, {}, {}
        self.events = []
        self.kept = {}  # what was answered to an idempotency key, and what was asked with it
        self.numbers = count(1)
        self.refund_status = "succeeded"
        self.now = lambda: int(time.time())

    def tell(self, asked):
        if asked.path.startswith("/c/pay/"):
            return self._page(asked)
        try:
            self._let_in(asked)
            return self._once(asked) if asked.method == "POST" else self._told(self._read(asked))
        except No as no:
            return Told(no.status, no.body, {"Request-Id": "req_1"})

    # What others do

    def pay(self, session_id, *, later=False):
        """Pay on a page; `later` by a way that takes days, such as a direct debit."""
        session = self.sessions[session_id]
        assert session["status"] == "open"
        payment = self._id("pi")
        self.payments[payment] = {"amount": session["amount_total"], "currency": session["currency"]}
        session.update(status="complete", payment_intent=payment, url=None)
        session["payment_status"] = "unpaid" if later else "paid"
        return self._happened("checkout.session.completed", session)

    def arrive(self, session_id):
        """Let the money of a payment that takes days arrive."""
        self.sessions[session_id]["payment_status"] = "paid"
        return self._happened("checkout.session.async_payment_succeeded", self.sessions[session_id])

    def fail(self, session_id):
        """Let it fail."""
        return self._happened("checkout.session.async_payment_failed", self.sessions[session_id])

    def let_expire(self, session_id):
        """Let the time of a page be over."""
        self.sessions[session_id].update(status="expired", url=None)
        return self._happened("checkout.session.expired", self.sessions[session_id])

    def refund_by_hand(self, payment, amount, status="succeeded"):
        """Refund in Stripe's dashboard."""
        refund = self._new_refund(payment, amount, status, {})
        return self._happened("refund.created", refund)

    def refund_becomes(self, refund_id, status):
        """Let a refund succeed, or fail."""
        self.refunds[refund_id]["status"] = status
        kind = "refund.failed" if status == "failed" else "refund.updated"
        return self._happened(kind, self.refunds[refund_id])

    def dispute(self, payment, amount, status="needs_response"):
        """Let a payer dispute a payment at their bank."""
        dispute = {
            "id": self._id("du"),
            "object": "dispute",
            "amount": amount,
            "currency": self.payments[payment]["currency"],
            "charge": payment.replace("pi_", "ch_"),
            "payment_intent": payment,
            "status": status,
            "reason": "fraudulent",
            "created": self.now(),
            "livemode": False,
            "metadata": {},
        }
        self.disputes[dispute["id"]] = dispute
        self.complaints += unknown_fields(dispute, stripe.Dispute)
        return self._happened("charge.dispute.created", dispute)

    def decide(self, dispute_id, status):
        """Let a dispute be won or lost."""
        self.disputes[dispute_id]["status"] = status
        return self._happened("charge.dispute.closed", self.disputes[dispute_id])

    # The API

    def _let_in(self, asked):
        key = (asked.headers["Authorization"] or "").removeprefix("Bearer ")
        if key not in {KEY, RESTRICTED_KEY}:
            raise No(401, f"Invalid API Key provided: {key[:8]}****")
        if asked.path == "/v1/account" and key == RESTRICTED_KEY:
            raise No(403, "The provided key does not have the required permissions for this endpoint.")

    def _once(self, asked):
        """https://docs.stripe.com/api/idempotent_requests: errors of validation are not kept."""
        key, params = asked.headers["Idempotency-Key"], nested(parse_qsl(asked.body.decode()))
        if key and key in self.kept:
            told, before = self.kept[key]
            if before != (asked.path, params):
                raise No(
                    400,
                    "Keys for idempotent requests can only be used with the same parameters they were first used with.",
                    "idempotency_error",
                )
            return told._replace(headers=told.headers | {"Idempotent-Replayed": "true"})
        told = self._told(self._write(asked.path, params))
        if key:
            self.kept[key] = (told, (asked.path, params))
        return told

    def _told(self, body):
        return Told(200, json.loads(json.dumps(body)), {"Request-Id": f"req_{next(self.numbers)}"})

    def _write(self, path, params):
        if path == "/v1/checkout/sessions":
            return self._new_session(params)
        found = re.fullmatch(r"/v1/checkout/sessions/(\w+)/expire", path)
        if found:
            session = self._session(found[1])
            if session["status"] != "open":
                raise No(400, 'Only Checkout Sessions with a status in ["open"] can be expired. This one is '
                         f"{session['status']}.")  # fmt: skip
            self.let_expire(session["id"])
            return session
        if path == "/v1/refunds":
            return self._asked_refund(params)
        raise No(404, f"Unrecognized request URL (POST: {path}).")

    def _read(self, asked):
        found = re.fullmatch(r"/v1/checkout/sessions/(\w+)", asked.path)
        if found:
            return self._session(found[1])
        if asked.path == "/v1/account":
            return {"id": ACCOUNT, "object": "account"}
        if asked.path == "/v1/events":
            return self._listed_events(nested(asked.query.items()))
        raise No(404, f"Unrecognized request URL (GET: {asked.path}).")

    def _session(self, session_id):
        if session_id not in self.sessions:
            raise No(404, f"No such checkout.session: '{session_id}'", code="resource_missing", param="session")
        return self.sessions[session_id]

    def _new_session(self, params):
        self.complaints += unknown_params(params, SessionCreateParams)
        if params.get("mode") != "payment":
            raise No(400, "You must provide one of the modes.", param="mode")
        [item] = params["line_items"]
        price = item["price_data"]
        amount = int(price["unit_amount"]) * int(item["quantity"])
        if amount < LEAST.get(price["currency"], 1):
            raise No(400, "The Checkout Session's total amount due must add up to at least 50 cents.",
                     code="amount_too_small")  # fmt: skip
        if amount > 99_999_999:
            raise No(400, "Amount must be no more than 99999999.", code="amount_too_large", param="line_items")
        expires_at = int(params.get("expires_at", self.now() + DAY))
        if not self.now() + 30 * MINUTE - 5 <= expires_at <= self.now() + DAY + 5:
            raise No(400, "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session "
                     "creation.", param="expires_at")  # fmt: skip
        for name in ("success_url", "cancel_url"):
            if not urlsplit(params[name]).scheme.startswith("http"):
                raise No(400, "Not a valid URL", code="url_invalid", param=name)
        session_id = self._id("cs_test")
        session = {
            "id": session_id,
            "object": "checkout.session",
            "mode": "payment",
            "status": "open",
            "payment_status": "unpaid",
            "amount_subtotal": amount,
            "amount_total": amount,
            "currency": price["currency"],
            "client_reference_id": params.get("client_reference_id"),
            "customer_email": params.get("customer_email"),
            "metadata": params.get("metadata", {}),
            "payment_intent": None,
            "url": f"{self.url}/c/pay/{session_id}",
            "success_url": params["success_url"],
            "cancel_url": params["cancel_url"],
            "expires_at": expires_at,
            "created": self.now(),
            "livemode": False,
            "locale": params.get("locale"),
        }
        self.complaints += unknown_fields(session, stripe.checkout.Session)
        self.sessions[session_id] = session
        return session

    def _asked_refund(self, params):
        self.complaints += unknown_params(params, RefundCreateParams)
        payment = params.get("payment_intent")
        if payment not in self.payments:
            raise No(404, f"No such payment_intent: '{payment}'", code="resource_missing", param="payment_intent")
        left = self.payments[payment]["amount"] - self._refunded(payment)
        amount = int(params.get("amount", left))
        if not 0 < amount <= left:
            raise No(400, f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
                     code="charge_already_refunded" if left == 0 else "amount_too_large")  # fmt: skip
        refund = self._new_refund(payment, amount, self.refund_status, params.get("metadata", {}))
        self._happened("refund.created", refund)
        return refund

    def _refunded(self, payment):
        alive = {"succeeded", "pending"}
        return sum(
            one["amount"]
            for one in self.refunds.values()
            if one["payment_intent"] == payment and one["status"] in alive
        )

    def _new_refund(self, payment, amount, status, metadata):
        refund = {
            "id": self._id("re"),
            "object": "refund",
            "amount": amount,
            "currency": self.payments[payment]["currency"],
            "charge": payment.replace("pi_", "ch_"),
            "payment_intent": payment,
            "status": status,
            "reason": None,
            "created": self.now(),
            "metadata": metadata,
        }
        self.complaints += unknown_fields(refund, stripe.Refund)
        self.refunds[refund["id"]] = refund
        return refund

    def _listed_events(self, query):
        wanted, since = query.get("types"), int(query.get("created", {}).get("gte", 0))
        found = [one for one in reversed(self.events) if one["created"] >= since and one["type"] in (wanted or ())]
        if "starting_after" in query:
            ids = [one["id"] for one in found]
            found = found[ids.index(query["starting_after"]) + 1 :]
        limit = int(query.get("limit", 10))
        return {"object": "list", "url": "/v1/events", "has_more": len(found) > limit, "data": found[:limit]}

    def _happened(self, kind, thing):
        event = {
            "id": self._id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
            "data": {"object": json.loads(json.dumps(thing))},
        }
        self.complaints += unknown_fields(event, stripe.Event)
        self.events.append(event)
        return event

    def _id(self, prefix):
        return f"{prefix}_{next(self.numbers):016d}"

    def _page(self, asked):
        """The page on which a customer pays, as far as a browser needs one."""
        session = self.sessions[asked.path.rpartition("/")[2]]
        if asked.method == "POST":
            self.pay(session["id"])
            return Told(303, b"", {"Location": session["success_url"]})
        amount = f"{session['amount_total'] / 100:.2f} {session['currency'].upper()}"
        page = (
            f"<!doctype html><html lang=en><title>Checkout</title><main><h1>{amount}</h1><form method=post>"
            f"<button>Pay</button></form><a href='{session['cancel_url']}'>Back</a></main>"
        )
        return Told(200, page.encode())


def signed(event, secret=SECRET, at=None):
    """Write an event as Stripe posts it: the body, and the header that signs it (docs.stripe.com/webhooks)."""
    body = event if isinstance(event, bytes) else json.dumps(event, indent=2).encode()
    moment = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return body, f"t={moment},v1={digest}"


def nested(pairs):
    """Read `a[b][0]=c` as Stripe does."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        head, *rest = re.findall(r"[^\[\]]+", name)
        place = tree
        for part in (head, *rest)[:-1]:
            place = place.setdefault(part, {})
        place[(head, *rest)[-1]] = value
    return _listed(tree)


def _listed(tree):
    if not isinstance(tree, dict):
        return tree
    inner = {name: _listed(value) for name, value in tree.items()}
    return list(inner.values()) if inner and all(name.isdigit() for name in inner) else inner


def unknown_fields(body, resource):
    """Name the fields of an answer that Stripe's library does not know."""
    known = {name for kind in resource.__mro__ for name in getattr(kind, "__annotations__", {})}
    return [f"{resource.__name__} has no {name}" for name in body if name not in known | {"object"}]


def unknown_params(params, form, place=""):
    """Name what a request says that Stripe's library does not know, however deep."""
    wrong = []
    for name, value in params.items():
        if name not in form.__annotations__:
            wrong.append(f"{place}{name} is no parameter")
            continue
        # The library's annotations name forms of the same file, and some that it never imports.
        names = re.findall(r"\w+", repr(form.__annotations__[name]))
        found = [getattr(sys.modules[form.__module__], one, None) for one in names]
        for inner in [one for one in found if hasattr(one, "__required_keys__")]:
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    wrong += unknown_params(one, inner, f"{place}{name}.")
    return wrong

"""Twilio's messages, stateful, over real HTTP; its answers are held to the form that Twilio publishes.

Faults beside those of fake_http: `suspended`, `queue_full`, `daily_limit`, `maintenance` (503, Retry-After 7),
`failed_at_once` (a message is made, and has failed already), `new_code` (a code that nobody knows yet).
"""

import base64
import re
import socket
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count

from jsonschema import Draft202012Validator

from servers.fake_http import FakeServer, Told

ACCOUNT, TOKEN = "AC" + "0123456789abcdef" * 2, "a secret token"
SERVICE = "MG" + "0123456789abcdef" * 2
NUMBER = "+4915112345678"
NOTHING = {"type": "null"}
TEXT, PERHAPS = {"type": "string"}, {"type": ["string", "null"]}
MOMENT = {"type": "string", "pattern": r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$"}
# https://www.twilio.com/docs/messaging/api/message-resource#message-properties
MESSAGE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "sid": {"type": "string", "pattern": "^(SM|MM)[0-9a-f]{32}$"},
        "account_sid": {"type": "string", "pattern": "^AC[0-9a-f]{32}$"},
        "messaging_service_sid": {"type": ["string", "null"], "pattern": "^MG[0-9a-f]{32}$"},
        "api_version": {"const": "2010-04-01"},
        "body": TEXT,
        "to": TEXT,
        "from": PERHAPS,
        "direction": {"enum": ["inbound", "outbound-api", "outbound-call", "outbound-reply"]},
        "status": {
            "enum": [
                "queued", "sending", "sent", "failed", "delivered", "undelivered", "receiving", "received", "accepted",
                "scheduled", "read", "partially_delivered", "canceled",
            ]
        },
        "num_segments": TEXT,
        "num_media": TEXT,
        "price": PERHAPS,
        "price_unit": PERHAPS,
        "error_code": {"type": ["integer", "null"]},
        "error_message": PERHAPS,
        "date_created": MOMENT,
        "date_updated": MOMENT,
        "date_sent": {"anyOf": [NOTHING, MOMENT]},
        "uri": TEXT,
        "subresource_uris": {"type": "object"},
    },
}  # fmt: skip
MESSAGE["required"] = list(MESSAGE["properties"])
# https://www.twilio.com/docs/usage/twilios-response#exceptions
PROBLEM = {
    "type": "object",
    "additionalProperties": False,
    "required": ["code", "message", "more_info", "status"],
    "properties": {"code": {"type": "integer"}, "message": TEXT, "more_info": TEXT, "status": {"type": "integer"}},
}


class No(Exception):
    """An error of the API (https://www.twilio.com/docs/api/errors)."""

    def __init__(self, status, code, message, **headers):
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers


class TwilioFake(FakeServer):
    """`messages` holds what was sent; the sets say what is the matter with numbers."""

    def __init__(self):
        super().__init__()
        self.messages = []
        self.unsubscribed, self.landlines, self.unknown = set(), set(), set()
        self.connections, self.numbers = 0, count(1)
        self.open = []

    def process_request(self, request, client_address):
        self.connections += 1
        self.open.append(request)
        super().process_request(request, client_address)

    def close_idle(self):
        """Close every connection, as a server does with those that are idle."""
        while self.open:
            with suppress(OSError):
                self.open.pop().shutdown(socket.SHUT_RDWR)

    def tell(self, asked):
        try:
            message = self._answer(asked)
        except No as no:
            body = {
                "code": no.code,
                "message": str(no),
                "more_info": f"https://www.twilio.com/docs/errors/{no.code}",
                "status": no.status,
            }
            self.complaints += complaints_about(body, PROBLEM)
            return Told(no.status, body, no.headers)
        self.complaints += complaints_about(message, MESSAGE)
        return Told(201, message)

    def _answer(self, asked):
        self._let_in(asked)
        found = re.fullmatch(r"/2010-04-01/Accounts/(AC[0-9a-f]{32})/Messages\.json", asked.path)
        if not found or found[1] != ACCOUNT:
            raise No(404, 20404, f"The requested resource {asked.path} was not found")
        if asked.method != "POST":
            raise No(405, 20004, "Method not allowed")
        if asked.headers["Content-Type"] != "application/x-www-form-urlencoded":
            raise No(415, 20415, "Unsupported media type")
        form = asked.form
        self._check_sender(form)
        self._check_recipient(form.get("To", ""))
        if not form.get("Body"):
            raise No(400, 21602, "Message body is required.")
        if len(form["Body"]) > 1600:
            raise No(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        message = self._made(form)
        self.messages.append(message)
        return message

    def _let_in(self, asked):
        wanted = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if asked.headers["Authorization"] != wanted:
            raise No(401, 20003, "Authenticate")
        if self.fault == "suspended":
            raise No(403, 20005, "Account is not active")
        if self.fault == "queue_full":
            raise No(429, 21611, "This 'From' number has exceeded the maximum number of queued messages")
        if self.fault == "daily_limit":
            raise No(429, 63038, "Account exceeded the daily messages limit")
        if self.fault == "maintenance":
            raise No(503, 20503, "Service unavailable", **{"Retry-After": "7"})
        if self.fault == "new_code":
            raise No(400, 29999, "Something that was not thought of when this was written")

    def _check_sender(self, form):
        if "From" not in form and "MessagingServiceSid" not in form:
            raise No(400, 21603, "A 'From' phone number is required.")
        if form.get("MessagingServiceSid", SERVICE) != SERVICE:
            raise No(400, 21705, "The 'MessagingServiceSid' is invalid.")
        if form.get("From", NUMBER) != NUMBER:
            raise No(400, 21659, f"'From' {form['From']} is not a Twilio phone number or Short Code country mismatch")

    def _check_recipient(self, number):
        if not number:
            raise No(400, 21604, "A 'To' phone number is required.")
        if not re.fullmatch(r"\+[1-9]\d{6,14}", number) or number in self.unknown:
            raise No(400, 21211, f"The 'To' number {number} is not a valid phone number.")
        if number in self.unsubscribed:
            raise No(400, 21610, "Attempt to send to unsubscribed recipient")
        if number in self.landlines:
            raise No(400, 21635, "'To' number cannot be a landline")

    def _made(self, form):
        has_failed = self.fault == "failed_at_once"
        sid, now = f"SM{next(self.numbers):032x}", format_datetime(datetime.now(UTC))
        is_by_service = "MessagingServiceSid" in form
        uri = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}"
        return {
            "sid": sid,
            "account_sid": ACCOUNT,
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "api_version": "2010-04-01",
            "body": form["Body"],
            "to": form["To"],
            "from": form.get("From"),
            "direction": "outbound-api",
            "status": "failed" if has_failed else "accepted" if is_by_service else "queued",
            "num_segments": "0" if is_by_service else str(-(-len(form["Body"]) // 153)),
            "num_media": "0",
            "price": None,
            "price_unit": "USD",
            "error_code": 30006 if has_failed else None,
            "error_message": "Landline or unreachable carrier" if has_failed else None,
            "date_created": now,
            "date_updated": now,
            "date_sent": None,
            "uri": f"{uri}.json",
            "subresource_uris": {"media": f"{uri}/Media.json"},
        }


def complaints_about(body, schema):
    """Name what is wrong with an answer of ours."""
    return [error.message for error in Draft202012Validator(schema).iter_errors(body)]

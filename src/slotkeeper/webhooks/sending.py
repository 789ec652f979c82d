"""Sending what is due to one endpoint: claim, ask, note. Outside of transactions, and it may be cut off anywhere."""

import time
from datetime import UTC, datetime

from django.conf import settings

from slotkeeper.outbound.addresses import AddressRefused
from slotkeeper.outbound.client import Answer, Client, Limits, Request, TooLarge, Unreachable
from slotkeeper.outbound.retry_after import seconds_to_wait
from slotkeeper.outbound.secret_box import SealBroken
from slotkeeper.webhooks.claims import claim_next
from slotkeeper.webhooks.models import WebhookDelivery
from slotkeeper.webhooks.outcomes import Outcome, note
from slotkeeper.webhooks.signing import headers_of

LIMITS = Limits(seconds=15.0, bytes=64_000)
_RUN_SECONDS = 5.0
SLOW_SECONDS = 2.0
_LONGEST_EXCERPT = 500
_GONE = 410
_BUSY = {429, 503}
_AWAY = {429, 502, 503, 504}


def work_on(endpoint_id: int) -> bool:
    """Send what is due to an endpoint, for a few seconds at most; say whether it answers promptly."""
    until = time.monotonic() + _RUN_SECONDS
    with Client(settings.CONFIGURATION.private_hosts) as http:
        while time.monotonic() < until:
            delivery = claim_next(endpoint_id, datetime.now(UTC))
            if delivery is None:
                break
            started = time.monotonic()
            outcome = attempt(http, delivery)
            note(delivery, outcome, datetime.now(UTC))
            is_prompt = time.monotonic() - started < SLOW_SECONDS
            if not (outcome.is_delivered and is_prompt):
                return is_prompt
    return True


def attempt(http: Client, delivery: WebhookDelivery) -> Outcome:
    """Make one request, and say what came of it."""
    try:
        request = Request(
            method="POST",
            url=delivery.endpoint.url,
            headers=headers_of(delivery, datetime.now(UTC)),
            body=delivery.body.encode(),
            limits=LIMITS,
            follows_redirects=False,
        )
        answer = http.send(request)
    except SealBroken:
        return Outcome(error="The secret was sealed with another key. Please make a new secret.")
    except TooLarge as error:  # whoever says yes at such length has said yes
        return Outcome(status=error.status, error="" if _is_yes(error.status) else str(error))
    except AddressRefused as error:
        return Outcome(error=str(error))
    except Unreachable as error:
        return Outcome(error=str(error), is_away=True)
    return _judged(answer)


def _judged(answer: Answer) -> Outcome:
    status = answer.status
    return Outcome(
        status=status,
        error="" if _is_yes(status) else _in_words(status),
        excerpt=_excerpt(answer.body),
        retry_after=seconds_to_wait(answer.headers) if status in _BUSY else None,
        is_away=status in _AWAY,
        is_gone=status == _GONE,
    )


def _is_yes(status: int) -> bool:
    return 200 <= status < 300


def _in_words(status: int) -> str:
    if status == _GONE:
        return "The receiver says that this address is gone for good (410)."
    if 300 <= status < 400:
        return f"The receiver leads elsewhere ({status}), and webhooks do not follow."
    return f"The receiver answers {status}."


def _excerpt(body: bytes) -> str:
    """Give the beginning of an answer, without what no database keeps."""
    text = body[: 4 * _LONGEST_EXCERPT].decode(errors="replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)[:_LONGEST_EXCERPT].strip()

"""A booking form that is sent twice, by a double click or again after a lost answer, books once.

The second is led to what the first one booked. What is kept of a form is one hash, of the secret in its page together
with everything it said: so only the same form from the same page is the same, and nothing can be read from it.
The worker deletes it with the API's kept answers, two days later.
"""

import hashlib
import json
import secrets
from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest

from slotkeeper.appointments.customer_links import make_link
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import find
from slotkeeper.appointments.self_service import BookedSlot
from slotkeeper.billing.gateway_models import Prepayment
from slotkeeper.billing.prepayments import text_of
from slotkeeper.people.models import IdempotentAnswer

_SECRET_BYTES = 24
_SECRET_CHARACTERS = _SECRET_BYTES * 4 // 3
_PREPAID = {"caller": "public form", "route": "pay in advance"}
_PLACE = {"caller": "public form", "route": "book"}  # beside the API's, whose callers are tokens and members


def new_form_key() -> str:
    """Make the secret of one form page."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def book_once(request: HttpRequest, business_id: int, book: Callable[[], BookedSlot]) -> str:
    """Book, or find what the same form booked before; give a link to it.

    The hash and what `book` stores stand in one transaction: a refusal leaves neither, and a second form waits for
    the first. A form without a secret of ours is always a new one. Raises what `book` raises.
    """
    digest = _digest_of(request)
    if digest is None:
        return book().link
    with transaction.atomic():
        kept, _ = IdempotentAnswer.objects.select_for_update().get_or_create(
            **_PLACE, key=digest.hex(), defaults={"body_hash": digest}
        )
        # Links are kept as hashes, so the first one's cannot be told again: the second gets its own.
        before = None if kept.body is None else find(Reach(business_id), int(bytes(kept.body)))
        if before is not None:
            return make_link(before)
        booked = book()
        kept.body = str(booked.row.id).encode()
        kept.save(update_fields=["body"])
    return booked.link


def prepay_once(request: HttpRequest, begin: Callable[[], Prepayment]) -> str:
    """Begin a booking that is paid in advance, or find what the same form began; give the text of its address.

    Raises what `begin` raises.
    """
    digest = _digest_of(request)
    if digest is None:
        return text_of(begin())
    with transaction.atomic():
        kept, _ = IdempotentAnswer.objects.select_for_update().get_or_create(
            **_PREPAID, key=digest.hex(), defaults={"body_hash": digest}
        )
        begun = None if kept.body is None else Prepayment.objects.filter(pk=int(bytes(kept.body))).first()
        if begun is None:
            begun = begin()
            kept.body = str(begun.pk).encode()
            kept.save(update_fields=["body"])
    return text_of(begun)


def _digest_of(request: HttpRequest) -> bytes | None:
    if len(request.POST.get("form_key", "")) != _SECRET_CHARACTERS:
        return None
    said = [request.get_full_path(), *sorted(request.POST.lists())]
    return hashlib.sha256(json.dumps(said).encode()).digest()

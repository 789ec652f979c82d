"""Creating once: a repeated request with the same Idempotency-Key gets the first one's answer."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus

from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse

from slotkeeper import hot_sql
from slotkeeper.doors.api.problems import ApiProblem, bad_field
from slotkeeper.doors.api.reading import body_of
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import IdempotentAnswer

_LOCK_WAIT_SECONDS = 5


def once(request: HttpRequest, caller: Caller, make: Callable[[], HttpResponse]) -> HttpResponse:
    """Run `make` once per Idempotency-Key and keep its answer; without the header just run it.

    The key and what `make` stores stand in one transaction: a refusal or a crash leaves neither.
    Raises ApiProblem: 422 for the same key with another body, 409 while the first is still running.
    """
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return make()
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise bad_field("Idempotency-Key", "INVALID_FIELD", "Send 1 to 255 visible ASCII characters.")
    body_hash = hashlib.sha256(body_of(request)).digest()
    identity = {"caller": caller.key, "route": f"{request.method} {request.path}", "key": key}
    with transaction.atomic():
        row = _claimed(identity, body_hash)
        if row.status is not None:
            return _repeated(row, body_hash)
        response = make()
        row.status, row.body = response.status_code, response.content
        row.headers = {name: response[name] for name in ("Location", "ETag") if name in response}
        row.save()
    return response


def _claimed(identity: dict[str, str], body_hash: bytes) -> IdempotentAnswer:
    """Insert the key, or find it; a second request waits here until the first has committed."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if hot_sql.is_postgresql():
                cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT_SECONDS}s'")
            row, _ = IdempotentAnswer.objects.select_for_update().get_or_create(
                **identity, defaults={"body_hash": body_hash, "created_at": datetime.now(UTC)}
            )
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "55P03":
            raise
        raise ApiProblem(
            HTTPStatus.CONFLICT,
            "IN_PROGRESS",
            "The first request with this Idempotency-Key is still running.",
        ) from None
    return row


def _repeated(row: IdempotentAnswer, body_hash: bytes) -> HttpResponse:
    if bytes(row.body_hash) != body_hash:
        raise ApiProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "IDEMPOTENCY_MISMATCH",
            "This Idempotency-Key was used with another body.",
        )
    assert row.body is not None
    return HttpResponse(bytes(row.body), "application/json", row.status or 200, headers=row.headers)

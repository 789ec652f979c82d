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
_ABROAD = 60.0  # seconds that something may take that waits for somebody else


def once(request: HttpRequest, caller: Caller, make: Callable[[], HttpResponse]) -> HttpResponse:
    """Run `make` once per Idempotency-Key and keep its answer; without the header just run it.

    The key and what `make` stores stand in one transaction: a refusal or a crash leaves neither.
    Raises ApiProblem: 422 for the same key with another body, 409 while the first is still running.
    """
    key = _key_of(request)
    if key is None:
        return make()
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


def once_abroad(request: HttpRequest, caller: Caller, make: Callable[[], HttpResponse]) -> HttpResponse:
    """Do as `once`, for what asks somebody else and so cannot stand in one transaction with its key.

    The key is stored first, and while `make` runs nobody else with it is let in. Where it was cut off, it may be tried
    again after a while: whoever is asked must then see to it that the same is done once.
    """
    key = _key_of(request)
    if key is None:
        return make()
    body_hash = hashlib.sha256(body_of(request)).digest()
    identity = {"caller": caller.key, "route": f"{request.method} {request.path}", "key": key}
    with transaction.atomic():
        row = _claimed(identity, body_hash)
        if row.status is not None:
            return _repeated(row, body_hash)
        _require_same(row, body_hash)
        now = datetime.now(UTC).timestamp()
        if row.body is not None and float(bytes(row.body)) > now - _ABROAD:
            raise _in_progress()
        row.body = str(now).encode()  # since when it is under way
        row.save()
    response = None
    try:
        response = make()
    finally:
        if response is None:  # refused: nothing was done, or it is done once under the key of whoever was asked
            row.delete()
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
        raise _in_progress() from None
    return row


def _in_progress() -> ApiProblem:
    detail = "The first request with this Idempotency-Key is still running."
    return ApiProblem(HTTPStatus.CONFLICT, "IN_PROGRESS", detail)


def _key_of(request: HttpRequest) -> str | None:
    key: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is not None and (not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable()):
        raise bad_field("Idempotency-Key", "INVALID_FIELD", "Send 1 to 255 visible ASCII characters.")
    return key


def _repeated(row: IdempotentAnswer, body_hash: bytes) -> HttpResponse:
    _require_same(row, body_hash)
    assert row.body is not None
    return HttpResponse(bytes(row.body), "application/json", row.status or 200, headers=row.headers)


def _require_same(row: IdempotentAnswer, body_hash: bytes) -> None:
    if bytes(row.body_hash) != body_hash:
        raise ApiProblem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "IDEMPOTENCY_MISMATCH",
            "This Idempotency-Key was used with another body.",
        )

"""The frame of a resource with a version: its ETag, which versions a change accepts, and refusing a stale one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from msgspec import UnsetType

from slotkeeper.changes.versions import StaleVersion
from slotkeeper.doors.api.appointments import STALE, target_of
from slotkeeper.doors.api.base import JsonEndpoint, answer
from slotkeeper.doors.api.problems import ApiProblem

STALE_VERSION = STALE | {HTTPStatus.CONFLICT: "Stale `version`."}


def accepted_versions(endpoint: JsonEndpoint, version: int | UnsetType) -> frozenset[int] | None:
    """Say which versions If-Match or the body's `version` accepts; None for any."""
    return target_of(endpoint.request, endpoint.caller, 0, version).versions


@contextmanager
def refusing_stale(request: HttpRequest, write: Callable[[Any], Any]) -> Iterator[None]:
    """Answer a stale version with the current row: 412 where If-Match named it, else 409."""
    try:
        yield
    except StaleVersion as error:
        is_header = "If-Match" in request.headers
        status = HTTPStatus.PRECONDITION_FAILED if is_header else HTTPStatus.CONFLICT
        extra = {"current": write(error.current)}
        raise ApiProblem(status, "VERSION_CONFLICT", str(type(error).__doc__), extra=extra) from None


def answer_created(content: Any, place: str, version: int) -> HttpResponse:
    """Answer a row that was just stored: where it is, and its version as ETag."""
    return answer(content, HTTPStatus.CREATED, {"Location": place, "ETag": f'"{version}"'})


def answer_versioned(content: Any, version: int) -> HttpResponse:
    """Answer a row with its version as ETag."""
    return answer(content, headers={"ETag": f'"{version}"'})

"""Noticing refusals at every door, so that attempts to do what one may not stand in the audit trail."""

import logging
import time
from http import HTTPStatus

from django.db import Error
from django.http import HttpRequest, HttpResponseBase

from slotkeeper.doors.access import access_to
from slotkeeper.people.callers import Caller
from slotkeeper.people.refused_attempts import Attempt, note_refusal
from slotkeeper.rules.permissions import Permission

_READING = {"GET", "HEAD", "OPTIONS"}
logger = logging.getLogger("slotkeeper.doors")


def note_if_refused(request: HttpRequest, response: HttpResponseBase) -> None:
    """Write down what a member or a token was refused; whatever happens here, the answer stands."""
    caller: Caller | None = getattr(request, "caller", None)
    if caller is None or not _is_refusal(request, response):
        return
    match = request.resolver_match
    method = request.method or "GET"
    access = None if match is None else access_to(match.func, match.view_name, method)
    permission = access.value if isinstance(access, Permission) else None
    route = f"/{match.route}" if match else ""
    try:
        note_refusal(caller, Attempt(method, route, request.path, response.status_code, permission), int(time.time()))
    except Error as error:
        logger.warning("A refusal could not be written down: %s", error)


def _is_refusal(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Say whether somebody tried what they may not: a 403, or a change of what is not there for them.

    Whoever reads what is gone follows an old link; whoever changes it has a page that is open for long, or tries ids.
    """
    if response.status_code == HTTPStatus.FORBIDDEN:
        return True
    is_change = request.method not in _READING and request.resolver_match is not None
    return response.status_code == HTTPStatus.NOT_FOUND and is_change

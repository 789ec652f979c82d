"""What every door answers when it cannot: as a problem for programs, as a page for people."""

import sys
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext

from slotkeeper.doors.api.problems import ApiProblem, answer_problem, not_found, not_permitted
from slotkeeper.doors.middleware import is_api, unavailable


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 (413 for a body that is too large)."""
    status = HTTPStatus.BAD_REQUEST
    detail, code = gettext("The request is malformed."), "INVALID_FIELD"
    if isinstance(exception, RequestDataTooBig):
        status, detail, code = (
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "The body is larger than 1 MB.",
            "TOO_LARGE",
        )
    elif isinstance(exception, SuspiciousOperation) and "host" in str(exception).lower():
        detail = gettext("This server does not answer to that host name. See SLOTKEEPER_URL and SLOTKEEPER_HOSTS.")
    if is_api(request):
        return answer_problem(ApiProblem(status, code, detail))
    if code == "TOO_LARGE":
        return _page(request, status)
    return HttpResponse(detail, "text/plain", status.value)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403."""
    del exception
    return answer_problem(not_permitted()) if is_api(request) else _page(request, HTTPStatus.FORBIDDEN)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    del exception
    return answer_problem(not_found()) if is_api(request) else _page(request, HTTPStatus.NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 while the database is busy or away."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return unavailable(request)
    if is_api(request):
        detail = f"Something went wrong on our side. Nothing was stored. Request id: {getattr(request, 'id', '')}."
        return answer_problem(ApiProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", detail))
    return HttpResponse(gettext("Something went wrong on our side. Please try again."), "text/plain", 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form without its token: usually a page that was open for long."""
    del reason
    detail = gettext("This page was open for too long, or cookies are off. Reload it and try again.")
    if is_api(request):
        return answer_problem(not_permitted("Browser requests need the CSRF token in X-CSRFToken."))
    return _page(request, HTTPStatus.FORBIDDEN, detail)


def sign_in_locked(request: HttpRequest, response: Any = None, credentials: Any = None) -> HttpResponse:
    """Answer that there were too many wrong passwords."""
    del response, credentials
    detail = gettext("Too many attempts to sign in. Please wait 15 minutes.")
    return _page(request, HTTPStatus.TOO_MANY_REQUESTS, detail)


def _page(request: HttpRequest, status: HTTPStatus, detail: str = "") -> HttpResponse:
    return render(request, f"{status.value}.html", {"detail": detail}, status=status.value)

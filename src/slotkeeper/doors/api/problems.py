"""Error answers: RFC 9457 problem details with stable codes."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpResponse
from django.utils.translation import gettext_noop

PROBLEM_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True):
    """One bad field: its name, a stable code, and a sentence for people."""

    field: str
    code: str
    message: str


class Problem(msgspec.Struct, omit_defaults=True, frozen=True):
    """An error answer. `code` is stable; `errors` lists every bad field."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | msgspec.UnsetType = msgspec.UNSET


class ApiProblem(Exception):
    """Why a request is refused, ready to be answered. Nothing was stored."""

    retry_after_seconds = 0  # 0: the status's own

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors = status, code, detail, errors
        self.extra = extra or {}


def not_found() -> ApiProblem:
    """Refuse an id that is unknown, or foreign: nobody can tell which."""
    return ApiProblem(HTTPStatus.NOT_FOUND, "NOT_FOUND", "There is nothing here, or nothing that you may see.")


def bad_field(field: str, code: str, message: str) -> ApiProblem:
    """Refuse one field of the request."""
    return bad_fields([FieldError(field, code, message)])


def bad_fields(errors: Sequence[FieldError]) -> ApiProblem:
    """Refuse all bad fields at once; the answer's code is the first one's."""
    detail = " ".join(f"{error.field}: {error.message}" for error in errors)
    return ApiProblem(HTTPStatus.BAD_REQUEST, errors[0].code, detail, errors)


def not_signed_in() -> ApiProblem:
    """Refuse a request without a valid token or session."""
    return ApiProblem(
        HTTPStatus.UNAUTHORIZED, "NOT_SIGNED_IN", "Send a valid token: Authorization: Bearer <token>."
    )  # fmt: skip


def not_permitted(
    detail: str = gettext_noop("Your role, your limits or your token's scope do not allow this."),
) -> ApiProblem:
    """Refuse what the caller's role or token does not allow."""
    return ApiProblem(HTTPStatus.FORBIDDEN, "NOT_PERMITTED", detail)


def try_later() -> ApiProblem:
    """Refuse because the database is busy or away."""
    return ApiProblem(
        HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "The database is busy. Nothing was stored; try again."
    )


_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": 'Bearer realm="slotkeeper"'},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "1"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "60"},
}


def answer_problem(problem: ApiProblem) -> HttpResponse:
    """Write the problem as an HTTP answer."""
    content: dict[str, Any] = {
        "type": f"/api/docs#error-{problem.code.lower().replace('_', '-')}",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.errors:
        content["errors"] = problem.errors
    response = HttpResponse(msgspec.json.encode(content | dict(problem.extra)), PROBLEM_TYPE, problem.status.value)
    for name, value in _HEADERS.get(problem.status, {}).items():
        response[name] = value
    if problem.retry_after_seconds:
        response["Retry-After"] = str(problem.retry_after_seconds)
    return response

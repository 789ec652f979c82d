"""The one place that knows django-modern-rest: how our API differs from its defaults.

It gives typed endpoints and OpenAPI 3.1. What it lets pass or answers in a form of its own
(lax JSON, 405, Accept headers) is mended here, so that it stays replaceable.
"""

import dataclasses
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

import msgspec
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from dmr import Controller, HeaderSpec, ResponseSpec, validate
from dmr.components import BodyComponent, PathComponent, QueryComponent
from dmr.endpoint import Endpoint
from dmr.negotiation import ResponseNegotiator
from dmr.openapi import OpenAPIConfig, build_schema
from dmr.openapi.objects import Components, MediaType, OpenAPIFormat, OpenAPIType, Schema, SecurityScheme
from dmr.plugins.msgspec import MsgspecJsonRenderer, MsgspecSerializer
from dmr.routing import Router, path

from slotkeeper.doors.access import Access
from slotkeeper.doors.api import reading
from slotkeeper.doors.api.errors import as_problem
from slotkeeper.doors.api.problems import PROBLEM_TYPE, ApiProblem, Problem, answer_problem, try_later
from slotkeeper.people.callers import Caller
from slotkeeper.spreadsheets import CSV_TYPE, JSON_LINES_TYPE

__all__ = [
    "At",
    "Body",
    "CsvText",
    "JsonEndpoint",
    "OptionalBody",
    "PdfFile",
    "PictureBody",
    "Query",
    "Router",
    "answer",
    "answer_nothing",
    "answers",
    "openapi_of",
    "path",
]

logger = logging.getLogger("slotkeeper.doors.api")
TRIES = 3
ModelT = TypeVar("ModelT")


class CsvText(str):
    """An answer that is a table for spreadsheets, not JSON."""

    __slots__ = ()


class TableText(CsvText):
    """The same, or a JSON object a line; the parameter `format` says which."""

    __slots__ = ()


class PdfFile(bytes):
    """An answer that is a PDF; while it is being written, 202 says so."""

    __slots__ = ()


class _BodyReader(BodyComponent):
    """Reads the body strictly; every bad field is named."""

    def provide_context_data(self, endpoint: Any, controller: Any, *, field_model: Any, default: Any = None) -> Any:
        del endpoint, default
        return reading.read_body(controller.request, field_model)


class _OptionalBodyReader(BodyComponent):
    """Reads the body if there is one."""

    def provide_context_data(self, endpoint: Any, controller: Any, *, field_model: Any, default: Any = None) -> Any:
        del endpoint, default
        return reading.read_optional_body(controller.request, field_model)

    def get_schema(self, *arguments: Any, **options: Any) -> Any:
        """Say in the documentation that it may be left out."""
        body: Any = super().get_schema(*arguments, **options)
        return dataclasses.replace(body, required=False)


class _PictureReader(BodyComponent):
    """Reads the body as it is: a picture, whose content will say of which kind it is."""

    def provide_context_data(self, endpoint: Any, controller: Any, *, field_model: Any, default: Any = None) -> Any:
        del endpoint, field_model, default
        return reading.read_picture_body(controller.request)

    def get_schema(self, *arguments: Any, **options: Any) -> Any:
        """Say in the documentation which kinds there are."""
        body: Any = super().get_schema(*arguments, **options)
        picture = MediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        return dataclasses.replace(body, content=dict.fromkeys(reading.PICTURE_TYPES, picture))


class _QueryReader(QueryComponent):
    """Reads the query strictly: nothing unknown, nothing twice."""

    def provide_context_data(self, endpoint: Any, controller: Any, *, field_model: Any, default: Any = None) -> Any:
        del endpoint, default
        return reading.read_query(controller.request.GET, field_model)


Body: TypeAlias = Annotated[ModelT, _BodyReader()]
PictureBody: TypeAlias = Annotated[bytes, _PictureReader()]
OptionalBody: TypeAlias = Annotated[ModelT, _OptionalBodyReader()]
Query: TypeAlias = Annotated[ModelT, _QueryReader()]
At: TypeAlias = Annotated[ModelT, PathComponent()]


class _AlwaysJson(ResponseNegotiator):
    """Answers JSON whatever the Accept header says (RFC 9110 section 12.5.1 allows it)."""

    __slots__ = ()
    _json = MsgspecJsonRenderer()

    def __call__(self, request: HttpRequest) -> Any:
        request.__dmr_renderer__ = self._json  # type: ignore[attr-defined]  # where dmr looks for it
        return self._json


class _Operation(Endpoint):
    response_negotiator_cls = _AlwaysJson


class JsonEndpoint(Controller[MsgspecSerializer]):
    """A path of the API; `permissions` declares what each of its methods needs."""

    permissions: ClassVar[Mapping[str, Access]] = {}
    is_abstract = True
    endpoint_cls = _Operation
    error_model = Problem
    csrf_exempt = False  # browsers with a session must send the CSRF token; token requests never get that far
    validate_negotiation = False
    renderers = (MsgspecJsonRenderer(), MsgspecJsonRenderer(PROBLEM_TYPE))
    security = [{"bearer": []}]

    def __init_subclass__(cls) -> None:
        """Refuse, at import, a method for which no permission is declared."""
        super().__init_subclass__()
        missing = cls.api_endpoints.keys() - cls.permissions.keys()
        if missing:
            raise TypeError(f"{cls.__name__} declares no permission for {', '.join(sorted(missing))}.")

    @property
    def caller(self) -> Caller:
        """The member who is asking; the permission gate has let them pass."""
        caller: Caller = self.request.caller  # type: ignore[attr-defined]
        return caller

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Run the endpoint; try again after a deadlock or a lock that did not come free."""
        for number in range(TRIES):
            try:
                return super().dispatch(request, *args, **kwargs)
            except (OperationalError, InterfaceError) as error:
                if connection.in_atomic_block:
                    raise
                logger.warning("Try %d of %s failed: %s", number + 1, request.path, error)
                if not _is_passing(error):
                    connection.close()
                    break
                time.sleep(random.uniform(0, 0.05) * (number + 1))  # noqa: S311 -- jitter, not a secret
        return answer_problem(try_later())

    def handle_error(self, endpoint: Any, controller: Any, exc: Exception) -> HttpResponse:
        """Answer every refusal as a problem; what is our fault is raised on."""
        del endpoint, controller
        problem = as_problem(exc)
        if problem is None:
            raise exc
        return answer_problem(problem)

    def handle_method_not_allowed(self, method: str) -> HttpResponse:
        """Answer 405 in the form of every other refusal."""
        return method_not_allowed(method, sorted(self.api_endpoints))


def _is_passing(error: Exception) -> bool:
    """Say whether nothing was done and trying again may help: deadlock, serialization, a lock held too long."""
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    return sqlstate in {"40P01", "40001", "55P03"} or "database is locked" in str(error)


def method_not_allowed(method: str, allowed: Sequence[str]) -> HttpResponse:
    """Answer 405 with the methods there are."""
    detail = f"{method} is not allowed here; allowed: {', '.join(allowed)}."
    response = answer_problem(ApiProblem(HTTPStatus.METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", detail))
    response["Allow"] = ", ".join(allowed)
    return response


def answer(content: Any, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Answer a struct, or a dict of plain values, as JSON."""
    return HttpResponse(msgspec.json.encode(content), "application/json", status.value, headers=headers)


def answer_nothing() -> HttpResponse:
    """Answer that it is done and there is nothing to show."""
    response = HttpResponse(status=HTTPStatus.NO_CONTENT)
    del response["Content-Type"]
    return response


_ALWAYS = {
    HTTPStatus.BAD_REQUEST: "Something in the request is malformed or invalid.",
    HTTPStatus.UNAUTHORIZED: "The token is missing, unknown, expired or revoked.",
    HTTPStatus.FORBIDDEN: "The role or the token's scope does not allow it.",
    HTTPStatus.TOO_MANY_REQUESTS: "The limit on requests of this token is reached.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database stays busy or is away; nothing was stored.",
}
_PASSING = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_PUBLIC_PLACE = "/api/public/"
_WITH_BODY = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 1 MB.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not JSON.",
}
_TYPES: dict[Any, set[str]] = {
    CsvText: {CSV_TYPE},
    TableText: {CSV_TYPE, JSON_LINES_TYPE},
    PdfFile: {"application/pdf"},
}
NOT_FOUND = {HTTPStatus.NOT_FOUND: "There is nothing here, or nothing that the caller may see."}


def answers(
    content: Any,
    status: HTTPStatus = HTTPStatus.OK,
    *,
    refusals: Mapping[HTTPStatus, str] | None = None,
    problem: Any = Problem,
    headers: Sequence[str] = (),
) -> Callable[[Any], Any]:
    """Describe an operation: what it answers, and which refusals it has beside the usual ones.

    `problem` is the form of 409 and 412, where an operation adds fields of its own.
    """
    described = _ALWAYS | _WITH_BODY | dict(refusals or {})
    specs = [
        ResponseSpec(
            problem if code in {HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED} else Problem,
            status_code=code,
            description=text,
            headers={"Retry-After": HeaderSpec(required=False)} if code in _PASSING else None,
            limit_to_content_types={PROBLEM_TYPE},
        )
        for code, text in described.items()
    ]
    described_headers = {name: HeaderSpec() for name in headers}
    success = ResponseSpec(
        content,
        status_code=status,
        headers=described_headers or None,
        limit_to_content_types=_TYPES.get(content, {"application/json"}) if content else None,
    )
    return validate(success, *specs)


def openapi_of(router: Router) -> dict[str, Any]:
    """Generate the OpenAPI 3.1 document of a router."""
    config = OpenAPIConfig(
        title="Slotkeeper",
        version="0.1.0",
        description="Appointments that cannot be double-booked.",
        components=Components(
            security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", description="An API token.")}
        ),
    )
    document: dict[str, Any] = build_schema(router, config=config).convert()
    document["components"]["securitySchemes"].pop("csrf", None)
    for place, item in document["paths"].items():
        for operation in item.values():
            if isinstance(operation, dict):
                _mend(operation, is_public=place.startswith(_PUBLIC_PLACE))
    return document


def _mend(operation: dict[str, Any], *, is_public: bool) -> None:
    """Say what dmr cannot know: any Accept header is served, 204 is empty, tables are CSV, and two headers are read."""
    responses = operation["responses"]
    responses.pop("406", None)
    responses.get("204", {}).pop("content", None)
    if responses.get("200", {}).get("content") == {}:  # of a type that no renderer of JSON has
        has_choice = any(one.get("name") == "format" for one in operation.get("parameters", ()))
        types = _TYPES[PdfFile if "202" in responses else TableText if has_choice else CsvText]
        responses["200"]["content"] = {media_type: {"schema": {"type": "string"}} for media_type in sorted(types)}
    operation["security"] = [] if is_public else [{"bearer": []}]
    if is_public:
        return  # nobody asks who it is, and no key of one stranger may answer another
    for code, name, text in (
        ("201", "Idempotency-Key", "Repeat a request with the same key and body, and it is done once."),
        ("412", "If-Match", "The ETag that was read: refuse the change if the row has changed since."),
    ):
        if code in responses:
            parameter = {
                "name": name,
                "in": "header",
                "required": False,
                "description": text,
                "schema": {"type": "string"},
            }
            operation.setdefault("parameters", []).append(parameter)

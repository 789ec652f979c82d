"""Turning the OpenAPI document into what its page shows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

Document = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
TITLES = {
    "me": "The caller",
    "business": "The business",
    "public": "Booking without a token",
    "users": "Opening hours and time off",
    "holiday-calendars": "Holiday calendars",
    "webhook-endpoints": "Webhooks",
}
PROBLEMS = {"Problem", "FieldError"}


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of a body: `kind` in words, `schema` the named shape it refers to, if any."""

    name: str
    kind: str
    schema: str
    is_required: bool
    default: str
    note: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers with one status."""

    status: str
    text: str
    schema: str
    headers: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path; `usual` are the statuses that every operation may answer."""

    anchor: str
    method: str
    path: str
    summary: str
    parameters: list[Field]
    body: str
    answers: list[Answer]
    usual: list[str]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations of one resource."""

    anchor: str
    title: str
    operations: list[Operation]


@dataclass(frozen=True, slots=True)
class Shape:
    """A named shape: an object's fields, or a list of allowed words."""

    name: str
    text: str
    fields: list[Field]
    words: list[str]


@register.filter
def marked(text: str) -> SafeString:
    """Show what stands in backticks as code."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308 -- escaped just now


@register.filter
def groups(document: Document) -> list[Group]:
    """List the operations, by resource."""
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        resource = path.split("/")[2]
        found.setdefault(resource, []).extend(
            _operation(method, path, methods[method]) for method in METHODS if method in methods
        )
    return [Group(name, TITLES.get(name, name.capitalize()), operations) for name, operations in found.items()]


@register.filter
def shapes(document: Document) -> list[Shape]:
    """List the named shapes, by name."""
    schemas = document["components"]["schemas"]
    return [_shape(name, schemas[name]) for name in sorted(schemas)]


@register.filter
def shape(document: Document, name: str) -> Shape:
    """Find one named shape."""
    return _shape(name, document["components"]["schemas"][name])


def _shape(name: str, schema: Document) -> Shape:
    required = set(schema.get("required", ()))
    fields = [_field(field, one, field in required) for field, one in schema.get("properties", {}).items()]
    return Shape(name, schema.get("description", ""), fields, [str(word) for word in schema.get("enum", ())])


def _operation(method: str, path: str, operation: Document) -> Operation:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    answers = [_answer(status, one) for status, one in operation["responses"].items()]
    # 406 stands in the document for every operation; the server answers JSON whatever Accept says.
    answers = [answer for answer in answers if answer.status != "406"]
    return Operation(
        anchor=f"{method}-{path.removeprefix('/api/').replace('/', '-').replace('{', '').replace('}', '')}",
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        parameters=[_parameter(one) for one in operation.get("parameters", ())],
        body=_reference(body),
        answers=[answer for answer in answers if not _is_usual(answer)],
        usual=[answer.status for answer in answers if _is_usual(answer)],
    )


def _is_usual(answer: Answer) -> bool:
    return answer.status in {"400", "401", "403", "413", "415", "429", "503"} and answer.schema in PROBLEMS


def _answer(status: str, answer: Document) -> Answer:
    content: Any = next(iter(answer.get("content", {}).values()), {})
    return Answer(
        status,
        answer.get("description", ""),
        _reference(content.get("schema", {})),
        ", ".join(answer.get("headers", {})),
    )


def _parameter(parameter: Document) -> Field:
    return _field(parameter["name"], parameter["schema"], parameter.get("required", False), parameter["in"])


def _field(name: str, schema: Document, is_required: bool, place: str = "") -> Field:
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    may_be_null = len(kinds) < len(schema.get("anyOf", ()))
    default = schema.get("default")
    return Field(
        name=name,
        kind=" or ".join(_kind(one) for one in kinds) + (" or null" if may_be_null and place != "query" else ""),
        schema=next((_reference(one) for one in kinds if _reference(one)), ""),
        is_required=is_required,
        default="" if default is None or default == [] else str(default).lower(),
        note=" ".join(_notes(schema, kinds)),
        place=place,
    )


def _notes(schema: Document, kinds: list[Any]) -> Iterator[str]:
    for one in [schema, *kinds] if "anyOf" in schema else kinds:
        if "description" in one:
            yield one["description"]
        elif "maxLength" in one:
            yield f"At most {one['maxLength']} characters."
        if "minimum" in one and "maximum" in one:
            yield f"{one['minimum']} to {one['maximum']}."


def _kind(schema: Document) -> str:
    if "$ref" in schema:
        return _reference(schema)
    if "enum" in schema:
        return " or ".join(str(word) for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type", "anything"))


def _reference(schema: Document) -> str:
    """Name the shape that a schema refers to, itself or as a list's items."""
    return str(schema.get("$ref") or schema.get("items", {}).get("$ref", "")).rpartition("/")[2]


# What a program finds in `code`, the status it comes with, and what to do.
ERROR_CODES = (
    ("MALFORMED_JSON", 400, "The body is not valid JSON, or names a field twice."),
    ("MISSING_BODY", 400, "The request needs a JSON body."),
    ("MISSING_FIELDS", 400, "Required fields are missing; “errors” names each."),
    ("UNKNOWN_FIELD", 400, "A field or query parameter is unknown here, or given twice."),
    ("INVALID_FIELD", 400, "A field has a wrong type, is too long, or out of range."),
    ("INVALID_DATE", 400, "This is no time. Write it like 2026-01-15T10:00:00 or 2026-01-15T10:00:00+01:00."),
    (
        "NONEXISTENT_TIME",
        400,
        "The clocks skip this local time. Add the offset you mean; the message lists them.",
    ),
    (
        "AMBIGUOUS_TIME",
        400,
        "The clocks show this local time twice. Add the offset you mean; the message lists both.",
    ),
    ("END_BEFORE_START", 400, "The end must come after the start."),
    (
        "IN_THE_PAST",
        400,
        "The time lies in the past. For an appointment, “suggested_slots” has the next free times.",
    ),
    ("TOO_LONG", 400, "An appointment lasts at most 31 days, and a free/busy range at most 92."),
    ("NOT_SIGNED_IN", 401, "The token is missing, unknown, expired or revoked."),
    (
        "NOT_PERMITTED",
        403,
        "The role or the scope of the token does not allow this, or a browser sent no CSRF token.",
    ),
    ("NOT_FOUND", 404, "There is nothing here, or nothing that you may see. Both answer alike."),
    (
        "METHOD_NOT_ALLOWED",
        405,
        "This path does not take this method; the Allow header lists those it takes.",
    ),
    (
        "SLOT_TAKEN",
        409,
        "The time is not free. “conflicts” says what is there, “suggested_slots” what is free next.",
    ),
    (
        "NOT_OFFERED",
        409,
        "Customers cannot book this time, or the person cannot be given the appointment. “reasons” says why, "
        "“suggested_slots” what is free next.",
    ),
    ("HOLD_EXPIRED", 409, "The hold was over, and the time is gone; as NOT_OFFERED."),
    ("CANNOT_CONNECT", 409, "The calendar account cannot be reached; the message says why."),
    (
        "INVALID_TRANSITION",
        409,
        "The status of the appointment does not allow this; the message says what it allows.",
    ),
    ("STILL_IN_USE", 409, "A resource that is booked for a time to come cannot be deleted."),
    ("BEING_SENT", 409, "The message is being sent just now. Look again in a moment."),
    ("ENDPOINT_OFF", 409, "The webhook endpoint is switched off: nothing is sent there."),
    ("TOO_MANY_ENDPOINTS", 409, "A business can have 20 webhook endpoints."),
    (
        "VERSION_CONFLICT",
        409,
        "Somebody changed it since you read it (412 with If-Match). “current” is how it is now.",
    ),
    (
        "IN_PROGRESS",
        409,
        "The first request with this Idempotency-Key is still running. Repeat it in a moment.",
    ),
    ("TOO_LARGE", 413, "The body is larger than 1 MB."),
    ("UNSUPPORTED_MEDIA_TYPE", 415, "Send the body as application/json."),
    ("IDEMPOTENCY_MISMATCH", 422, "This Idempotency-Key was used with another body. Use a new key."),
    ("ALREADY_BOOKED", 409, "The quote has its appointment already."),
    ("ALREADY_ENTERED", 409, "This payment is entered already."),
    ("ALREADY_INVITED", 409, "This address has an invitation that is open."),
    ("ALREADY_INVOICED", 409, "The appointment has an invoice already."),
    ("ALREADY_MEMBER", 409, "This person works here already."),
    ("BEING_WRITTEN", 202, "The PDF is being written. Ask again in a moment."),
    ("GATEWAY_AWAY", 503, "The payment provider does not answer. Repeat it after Retry-After."),
    ("GATEWAY_REFUSED", 409, "The payment provider refused; “detail” says why."),
    ("HAS_APPOINTMENTS", 409, "The member has appointments to come; they are listed."),
    ("LAST_OWNER", 409, "A business needs an owner: make somebody else one first."),
    ("NOTHING_OWED", 409, "Nothing is owed on this invoice."),
    ("NOTHING_PAID", 409, "Nothing was paid that could be given back."),
    ("PAYMENTS_OFF", 409, "Payments are not set up: the business's keys are missing."),
    ("PAYMENT_UNDER_WAY", 409, "A payment is under way; wait for it."),
    ("PREPAYMENT_REQUIRED", 409, "This service is paid in advance; book it on its page."),
    ("PROFILE_INCOMPLETE", 409, "The billing profile lacks what an invoice must say; “errors” names it."),
    ("QUOTE_EXPIRED", 409, "The quote is no longer valid."),
    ("SECOND_FACTOR_REQUIRED", 403, "This business asks for a second factor: set one up first."),
    ("TOO_MANY_INVITATIONS", 409, "Too many invitations today."),
    ("RATE_LIMITED", 429, "Too many requests with this token. Wait as long as Retry-After says."),
    ("INTERNAL_ERROR", 500, "A fault of ours. Nothing was stored; report the request id."),
    ("UNAVAILABLE", 503, "The database is busy or away. Nothing was stored; repeat it after Retry-After."),
)


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One `code`; `anchor` is where a problem's `type` points."""

    code: str
    status: int
    text: str
    anchor: str


@register.simple_tag
def example_day() -> str:
    """Give a day that the examples may book: a Tuesday at least a week ahead."""
    earliest = datetime.now(UTC).date() + timedelta(days=7)
    return (earliest + timedelta(days=(1 - earliest.weekday()) % 7)).isoformat()


@register.simple_tag
def error_codes() -> list[ErrorCode]:
    """List every code that an answer may carry."""
    return [
        ErrorCode(code, status, text, f"error-{code.lower().replace('_', '-')}") for code, status, text in ERROR_CODES
    ]

"""Reading requests strictly: typed bodies and queries, every bad field named at once."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, QueryDict

from slotkeeper.doors.api.problems import ApiProblem, FieldError, bad_field, bad_fields
from slotkeeper.doors.ids import known_id as known_id  # noqa: PLC0414 -- resources take it from here, too

T = TypeVar("T", bound=msgspec.Struct)

BODY_LIMIT_BYTES = 1_000_000
PICTURE_TYPES = ("image/png", "image/jpeg", "image/webp")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MAY_HOLD_CONTROLS = re.compile(rb"[\\\x7f]")  # in JSON none but DEL may stand unescaped
_ONE_LINE_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_SEVERAL_LINES = {"answers", "description", "introduction", "note", "notes", "reason"}


def read_body(request: HttpRequest, model: type[T]) -> T:
    """Decode a JSON body into `model`. Raises ApiProblem: 400, 413 or 415."""
    body = body_of(request)
    if not body.strip():
        raise ApiProblem(HTTPStatus.BAD_REQUEST, "MISSING_BODY", "The request needs a JSON body.")
    if request.content_type != "application/json":
        raise ApiProblem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "Send JSON: Content-Type: application/json.",
        )
    try:
        _STRICT.decode(body.decode())
        read: T = _decoder(model).decode(body)
    except (msgspec.ValidationError, OverflowError):
        raise _all_errors(body, model) from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        detail = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise ApiProblem(HTTPStatus.BAD_REQUEST, "MALFORMED_JSON", f"The body is not valid JSON: {detail}.") from None
    return _clean(read) if _MAY_HOLD_CONTROLS.search(body) else read


def read_optional_body(request: HttpRequest, model: type[T]) -> T:
    """Decode a JSON body if there is one, else give the model's defaults."""
    return read_body(request, model) if body_of(request).strip() else model()


def read_picture_body(request: HttpRequest) -> bytes:
    """Give a body that is a picture, whatever kind it says it is. Raises ApiProblem: 400, 413 or 415."""
    body = body_of(request)
    if not body:
        raise ApiProblem(HTTPStatus.BAD_REQUEST, "MISSING_BODY", "The request needs a body: the picture.")
    if request.content_type not in PICTURE_TYPES:
        raise ApiProblem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            f"Send a picture: Content-Type {' or '.join(PICTURE_TYPES)}.",
        )
    return body


def body_of(request: HttpRequest) -> bytes:
    """Give the raw body. Raises ApiProblem (413) when it is larger than 1 MB."""
    try:
        body = request.body
    except RequestDataTooBig:
        body = b" " * (BODY_LIMIT_BYTES + 1)
    if len(body) > BODY_LIMIT_BYTES:
        raise ApiProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "TOO_LARGE", "The body is larger than 1 MB.")
    return body


def read_query(query: QueryDict, model: type[T]) -> T:
    """Read a query string into `model`; only list fields may be given several times. Raises ApiProblem (400)."""
    errors, values = [], dict[str, str | list[str]]()
    types, list_names = _types(model), _list_names(model)
    for name, given in query.lists():
        if name not in types:
            errors.append(FieldError(name, "UNKNOWN_FIELD", "There is no such parameter."))
        elif name in list_names:
            values[name] = given
        elif len(given) > 1:
            errors.append(FieldError(name, "INVALID_FIELD", "It is given more than once."))
        else:
            values[name] = given[0]
    errors += _missing(values, model)
    if not errors:
        with suppress(msgspec.ValidationError):
            return _clean(msgspec.convert(values, model, strict=False))
    for name, value in values.items():
        try:
            msgspec.convert(value, types[name], strict=False)
        except msgspec.ValidationError as error:
            errors.append(FieldError(name, "INVALID_FIELD", _sentence(error)))
    raise bad_fields(errors)


@cache
def _decoder(model: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(model, strict=True)


@cache
def _types(model: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(model)}


@cache
def _list_names(model: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(name for name, kind in _types(model).items() if "list[" in str(kind))


@cache
def _required_names(model: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(field.encode_name for field in msgspec.structs.fields(model) if field.required)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len(pairs) != len({name for name, _ in pairs}):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise bad_field(_shown(name), "INVALID_FIELD", "It is given more than once.")
            seen.add(name)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


# The standard parser sees what msgspec lets pass: keys given twice.
_STRICT = json.JSONDecoder(object_pairs_hook=_without_duplicates, parse_constant=_no_constant)


def _all_errors(body: bytes, model: type[msgspec.Struct]) -> ApiProblem:
    """Find every bad field; msgspec itself stops at the first."""
    given = json.loads(body)
    if not isinstance(given, dict):
        return ApiProblem(HTTPStatus.BAD_REQUEST, "MALFORMED_JSON", "The body must be a JSON object.")
    types = _types(model)
    errors = [
        FieldError(_shown(name), "UNKNOWN_FIELD", "There is no such field.") for name in given if name not in types
    ]
    errors = _missing(given, model) + errors
    for name in given.keys() & types.keys():
        try:
            msgspec.convert(given[name], types[name], strict=True)
        except (msgspec.ValidationError, OverflowError) as error:
            errors.append(FieldError(name, "INVALID_FIELD", _sentence(error)))
    return (
        bad_fields(errors) if errors else ApiProblem(HTTPStatus.BAD_REQUEST, "MALFORMED_JSON", "The body is invalid.")
    )


def _missing(given: Mapping[str, Any], model: type[msgspec.Struct]) -> list[FieldError]:
    return [
        FieldError(name, "MISSING_FIELDS", "It is required.") for name in _required_names(model) if name not in given
    ]


def _shown(name: str) -> str:
    """Repeat a name that somebody sent: short, and without the half characters that JSON can smuggle in."""
    return name[:100].encode("utf-8", "replace").decode()


def _sentence(error: Exception) -> str:
    text = str(error).split(" - at `")[0]
    return f"{text}."


def _clean(read: T) -> T:
    """Refuse control characters anywhere, and in lines also line breaks."""
    errors = []
    for name in read.__struct_fields__:
        forbidden = _FORBIDDEN if name in _SEVERAL_LINES else _ONE_LINE_FORBIDDEN
        if _holds(getattr(read, name), forbidden):
            errors.append(FieldError(name, "INVALID_FIELD", "It contains control characters."))
    if errors:
        raise bad_fields(errors)
    return read


def _holds(value: Any, forbidden: re.Pattern[str]) -> bool:
    if isinstance(value, str):
        return forbidden.search(value) is not None
    if isinstance(value, list):
        return any(_holds(one, forbidden) for one in value)
    if isinstance(value, msgspec.Struct):
        return any(_holds(getattr(value, name), forbidden) for name in value.__struct_fields__)
    return False

"""Limits on how often something may be done in a stretch of time, counted in rows that all processes share."""

import time
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv6Address

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from slotkeeper.doors.api.problems import ApiProblem
from slotkeeper.doors.source import address_of

MINUTE, HOUR, DAY = 60, 3600, 86_400
_PORTAL_LINKS_PER_SOURCE_AND_HOUR, _PORTAL_LINKS_PER_ADDRESS_AND_DAY = 20, 10
_SOURCE_PREFIX = 64  # of an IPv6 address: what one household or one machine is given


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` times in each stretch of `seconds`, by whoever `key` names; 0 is no limit."""

    key: str
    most: int
    seconds: int


def is_over_limit(caller_key: str) -> bool:
    """Count one request of this caller and say whether it is one too many for a minute."""
    most: int = settings.CONFIGURATION.token_requests_per_minute
    return most > 0 and wait_seconds([Limit(caller_key, most, MINUTE)]) > 0


def wait_seconds(limits: list[Limit]) -> int:
    """Count once for each limit; 0 while all are kept, else the seconds until it may be tried again."""
    limits = sorted((limit for limit in limits if limit.most), key=lambda limit: limit.key)
    if not limits:
        return 0
    now = int(time.time())
    # A count is kept under the last minute of its stretch, after which the worker deletes it.
    ends = {limit.key: (now // limit.seconds + 1) * limit.seconds for limit in limits}
    rows = ", ".join(["(%s, %s, 1)"] * len(limits))
    values = [value for limit in limits for value in (limit.key, ends[limit.key] // MINUTE - 1)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO request_counts (caller, minute, count) VALUES {rows} "
            "ON CONFLICT (caller, minute) DO UPDATE SET count = request_counts.count + 1 RETURNING caller, count",
            values,
        )
        counts: dict[str, int] = dict(cursor.fetchall())
    return max((ends[limit.key] - now for limit in limits if counts[limit.key] > limit.most), default=0)


def holding_limits(request: HttpRequest) -> list[Limit]:
    """Say how often a visitor may have a time kept free."""
    return [Limit(f"hold {source_of(request)}", settings.CONFIGURATION.holds_per_source_and_hour, HOUR)]


def changing_limits(request: HttpRequest) -> list[Limit]:
    """Say how often a visitor may book, move or cancel."""
    return [Limit(f"book {source_of(request)}", settings.CONFIGURATION.bookings_per_source_and_hour, HOUR)]


def booking_limits(request: HttpRequest, email: str) -> list[Limit]:
    """Say how often a visitor may book under an e-mail address."""
    per_address = settings.CONFIGURATION.bookings_per_address_and_day
    return [*changing_limits(request), Limit(f"book {_blurred(email.strip().lower())}", per_address, DAY)]


def portal_limits(request: HttpRequest, business_id: int, email: str) -> list[Limit]:
    """Say how often a link to all that is somebody's may be asked for: from one place, and for one address."""
    address = _blurred(f"{business_id} {email.strip().lower()}")
    return [
        Limit(f"portal {source_of(request)}", _PORTAL_LINKS_PER_SOURCE_AND_HOUR, HOUR),
        Limit(f"portal {address}", _PORTAL_LINKS_PER_ADDRESS_AND_DAY, DAY),
    ]


def source_of(request: HttpRequest) -> str:
    """Name where a request comes from, unrecognisably: the address, of IPv6 its network."""
    address = address_of(request)
    if address is None:
        return _blurred(str(request.META.get("REMOTE_ADDR", "")))
    if isinstance(address, IPv6Address):
        return _blurred(f"{int(address) >> (128 - _SOURCE_PREFIX):x}/{_SOURCE_PREFIX}")
    return _blurred(str(address))


def _blurred(text: str) -> str:
    """Turn what identifies a person into what only tells two apart: counts need no more."""
    return salted_hmac("slotkeeper: request counts", text, algorithm="sha256").hexdigest()[:32]


def too_many_requests(
    detail: str = "Too many requests with this token; wait a minute.", seconds: int = 0
) -> ApiProblem:
    """Refuse a request beyond a limit; it may be tried again after so many seconds."""
    problem = ApiProblem(HTTPStatus.TOO_MANY_REQUESTS, "RATE_LIMITED", detail)
    problem.retry_after_seconds = seconds
    return problem

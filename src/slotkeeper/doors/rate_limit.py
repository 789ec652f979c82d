"""A limit on requests per token and minute, off unless a setting asks for one."""

import time
from http import HTTPStatus

from django.conf import settings
from django.db import connection, transaction

from slotkeeper.doors.api.problems import ApiProblem


def is_over_limit(caller_key: str) -> bool:
    """Count one request of this caller, in a row that all processes share, and say whether it is one too many."""
    limit: int = settings.CONFIGURATION.token_requests_per_minute
    if not limit:
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO request_counts (caller, minute, count) VALUES (%s, %s, 1) "
            "ON CONFLICT (caller, minute) DO UPDATE SET count = request_counts.count + 1 RETURNING count",
            [caller_key, int(time.time()) // 60],
        )
        return bool(cursor.fetchall()[0][0] > limit)


def too_many_requests() -> ApiProblem:
    """Refuse a request beyond the limit."""
    return ApiProblem(HTTPStatus.TOO_MANY_REQUESTS, "RATE_LIMITED", "Too many requests with this token; wait a minute.")

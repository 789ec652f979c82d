"""SQLite's own limit: bookings in a tight loop in one process: `tight_loop.py JOB`, inside an environment.

The same statements as the server's, on a connection with the same settings, each pair in a transaction that
is on disk when it ends. Prints the CPU milliseconds of one and how many a second there were.
"""

import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from statements import statements_of  # sets Django up
from week import ENGINE, HALF_HOUR, free_start


def parameters_of(statement: dict[str, Any], parts: dict[str, Any]) -> list[Any]:
    """Give a statement's parameters, with this booking's person and times in their places."""
    return [parts.get(parameter["part"], parameter["value"]) for parameter in statement["parameters"]]


def book_all(job: dict[str, int], count: int) -> dict[str, float]:
    """Book `count` free half hours, one after the other."""
    statements = statements_of(job)["booking"]
    texts = [statement["sql"].replace("%s", "?") for statement in statements]
    bookings = []
    for number in range(job["first"], job["first"] + count):
        provider, start = free_start(job["monday"], number, ENGINE)
        begin, end = (str(datetime.fromtimestamp(instant, UTC))[:19] for instant in (start, start + HALF_HOUR))
        parts = job["people"][str(provider)] | {"start": begin, "end": end}
        bookings.append([parameters_of(statement, parts) for statement in statements])
    cursor = connection.connection.cursor()
    started, cpu_started = time.perf_counter(), time.process_time()
    for booking in bookings:
        cursor.execute("BEGIN IMMEDIATE")
        for text, parameters in zip(texts, booking, strict=True):
            cursor.execute(text, parameters).fetchall()
        cursor.execute("COMMIT")
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return {"cpu_ms": cpu_seconds * 1000 / count, "per_second": count / seconds}


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    print(json.dumps(book_all(job, job["count"])))

"""What the server's verbs say to the database: `statements.py JOB`, inside an installation's environment.

Prints the statements of one booking and one free/busy, each parameter marked by the part it plays, so that
the engine's own limit is measured with these very statements.
"""

import json
import os
import sys
import time
from datetime import datetime
from typing import Any

import django
from django.db import connection

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slotkeeper.settings")
django.setup()

from slotkeeper import hot_sql  # noqa: E402 -- models exist after setup()
from slotkeeper.appointments.actions import book  # noqa: E402
from slotkeeper.appointments.free_busy import Person, read_busy  # noqa: E402
from slotkeeper.appointments.insert import Booking  # noqa: E402
from slotkeeper.changes.record import Actor  # noqa: E402
from slotkeeper.rules.intervals import Interval  # noqa: E402


class Notebook:
    """Notes statements as they pass, with each parameter's part."""

    def __init__(self, parts: dict[Any, str]) -> None:
        self.parts = parts
        self.statements: list[dict[str, Any]] = []

    def __call__(self, execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        """Pass a statement on (Django's execute_wrapper)."""
        noted = [{"part": self.parts.get(parameter), "value": _plain(parameter)} for parameter in parameters or ()]
        self.statements.append({"sql": sql, "parameters": noted})
        return execute(sql, parameters, many, context)


def _plain(parameter: Any) -> Any:
    return {"instant": int(parameter.timestamp())} if isinstance(parameter, datetime) else parameter


def statements_of(job: dict[str, int]) -> dict[str, list[dict[str, Any]]]:
    """Book once and read once, for the person and the times of the job."""
    start, end, now = job["start"], job["start"] + 1800, int(time.time())
    booking = Booking(
        business_id=job["business_id"], user_id=job["user_id"], title="Consultation", start_time=start, end_time=end,
        description="First visit; brings the earlier findings along.", contact_id=job["contact_id"], location="Room 2",
    )  # fmt: skip
    parts = {job[f"{name}_id"]: name for name in ("user", "business", "contact")}
    parts |= {hot_sql.timestamp(start): "start", hot_sql.timestamp(end): "end"}
    assert len(parts) == 5, "these must differ, or one would be taken for another"
    books, reads = Notebook(parts), Notebook(parts)
    with connection.execute_wrapper(books):
        book(booking, Actor("token", 1, "bench"), now)
    with connection.execute_wrapper(reads):
        read_busy(
            Person(job["business_id"], job["user_id"]),
            Interval(job["monday"], job["monday"] + 7 * 24 * 3600),
            now,
        )
    writes = [statement for statement in books.statements if "INSERT" in statement["sql"]]
    return {"booking": writes, "free/busy": reads.statements}


if __name__ == "__main__":
    print(json.dumps(statements_of(json.loads(sys.argv[1]))))

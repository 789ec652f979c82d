"""The engine's own limit: the same statements without our server, by pgbench and by a tight loop on SQLite."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpu import cpu_seconds
from installation import Installation
from servers.postgresql import binary
from week import ENGINE, HALF_HOUR, PER_WEEK, SAMPLE, WEEK, sql_start_of, start_of

CLIENTS = 8


@dataclass
class Limit:
    """What one transaction costs the engine, and how many a second it does."""

    cpu_ms: float
    per_second: float


def statements_of(installation: Installation) -> dict[str, list[dict[str, Any]]]:
    """Ask the server's own code which statements it sends."""
    return installation.inside("statements.py", installation.sample_job())


def pgbench_script(installation: Installation, statements: list[dict[str, Any]]) -> str:
    """Write the statements as a script of pgbench, each run in a free half hour of one of many providers."""
    count = len(ENGINE)
    number = f":n / {count}"
    lines = [
        "\\set turn :turn + 1",
        f"\\set n :turn * {CLIENTS} + :client_id",
        f"\\set user {installation.user_id(ENGINE.start)} + :n % {count}",
        f"\\set start {sql_start_of(str(installation.plan.monday + WEEK), number)} + {HALF_HOUR}",
        f"\\set end :start + {HALF_HOUR}",
    ]
    for statement in statements:
        values = tuple(_pgbench_value(parameter) for parameter in statement["parameters"])
        lines.append(statement["sql"] % values + ";")
    return "\n".join(lines) + "\n"


def _pgbench_value(parameter: dict[str, Any]) -> str:
    part, value = parameter["part"], parameter["value"]
    if part:
        return ":user" if part == "user" else f"to_timestamp(:{part})"
    if isinstance(value, dict):
        return f"to_timestamp({value['instant']})"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return {None: "NULL", True: "true", False: "false"}.get(value, str(value)) if not isinstance(value, int) or isinstance(value, bool) else str(value)

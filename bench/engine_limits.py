"""The engine's own limit: the same statements without our server, by pgbench and by a tight loop on SQLite."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpu import cpu_seconds
from installation import Installation
from week import (
    CONTACTS_PER_BUSINESS,
    ENGINE,
    HALF_HOUR,
    HTTP,
    PROVIDERS_PER_BUSINESS,
    SAMPLE,
    WEEK,
    sql_start_of,
    start_of,
)

from servers.postgresql import binary

CLIENTS = 8


@dataclass
class Limit:
    """What one transaction costs the engine, and how many a second it does."""

    cpu_ms: float
    per_second: float


def sample_job(installation: Installation, week: int = 0) -> dict[str, Any]:
    """Name a person and a free time, before a week's first appointment, for the booking whose statements are noted."""
    ids = {f"{name}_id": id_ for name, id_ in installation.ids_of(SAMPLE).items()}
    monday = installation.plan.monday
    return ids | {"start": start_of(monday + week * WEEK, 0) - HALF_HOUR, "monday": monday}


class PostgresqlLimit:
    """pgbench, with prepared statements, beside the server and with as many connections."""

    def __init__(self, installation: Installation, postmaster: int) -> None:
        self.installation, self.postmaster = installation, postmaster
        self.turns = dict.fromkeys(("booking", "free/busy"), 0)
        statements = installation.inside("statements.py", sample_job(installation))
        for kind in self.turns:
            providers = ENGINE if kind == "booking" else HTTP  # reading changes nothing
            self._script(kind).write_text(pgbench_script(installation, statements[kind], providers))

    def measure(self, kind: str, count: int) -> Limit:
        """Run `count` transactions; the CPU is that of all of PostgreSQL's processes."""
        each = -(-count // CLIENTS)
        command = [
            binary("pgbench"), "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}", f"--transactions={each}",
            f"--define=turn={self.turns[kind]}", f"--file={self._script(kind)}", self.installation.database_url,
        ]  # fmt: skip
        self.turns[kind] += each
        before = cpu_seconds(self.postmaster)
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        cpu_ms = (cpu_seconds(self.postmaster) - before) * 1000 / (each * CLIENTS)
        return Limit(cpu_ms, float(re.search(r"tps = ([\d.]+)", ran.stdout)[1]))

    def _script(self, kind: str) -> Path:
        return self.installation.folder / f"{kind.replace('/', '-')}.sql"


class SqliteLimit:
    """The tight loop; reading has none, because there the server's own process is the engine."""

    def __init__(self, installation: Installation) -> None:
        self.installation, self.turn = installation, 0

    def measure(self, kind: str, count: int) -> Limit | None:
        """Book `count` times in one process."""
        if kind != "booking":
            return None
        job = sample_job(self.installation, self.turn)
        people = {provider: self.installation.ids_of(provider) for provider in ENGINE}
        job |= {"first": self.turn * count, "count": count, "people": people}
        self.turn += 1
        return Limit(**self.installation.inside("tight_loop.py", job))


def pgbench_script(installation: Installation, statements: list[dict[str, Any]], providers: range) -> str:
    """Write the statements as a script of pgbench; each transaction takes a free half hour of its own."""
    first = installation.ids_of(0)
    turn = f":n / {len(providers)}"
    lines = [
        "\\set turn :turn + 1",
        f"\\set n :turn * {CLIENTS} + :client_id",
        f"\\set provider {providers.start} + :n % {len(providers)}",
        f"\\set user {first['user']} + :provider",
        f"\\set business {first['business']} + :provider / {PROVIDERS_PER_BUSINESS}",
        f"\\set contact {first['contact']} + :provider / {PROVIDERS_PER_BUSINESS} * {CONTACTS_PER_BUSINESS}",
        f"\\set start {sql_start_of(str(installation.plan.monday + WEEK), turn)} + {HALF_HOUR}",
        f"\\set end :start + {HALF_HOUR}",
    ]
    for statement in statements:
        values = tuple(_pgbench_value(**parameter) for parameter in statement["parameters"])
        lines.append(f"{statement['sql'] % values};")
    return "\n".join(lines) + "\n"


def _pgbench_value(part: str | None, value: Any) -> str:
    if part:
        return f"to_timestamp(:{part})" if part in {"start", "end"} else f":{part}"
    if isinstance(value, dict):
        return f"to_timestamp({value['instant']})"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else str(value).lower()

"""The table of figures, for the terminal and for docs/bench.md."""

import os
import platform
import sqlite3
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cpu import cpu_ms
from measuring import Case

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "bench.md"
_COLUMNS = (
    "request",
    "stored",
    "application ms",
    "database ms",
    "rounds from – to",
    "per second",
    "engine's limit ms",
    "engine's limit per second",
)
_INTRODUCTION = """\
# What a request costs

Written by `make bench`. Every figure is per request and the median of several rounds that took turns between the
databases. Milliseconds are CPU time as the operating system counts it: of the web server's processes, and of
PostgreSQL's (on SQLite the engine runs inside the web server's). Rates are wall time, with the client on the same
machine, and mean something only beside a rate of the same run. Milliseconds depend on the machine as well: between
those that we measured on, the same code took up to twice as long. The machine's pace, below, tells them apart, and
[a run on a faster one](bench-xeon.md) is kept beside this.

The engine's own limit is the same INSERTs (or SELECT) without the server: on PostgreSQL from `pgbench -M prepared`,
on SQLite in a tight loop in one process, each booking a transaction with `synchronous=FULL`.
"""


@dataclass(frozen=True)
class Requirement:
    """Something that must hold, and the figure that was found."""

    text: str
    figure: float
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether it holds."""
        return (self.at_most is None or self.figure <= self.at_most) and (
            self.at_least is None or self.figure >= self.at_least
        )

    @property
    def bound(self) -> str:
        """Write the bound."""
        return f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Write a table that reads well as text and is Markdown."""
    widths = [max(len(line[column]) for line in (header, *lines)) for column in range(len(header))]

    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([row(header), row(["-" * width for width in widths]), *map(row, lines)])


def figures_table(cases: Sequence[Case]) -> str:
    """Write the figures of one engine."""
    return table(_COLUMNS, [_line(case) for case in cases])


def _line(case: Case) -> list[str]:
    sums = [one.application_ms + one.database_ms for one in case.rounds]
    limit_ms, limit_rate = case.median_limit("cpu_ms"), case.median_limit("per_second")
    return [
        case.kind,
        case.title,
        f"{case.median('application_ms'):.2f}",
        f"{case.median('database_ms'):.2f}" if any(one.database_ms for one in case.rounds) else "",
        f"{min(sums):.2f} – {max(sums):.2f}",
        f"{case.median('per_second'):,.0f}",
        "" if limit_ms is None else f"{limit_ms:.2f}",
        "" if limit_rate is None else f"{limit_rate:,.0f}",
    ]


def requirements_table(requirements: Sequence[Requirement]) -> str:
    """Write what must hold and whether it does."""
    lines = [[one.text, one.bound, f"{one.figure:.2f}", "met" if one.is_met else "MISSED"] for one in requirements]
    return table(("requirement", "bound", "found", ""), lines)


def write_document(text: str, how: str) -> None:
    """Keep the report where readers look for it."""
    DOCUMENT.write_text(f"{_INTRODUCTION}\nMeasured {datetime.now(UTC):%Y-%m-%d} {how}.\n\n{text}\n", encoding="utf-8")


def machine() -> str:
    """Describe the machine: what a reader needs to compare figures."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in cpu.splitlines() if line.startswith("model name")), "?")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    # A Python built without its own optimizations needs about a fifth more of everything here. Debian asks for them
    # by a target of its Makefile, not by an argument.
    built_with = sysconfig.get_config_var("CONFIG_ARGS") or ""
    is_distributions = sys.base_prefix == "/usr"
    built = "optimized" if is_distributions or "--enable-optimizations" in built_with else "plain build"
    return (
        f"on {cpu.count('processor')} × {model}, {memory:.0f} GB; Python {platform.python_version()} ({built}), "
        f"SQLite {sqlite3.sqlite_version}; its pace: {pace_ms():.0f} ms for a million turns of an empty Python loop"
    )


def pace_ms() -> float:
    """Measure how fast this machine runs Python: the CPU milliseconds of a million turns, best of nine."""

    def turn() -> None:
        for _ in range(1_000_000):
            pass

    return min(cpu_ms(turn) for _ in range(9))


def load_average() -> str:
    """Say how busy the machine is: a load above its cores makes every figure worse."""
    return f"{os.getloadavg()[0]:.1f}"

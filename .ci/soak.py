"""Run the heavy suites with their full figures, on both engines, and write docs/soak.md."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_OWN_ROWS = ("calendar_kills", "reminders_under_fire", "many_messages", "races_of_invoices", "payments_under_fire")
SUITES = {
    "races: 20,000 attempts an engine, 0 overlaps": [
        "tests/race",
        *(f"--ignore=tests/race/test_{name}.py" for name in _OWN_ROWS),
    ],
    "mails: 5,000 due after six hours without a server; all that help within ten minutes": [
        "tests/race/test_many_messages.py"
    ],
    "invoices: 1,000 issued from sixteen connections, numbers without a gap": ["tests/race/test_races_of_invoices.py"],
    "payments: 10,000 events of Stripe, one to five times, shuffled, three days late, 50 kills; as an oracle says": [
        "tests/race/test_payments_under_fire.py"
    ],
    "calendars: 200 kills, failing providers; 0 lost, 0 doubled": ["tests/race/test_calendar_kills.py"],
    "fuzz: 20,000 requests an engine, 0 answers of 5xx": ["tests/doors/test_fuzz.py"],
    "calendar files: 5,000 mutated files": ["tests/calendars"],
    "reminders: 20,000 appointments moved and canceled, three workers, 100 kills; each due one once, in time": [
        "tests/race/test_reminders_under_fire.py"
    ],
    "doors: every page and command, browsers in every size and look": [
        "tests/doors",
        "tests/browser",
        "--ignore=tests/doors/test_fuzz.py",
    ],
}
HEAD = """# Soak

The heavy suites with their full figures: `make soak` runs them and writes this page; `make test` runs a seeded tenth.
The last run was on {date} (UTC).

| suite | engine | result | minutes |
|---|---|---|---|
"""


def run_suite(paths: list[str], engine: str) -> tuple[bool, str, float]:
    """Run one suite on one engine; return whether it passed, its closing line, and its minutes."""
    started = time.monotonic()
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "--soak", *paths],
        cwd=ROOT, env=os.environ | {"TEST_ENGINE": engine, "ALL_VIEWS": "1"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    print(finished.stdout[-3000:], flush=True)
    lines = finished.stdout.strip().splitlines() or ["no output"]
    return finished.returncode == 0, lines[-1].strip("= "), (time.monotonic() - started) / 60


def main() -> int:
    """Run every suite, on both engines at once, and write the page."""
    rows, failures = [], 0
    for name, paths in SUITES.items():
        engines = ["sqlite", "postgresql"] if paths != ["tests/calendars"] else ["sqlite"]  # it touches no database
        with ThreadPoolExecutor() as pool:
            found = list(pool.map(partial(run_suite, paths), engines))
        for engine, (passed, line, minutes) in zip(engines, found, strict=True):
            failures += not passed
            result = f"{'passed' if passed else 'FAILED'}: {line.split(' in ')[0]}"
            rows.append(f"| {name} | {engine} | {result} | {minutes:.1f} |")
        head = HEAD.format(date=f"{datetime.now(UTC):%Y-%m-%d}")  # a run that is cut short leaves what it found
        (ROOT / "docs" / "soak.md").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

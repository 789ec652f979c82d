r"""Send the appointment reminders that are due: `run_reminder_job()`, for a cron line every five minutes.

    */5 * * * * cd /path/to/slotkeeper && \
        python3 -c "from core.appointment_reminders import run_reminder_job; run_reminder_job()"

This file uses Python's own library only. Where Slotkeeper cannot be imported, as under the system's python3, it
asks the project's own interpreter, in the `.venv` beside this folder.
"""

import atexit
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_PROJECT = Path(__file__).resolve().parents[1]
_LONGEST_SECONDS = 1800


def run_reminder_job() -> dict[str, Any]:
    """Send what is due and return `{"success": …, "reminders_sent": n, "errors": […], …}`.

    What goes wrong is also written to standard error, which cron mails, and a cron line's python3 then ends with
    status 1.
    """
    result = _run_here() if importlib.util.find_spec("slotkeeper") else _run_in_project()
    if not result["success"]:
        for error in result["errors"]:
            print(f"slotkeeper: {error}", file=sys.stderr)
        if sys.argv[:1] == ["-c"]:
            atexit.register(_end_with_failure)
    return result


def _run_here() -> dict[str, Any]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slotkeeper.settings")
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    job = importlib.import_module("slotkeeper.reminders.job")  # it needs a Django that is set up
    return dict(job.run_job())


def _run_in_project() -> dict[str, Any]:
    python = _PROJECT / ".venv" / "bin" / "python"
    if not python.exists():
        return _failure(f"{python} is missing: run `make run` or `bin/set-up run` in {_PROJECT} once.")
    command = [str(python), "-m", "slotkeeper", "send-reminders", "--json"]
    try:
        done = subprocess.run(  # noqa: S603 -- our own command
            command, cwd=_PROJECT, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False
        )
        result: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return _failure("The job did not end within half an hour.")
    except ValueError:
        return _failure(done.stderr.strip() or f"send-reminders ended with status {done.returncode}.")
    return result


def _failure(error: str) -> dict[str, Any]:
    return {"success": False, "reminders_sent": 0, "undeliverable": 0, "waiting": 0, "errors": [error]}


def _end_with_failure() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)

"""The cron line, run as cron runs it: by the system's Python, in an empty environment, from the project folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from servers.installation import fresh_database
from servers.mail_server import mail_server

ROOT = Path(__file__).resolve().parents[2]
LINE = 'python3 -c "from core.appointment_reminders import run_reminder_job; run_reminder_job()"'
ASKING = LINE.replace("; run_reminder_job()", "; import json; print(json.dumps(run_reminder_job()))")
# The interpreter that the virtual environment was made from: it has none of our packages.
SYSTEM_PYTHON = Path(sys._base_executable).resolve()
BOOK = """
import django; django.setup()
from datetime import datetime, timedelta, UTC
from slotkeeper.appointments import actions
from slotkeeper.appointments.insert import Booking
from slotkeeper.changes.record import COMMAND
from slotkeeper.people.models import Membership
member = Membership.objects.get()
now = int(datetime.now(UTC).timestamp())
start = now + {minutes} * 60
booking = Booking(member.business_id, member.user_id, "Consultation", start, start + 1800, contact_email="c@x.test")
actions.book(booking, COMMAND, now)
"""


class Project:
    """A checkout of its own: the code, an interpreter with our packages in `.venv`, settings in slotkeeper.env."""

    def __init__(self, folder, database_url):
        self.folder = folder
        for name in ("src", "core"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "static"))
        (folder / "src/slotkeeper/static").mkdir()
        shutil.copy(ROOT / "pyproject.toml", folder)
        shutil.copy(ROOT / "README.md", folder)
        python = folder / ".venv/bin/python"
        python.parent.mkdir(parents=True)
        # Our packages, but this checkout's code.
        python.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}/src" exec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        self.database_url = database_url
        self.settle()

    def settle(self, **settings):
        lines = {"DATABASE_URL": self.database_url, "SLOTKEEPER_DATA_DIR": f"{self.folder}/data"} | settings
        file = self.folder / "slotkeeper.env"
        file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        file.chmod(0o600)

    def ours(self, *words):
        environment = {"PATH": os.defpath, "DJANGO_SETTINGS_MODULE": "slotkeeper.settings"}
        return subprocess.run(
            [self.folder / ".venv/bin/python", *words],
            cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=True, input="",
        ).stdout  # fmt: skip

    def book(self, minutes):
        self.ours("-c", BOOK.format(minutes=minutes))

    def flags(self):
        code = (
            "import django; django.setup(); from slotkeeper.appointments.models import Appointment; "
            "print(list(Appointment.objects.order_by('pk').values_list('reminder_24h_sent', 'reminder_2h_sent')))"
        )
        return eval(self.ours("-c", code))

    def cron(self, line=LINE):
        bin_folder = self.folder / "system"
        bin_folder.mkdir(exist_ok=True)
        if not (bin_folder / "python3").exists():
            (bin_folder / "python3").symlink_to(SYSTEM_PYTHON)
        command = ["env", "-i", f"PATH={bin_folder}:/usr/bin:/bin", "/bin/sh", "-c", f"cd {self.folder} && {line}"]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cron") / "project"
    folder.mkdir()
    with fresh_database(folder) as url:
        made = Project(folder, url)
        made.ours("-m", "slotkeeper", "migrate")
        made.ours(
            "-m", "slotkeeper", "create-owner", "--email", "o@x.test", "--name", "Olga", "--time-zone", "Europe/Berlin"
        )
        yield made


def test_the_systems_python_has_none_of_our_packages(project):
    done = project.cron('python3 -c "import django"')
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr


def test_the_line_sends_what_is_due_and_sets_its_flags(project):
    project.book(24 * 60 + 10)
    project.book(2 * 60 + 30)
    project.book(10 * 24 * 60)
    with mail_server() as server:
        project.settle(SLOTKEEPER_MAIL_SERVER=server.url)
        done = project.cron(ASKING)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith('{"success": true, "reminders_sent": 2')
        assert len(server.mails) == 2
        again = project.cron()
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
        assert len(server.mails) == 2
    assert project.flags() == [(True, False), (False, True), (False, False)]


def test_without_a_mail_server_the_line_fails_and_says_which_setting_is_missing(project):
    project.book(24 * 60 + 45)
    project.settle()
    done = project.cron(ASKING)
    assert done.returncode == 1
    assert '"success": false, "reminders_sent": 0' in done.stdout
    assert "SLOTKEEPER_MAIL_SERVER" in done.stderr
    assert project.flags()[-1] == (False, False)


def test_a_mail_server_that_is_away_fails_the_line_and_loses_nothing(project):
    with mail_server() as server:
        project.settle(SLOTKEEPER_MAIL_SERVER=server.url)
        server.faults["connect"] = "421 4.3.2 Closing"
        done = project.cron()
        assert done.returncode == 1
        assert "email: " in done.stderr
        server.faults.clear()
        assert project.cron().returncode == 0
        assert len(server.mails) == 1
    assert project.flags()[-1] == (True, False)


def test_a_project_that_was_not_set_up_says_what_to_run(tmp_path):
    shutil.copytree(ROOT / "core", tmp_path / "core")
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", "from core.appointment_reminders import run_reminder_job; run_reminder_job()"],
        cwd=tmp_path, capture_output=True, text=True, env={}, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "bin/set-up" in done.stderr


def test_where_slotkeeper_can_be_imported_the_job_runs_in_the_process(db, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(ROOT))
    from core.appointment_reminders import run_reminder_job

    result = run_reminder_job()
    assert (result["success"], result["reminders_sent"]) == (False, 0)
    assert "SLOTKEEPER_MAIL_SERVER" in capsys.readouterr().err

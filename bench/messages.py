"""What reminders cost, inside a filled installation's environment: `messages.py {"monday": EPOCH}`; prints JSON.

The clock stands in the measured week, of which the reminders up to it have been sent. Then: what it costs to find out
that nothing is due, and to send what is due an hour later to an SMTP server in a process of its own.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slotkeeper.settings")

from servers.postgresql import free_port  # noqa: E402 -- found through the line above

PORT = free_port()
os.environ["SLOTKEEPER_MAIL_SERVER"] = f"smtp://127.0.0.1:{PORT}"
django.setup()

from django.db import connection  # noqa: E402 -- needs the line above, like all that follow

from slotkeeper.appointments.models import Appointment  # noqa: E402
from slotkeeper.outbox.channels.opened import open_channel  # noqa: E402
from slotkeeper.outbox.kinds import REMINDERS, State  # noqa: E402
from slotkeeper.outbox.models import Message  # noqa: E402
from slotkeeper.outbox.sending import Sender  # noqa: E402
from slotkeeper.reminders import planning  # noqa: E402
from slotkeeper.worker.message_pool import CORRESPONDENTS  # noqa: E402

ROUNDS, MAILS = 50, 500


def main() -> None:
    """Set the scene, measure, print."""
    now = datetime.fromtimestamp(json.loads(sys.argv[1])["monday"], UTC) + timedelta(hours=34)
    planning.plan_reminders(now)
    Message.objects.filter(finished_at=None).update(state=State.SENT, finished_at=now)
    near = Appointment.objects.filter(start_time__gt=now)
    near.filter(start_time__lte=now + timedelta(hours=25)).update(reminder_24h_sent=True)
    near.filter(start_time__lte=now + timedelta(hours=3)).update(reminder_2h_sent=True)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    instant = int(now.timestamp())
    queries = [_timed(lambda: [planning.find_ids(minutes, instant) for minutes in (1440, 120)]) for _ in range(ROUNDS)]
    passes = [_timed(lambda: planning.plan_reminders(now)) for _ in range(ROUNDS)]
    print(json.dumps({"query_ms": statistics.median(queries), "pass_ms": statistics.median(passes)} | _sending(now)))


def _timed(act) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def _sending(now: datetime) -> dict[str, float]:
    command = [sys.executable, "-m", "servers.mail_server", str(PORT)]
    with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.PIPE) as server:
        server.stdout.readline()
        later = now + timedelta(hours=1)
        planning.plan_reminders(later)
        sender = Sender(CORRESPONDENTS, open_channel)
        sender.run(lambda: later, REMINDERS, 20)  # warm
        cpu, wall = time.process_time(), time.perf_counter()
        tally = sender.run(lambda: later, REMINDERS, MAILS)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        server.kill()
    sent = tally.outcomes[State.SENT]
    return {"sent": sent, "mail_ms": cpu / sent * 1000, "mails_per_second": sent / wall}


if __name__ == "__main__":
    main()

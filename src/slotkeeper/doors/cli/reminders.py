"""`slotkeeper send-reminders`: the reminder job, once."""

import argparse
import json

from slotkeeper.doors.cli.database import make_ready
from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.reminders.job import run_job


def send_reminders(options: argparse.Namespace) -> int:
    """Send the reminders that are due; status 1 where some could not leave."""
    make_ready()
    result = run_job()
    if options.json:
        print(json.dumps(result))
    elif result["success"]:
        print(f"Sent {result['reminders_sent']} reminders.")
    else:
        raise CommandRefused(" ".join(result["errors"]))
    return 0 if result["success"] else 1

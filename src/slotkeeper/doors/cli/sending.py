"""`slotkeeper hold-sending`: what a restore does by itself, by hand."""

import argparse

from slotkeeper.doors.cli.database import require_connection, require_migrations
from slotkeeper.outbox.models import SendingHold


def hold_sending(options: argparse.Namespace) -> None:
    """Let no message leave until `release-sending`; what becomes due waits, as long as it still helps."""
    require_connection()
    require_migrations()
    SendingHold.objects.create(reason=options.reason)
    print("No message leaves until `slotkeeper release-sending`.")

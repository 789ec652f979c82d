"""How mails leave: to the mail server, or, where there is none, into the data directory."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from slotkeeper.outbox.channels.smtp_connection import Connector
from slotkeeper.outbox.models import SendingHold

logger = logging.getLogger("slotkeeper.outbox")


class Backend(BaseEmailBackend):
    """Sends by SMTP; without a mail server, or while sending is held, writes files and names them in the log."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.options = options

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Send the messages, or keep them as files."""
        if settings.CONFIGURATION.mail_server and not SendingHold.objects.exists():
            return Connector(**self.options).send_messages(email_messages) or 0
        for message in email_messages:
            keep_as_file(message)
        return len(email_messages)


def keep_as_file(message: EmailMessage) -> None:
    """Write a mail into the data directory's `mails` folder."""
    folder = settings.CONFIGURATION.data_dir / "mails"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.eml"
    path.write_bytes(message.message().as_bytes())
    logger.warning("No mail left; it is kept in %s: %r for %s", path, message.subject, ", ".join(message.to))

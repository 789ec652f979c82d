"""How a connection is doing, and telling its owner once when it needs them."""

import logging
import random
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.utils.translation import gettext, override

from slotkeeper.calendars.models import CalendarConnection, Health
from slotkeeper.rules.reconcile import pause_after

logger = logging.getLogger("slotkeeper.calendars")
_LONGEST_MESSAGE = 500


def note_success(connection: CalendarConnection, now: datetime) -> None:
    """Note that the provider answered; whatever it needed its owner for is over."""
    CalendarConnection.objects.filter(pk=connection.pk).update(
        status=Health.CONNECTED, last_success_at=now, last_error="", failures=0, told_at=None
    )


def note_failure(connection: CalendarConnection, message: str, now: datetime, retry_after: float | None) -> datetime:
    """Note that the provider is away; say when to try it again."""
    failures = connection.failures + 1
    pause = pause_after(failures, retry_after, random.random())  # noqa: S311 -- jitter, not a secret
    CalendarConnection.objects.filter(pk=connection.pk).update(
        status=Health.FAILING, last_error=message[:_LONGEST_MESSAGE], failures=failures
    )
    return now + timedelta(seconds=pause)


def note_lost_access(connection: CalendarConnection, message: str, now: datetime) -> None:
    """Note that the provider no longer lets us in, and tell the owner, once."""
    mine = CalendarConnection.objects.filter(pk=connection.pk)
    mine.update(status=Health.RECONNECT, last_error=message[:_LONGEST_MESSAGE])
    if mine.filter(told_at=None).update(told_at=now):
        tell_owner(connection)


def tell_owner(connection: CalendarConnection) -> None:
    """Write to the person whose calendar has to be connected again."""
    with override(connection.user.locale):
        subject = gettext("Please connect your calendar again: %(name)s") % {"name": connection.name}
        body = gettext(
            "Slotkeeper can no longer read or write the calendar %(name)s. Until you connect it again, new "
            "appointments do not appear there, and what you enter there is not seen.\n\n%(link)s"
        ) % {"name": connection.name, "link": f"{settings.CONFIGURATION.url}/calendars"}
    try:
        send_mail(subject, body, None, [connection.user.email])
    except OSError as error:  # the page says it, too
        logger.warning("The owner of calendar connection %d could not be told: %s", connection.pk, error)

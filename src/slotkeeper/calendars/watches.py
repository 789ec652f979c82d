"""Being told of changes: asking providers for it, and renewing what lapses."""

import logging
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.conf import settings

from slotkeeper.calendars.leases import wake
from slotkeeper.calendars.models import CalendarConnection, ConnectedCalendar
from slotkeeper.calendars.providers.base import CalendarProvider, PushingProvider, Refused, Unavailable

logger = logging.getLogger("slotkeeper.calendars")
_RENEW_BEFORE = timedelta(hours=12)
_TRY_AGAIN_AFTER = timedelta(hours=6)


def renew_watches(
    connection: CalendarConnection, provider: CalendarProvider, calendars: Iterable[ConnectedCalendar]
) -> None:
    """Ask to be told of calendars' changes, where the provider offers that and can reach us.

    Without it calendars are read on a schedule all the same: a refusal costs nothing but time, and nor does it where
    only this is away.
    """
    address = settings.CONFIGURATION.url
    if not isinstance(provider, PushingProvider) or not address.startswith("https:"):
        return
    now = datetime.now(UTC)
    for calendar in calendars:
        if calendar.channel_expires_at and calendar.channel_expires_at > now + _RENEW_BEFORE:
            continue
        secret = secrets.token_urlsafe(24)
        try:
            watch = provider.watch(calendar.external_id, f"{address}/callbacks/{connection.provider}", secret)
        except (Refused, Unavailable) as error:
            logger.info("No push for calendar %d: %s", calendar.pk, error)
            ConnectedCalendar.objects.filter(pk=calendar.pk).update(
                channel_expires_at=now + _RENEW_BEFORE + _TRY_AGAIN_AFTER
            )
            continue
        ConnectedCalendar.objects.filter(pk=calendar.pk).update(
            channel_id=watch.channel_id,
            channel_resource=watch.resource_id,
            channel_secret=secret,
            channel_expires_at=datetime.fromtimestamp(watch.expires_at, UTC),
        )


def note_push(channel_id: str, secret: str, now: datetime) -> bool:
    """Have a calendar read now, because its provider says that it changed; False if nobody asked to be told so."""
    calendar = ConnectedCalendar.objects.filter(channel_id=channel_id).first() if channel_id else None
    if calendar is None or not secrets.compare_digest(calendar.channel_secret.encode(), secret.encode()):
        return False
    ConnectedCalendar.objects.filter(pk=calendar.pk).update(next_read_at=now)
    wake(CalendarConnection.objects.filter(pk=calendar.connection_id), now)
    return True


def note_lapse(channel_id: str, secret: str, now: datetime) -> bool:
    """Have the provider asked anew, because it stops telling us; what it did not tell is read now."""
    if not note_push(channel_id, secret, now):
        return False
    ConnectedCalendar.objects.filter(channel_id=channel_id).update(channel_expires_at=None)
    return True

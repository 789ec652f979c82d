"""Which calendars an account has, as far as its provider said so last."""

import re
from collections.abc import Iterable
from datetime import datetime

from slotkeeper.calendars.models import CalendarConnection, ConnectedCalendar
from slotkeeper.calendars.providers.base import RemoteCalendar

_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]+")
_LONGEST_NAME = 255


def take_calendars(
    connection: CalendarConnection, listed: Iterable[RemoteCalendar], now: datetime, main: RemoteCalendar | None = None
) -> None:
    """Keep new calendars and new names; `main` is chosen to block time and to receive. In a transaction."""
    known = {calendar.external_id: calendar for calendar in connection.calendars.all()}
    for remote in listed:
        name = _CONTROLS.sub(" ", remote.name)[:_LONGEST_NAME]
        calendar = known.get(remote.external_id)
        if calendar is None:
            ConnectedCalendar.objects.create(
                connection=connection,
                user_id=connection.user_id,
                external_id=remote.external_id,
                name=name,
                is_writable=remote.is_writable,
                blocks=remote == main,
                receives=remote == main and remote.is_writable,
                next_read_at=now,
            )
        elif (calendar.name, calendar.is_writable) != (name, remote.is_writable):
            ConnectedCalendar.objects.filter(pk=calendar.pk).update(name=name, is_writable=remote.is_writable)

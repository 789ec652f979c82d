"""Asking calendars at the moment of booking, for people who want that: within a deadline, and never in the way.

What the provider answers in time is in the mirror when the booking is checked. What it does not, is not: then the
booking is checked against what is known, as always.
"""

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from django.db.models import Q, QuerySet

from slotkeeper.calendars.accounts import opened
from slotkeeper.calendars.leases import LeaseLost, take_lease
from slotkeeper.calendars.manager import CalendarManager
from slotkeeper.calendars.models import CalendarConnection, Health, Kind
from slotkeeper.calendars.providers.base import ProviderError

logger = logging.getLogger("slotkeeper.calendars")
PATIENCE_SECONDS = 0.7
_KNOWN_FOR_SECONDS = 30.0
_UNKNOWN: tuple[float, frozenset[int]] = (float("-inf"), frozenset())
_known = _UNKNOWN


def ask_live(user_ids: Iterable[int], business_id: int | None = None) -> None:
    """Read the calendars of those who want to be asked at every booking; call it before a transaction, not in one.

    Where a business is named, whoever does not belong to it is left alone: ids may be anything that somebody sends.
    """
    wanted = sorted(_asked_live() & set(user_ids))
    if not wanted:
        return
    until = time.monotonic() + PATIENCE_SECONDS
    found = _asking().filter(user_id__in=wanted, failures=0)
    if business_id is not None:
        found = found.filter(user__memberships__business_id=business_id)
    for connection_id in found.values_list("pk", flat=True):
        _read(connection_id, until)


def forget_who_is_asked() -> None:
    """Look up at the next booking who wants to be asked; for whoever has just changed that, after it is stored."""
    global _known  # noqa: PLW0603 -- a cache of this process
    _known = _UNKNOWN


def is_anybody_asked_live() -> bool:
    """Say whether anybody wants it."""
    return bool(_asked_live())


def _read(connection_id: int, until: float) -> None:
    left = until - time.monotonic()
    lease = take_lease(connection_id, datetime.now(UTC)) if left > 0 else None
    if lease is None:
        return  # the worker is at it already
    # Under the lease, not before: its tokens may just have been renewed.
    connection = CalendarConnection.objects.select_related("user").get(pk=connection_id)
    try:
        with opened(connection, lease, left) as provider:
            manager = CalendarManager(connection, provider, lease)
            for calendar in connection.calendars.filter(blocks=True):
                manager.read_calendar(calendar)
    except (ProviderError, LeaseLost) as error:
        logger.info("Calendar connection %d did not answer in time for a booking: %s", connection.pk, error)
    except Exception:
        logger.exception("Calendar connection %d could not be asked for a booking", connection.pk)
    finally:
        lease.release(datetime.now(UTC))


def _asked_live() -> frozenset[int]:
    """Know for half a minute who wants it, so that nobody else's booking pays a question to the database."""
    global _known  # noqa: PLW0603 -- a cache of this process
    read_at, user_ids = _known
    if time.monotonic() - read_at > _KNOWN_FOR_SECONDS:
        user_ids = frozenset(_asking().values_list("user_id", flat=True))
        _known = (time.monotonic(), user_ids)
    return user_ids


def _asking() -> QuerySet[CalendarConnection]:
    """Give the connections that want it; a feed has no place among them: reading it may take many seconds."""
    return CalendarConnection.objects.filter(asks_live=True).exclude(
        Q(provider=Kind.ICS_FEED) | Q(status=Health.RECONNECT)
    )

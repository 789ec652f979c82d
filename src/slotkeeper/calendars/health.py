"""How a connection is doing, and telling its owner once when it needs them."""

import random
from datetime import datetime, timedelta

from django.db import transaction

from slotkeeper.calendars.models import CalendarConnection, Health
from slotkeeper.outbox.choices import channels_of
from slotkeeper.outbox.kinds import ChannelName, Kind, member
from slotkeeper.outbox.ledger import Draft, enter
from slotkeeper.people.models import Membership
from slotkeeper.rules.reconcile import pause_after

CONNECTION = "calendar_connection"
_LONGEST_MESSAGE = 500
_HELPS_FOR = timedelta(days=3)
_PATIENCE = timedelta(days=1)


def note_success(connection: CalendarConnection, now: datetime) -> None:
    """Note that the provider answered; whatever it needed its owner for is over.

    Where all was well before, only when it was: that is stored when the run ends.
    """
    connection.last_success_at = now
    if connection.status == Health.CONNECTED and connection.failing_since is None:
        return
    connection.failures = 0
    CalendarConnection.objects.filter(pk=connection.pk).update(
        status=Health.CONNECTED, last_success_at=now, last_error="", failures=0, failing_since=None, told_at=None
    )


def note_failure(connection: CalendarConnection, message: str, now: datetime, retry_after: float | None) -> datetime:
    """Note that the provider is away; say when to try it again."""
    failures = connection.failures + 1
    pause = pause_after(failures, retry_after, random.random())  # noqa: S311 -- jitter, not a secret
    note_trouble(connection, message, now, failures=failures)
    return now + timedelta(seconds=pause)


def note_lost_access(connection: CalendarConnection, message: str, now: datetime) -> None:
    """Note that the provider no longer lets us in, and tell the owner, once."""
    with transaction.atomic():
        _note(connection, Health.RECONNECT, message, now)
        _tell_once(connection, now)


def note_trouble(connection: CalendarConnection, message: str, now: datetime, **noted: int) -> None:
    """Note that it is failing; where it has been for a day, its owner may have to do something about it."""
    with transaction.atomic():
        _note(connection, Health.FAILING, message, now, **noted)
        if connection.failing_since is not None and now - connection.failing_since >= _PATIENCE:
            _tell_once(connection, now)


def _note(connection: CalendarConnection, status: Health, message: str, now: datetime, **noted: int) -> None:
    connection.failing_since = connection.failing_since or now
    CalendarConnection.objects.filter(pk=connection.pk).update(
        status=status, last_error=message[:_LONGEST_MESSAGE], failing_since=connection.failing_since, **noted
    )


def _tell_once(connection: CalendarConnection, now: datetime) -> None:
    if CalendarConnection.objects.filter(pk=connection.pk, told_at=None).update(told_at=now):
        tell_owner(connection, now)


def tell_owner(connection: CalendarConnection, now: datetime) -> None:
    """Write to the person whose calendar has to be connected again, from the first business that they work for."""
    membership = Membership.objects.active().filter(user_id=connection.user_id).order_by("pk").first()
    if membership is None or ChannelName.EMAIL not in channels_of(membership.business_id, Kind.CALENDAR_ATTENTION):
        return
    draft = Draft(
        business_id=membership.business_id,
        subject_kind=CONNECTION,
        subject_id=connection.pk,
        kind=Kind.CALENDAR_ATTENTION,
        occasion=str(int(now.timestamp())),
        recipient=member(connection.user_id),
        address=connection.user.email,
        useful_until=now + _HELPS_FOR,
    )
    enter([draft], now)

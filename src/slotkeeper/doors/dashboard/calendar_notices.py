"""What about somebody's calendars wants them: decisions that wait, and accounts that have to be connected again."""

from typing import NamedTuple

from django.db.models import Q

from slotkeeper.appointments.calendar_sync import open_proposals
from slotkeeper.appointments.reach import own_reach
from slotkeeper.calendars.models import CalendarConnection, CalendarProposal, Health
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission


class Notices(NamedTuple):
    """How many changes wait for a decision, and the names of the accounts that their owner was told of."""

    waiting: int
    lost: list[str]


def notices_of(caller: Caller) -> Notices:
    """Say what wants the caller; two quick questions for the many whom nothing wants."""
    if not caller.may(Permission.CALENDARS_READ):
        return Notices(0, [])
    wanting = Q(status=Health.RECONNECT) | Q(told_at__isnull=False)
    lost = CalendarConnection.objects.filter(wanting, user_id=caller.user_id).order_by("pk")
    return Notices(_waiting(caller), list(lost.values_list("name", flat=True)))


def _waiting(caller: Caller) -> int:
    own = CalendarProposal.objects.filter(resolved_at=None, link__connection__user_id=caller.user_id)
    return len(open_proposals(own_reach(caller.business_id, caller.user_id))) if own.exists() else 0

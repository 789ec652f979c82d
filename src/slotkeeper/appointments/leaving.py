"""What removing a member means for what stands in their calendar."""

from datetime import UTC, datetime

from django.db import transaction
from django.db.models import F

from slotkeeper.appointments.reach import own_reach
from slotkeeper.appointments.rows import AppointmentRow, Listing, read_listing
from slotkeeper.changes.record import Actor
from slotkeeper.offerings.models import Service, ServiceProvider
from slotkeeper.people import members
from slotkeeper.people.members import MemberTarget
from slotkeeper.people.models import Membership
from slotkeeper.rules.appointment_status import Status

MOST_LISTED = 200
_TO_COME = (Status.SCHEDULED.value, Status.CONFIRMED.value)


class HasAppointments(Exception):
    """There are appointments to come in their calendar. Reassign or cancel them first, or keep them."""

    # `appointments`: the first of them, by start
    def __init__(self, appointments: list[AppointmentRow]) -> None:
        super().__init__(len(appointments))
        self.appointments = appointments


def appointments_to_come(business_id: int, user_id: int, now: int) -> list[AppointmentRow]:
    """List the live appointments of a member that have not ended, by start: at most 200."""
    reach = own_reach(business_id, user_id)
    return read_listing(Listing(reach, MOST_LISTED, start=now, statuses=_TO_COME))


def remove_member(target: MemberTarget, actor: Actor, now: int, *, keeps_appointments: bool = False) -> Membership:
    """Remove a member, or leave; they give no service any more. Kept appointments stay theirs until reassigned.

    Raises HasAppointments unless there are none to come or they shall be kept, and all that `end_membership` does.
    """
    with transaction.atomic():
        member = members.end_membership(target, actor, datetime.fromtimestamp(now, UTC))
        # Looked at last: who may not do this is not told what stands in the calendar. An exception undoes it all.
        if not keeps_appointments:
            left = appointments_to_come(member.business_id, member.user_id, now)
            if left:
                raise HasAppointments(left)
        given = ServiceProvider.objects.filter(membership=member)
        Service.objects.filter(providers__in=given).update(version=F("version") + 1)
        given.delete()
    return member

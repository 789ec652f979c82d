"""Giving an appointment other rooms or equipment."""

from collections.abc import Collection
from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import FixedInFinalStatus, SlotTaken, Target, UnknownAppointment
from slotkeeper.appointments.guard import lock_claimants
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.resources import NoResource, claimants_of, exchanging, require_free
from slotkeeper.appointments.rows import AppointmentRow, find
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.offerings.models import Resource
from slotkeeper.offerings.refusals import InvalidFields
from slotkeeper.rules.appointment_status import TERMINAL, Status

MOST_RESOURCES = 20


def change_resources(target: Target, resource_ids: Collection[int], actor: Actor, now: int) -> AppointmentRow:
    """Give an appointment exactly these resources: active ones that are free while it is blocked, or ones it has.

    Raises UnknownAppointment, VersionConflict, FixedInFinalStatus, InvalidFields and SlotTaken.
    """
    wanted = sorted(set(resource_ids))
    with transaction.atomic():
        current = actions.locked(target)
        people, had = claimants_of([current.pk])
        if had != set(wanted):
            if Status(current.status) in TERMINAL:
                raise FixedInFinalStatus
            lock_claimants(people, had | set(wanted))
            found = list(Resource.objects.filter(business_id=current.business_id, pk__in=wanted))
            if len(found) < len(wanted) or not all(one.is_active or one.pk in had for one in found):
                raise InvalidFields({"resource_ids": "There is no such room or equipment, or it is switched off."})
            try:
                require_free(current, found, now)
            except NoResource as error:
                raise SlotTaken(current.user_id, error.conflicts, []) from None
            with exchanging(current, sorted(had), wanted) as exchange:
                current.version += 1
                current.updated_at = datetime.fromtimestamp(now, UTC)
                current.save(update_fields=["version", "updated_at"])
            subject = Subject(current.business_id, "appointment", current.pk, current.version, current.updated_at)
            record(subject, "updated", actor, exchange.before, exchange.after)
    row = find(Reach(target.reach.business_id), target.appointment_id)
    if row is None:
        raise UnknownAppointment
    return row

"""Appointments in their people's own calendars: what should stand there, and what its owner wants of it.

`plan` follows from a change row, `event_of` from the appointment as it is now: what happened in between does not
matter. So a wake-up that is lost, or comes twice, changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.models import Appointment, AppointmentQuerySet, TimeClaim
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars.leases import wake
from slotkeeper.calendars.links import Wanted, settle, want, write_again, write_over
from slotkeeper.calendars.models import (
    CalendarConnection,
    CalendarEventLink,
    CalendarProposal,
    ProposalKind,
    Resolution,
)
from slotkeeper.calendars.providers.base import EventDetails
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.people.models import Membership
from slotkeeper.rules.appointment_status import TERMINAL, Status
from slotkeeper.rules.permissions import PERMISSIONS, Permission

ENTITY = "appointment"
CALENDAR_ROLES = [role for role, allowed in PERMISSIONS.items() if Permission.CALENDARS_READ in allowed]
_NOT_SHOWN = {Status.CANCELED.value}  # what was, or was missed, stays in the calendar as it was


class UnknownProposal(Exception):
    """There is no such proposal, or it has been decided."""


def plan_changes(changes: Sequence[Change], now: datetime) -> None:
    """Wish what follows from changes to appointments, and to who may act here. In the caller's transaction."""
    plan({change.subject_id for change in changes if change.subject_kind == ENTITY}, now)
    of_members = [change for change in changes if change.subject_kind == "membership"]
    members = Membership.objects.filter(pk__in={change.subject_id for change in of_members})
    for user_id in members.values_list("user_id", flat=True).distinct():
        plan_for_person(user_id, now)
        wake(CalendarConnection.objects.filter(user_id=user_id), now)  # they are read again, or no more


def plan(appointment_ids: Iterable[int], now: datetime) -> None:
    """Wish that appointments stand in the calendars where they should. In the caller's transaction."""
    ids = list(appointment_ids)
    links = CalendarEventLink.objects.filter(internal_entity_type=ENTITY, internal_entity_id__in=ids)
    linked = set(links.values_list("internal_entity_id", flat=True))
    may_stand = Q(sync_to_calendar=True) | Q(pk__in=linked)
    concerned = list(Appointment.objects.filter(may_stand, pk__in=ids).order_by("pk"))
    people = _people_of(concerned)
    want([_wanted(appointment, people.get(appointment.pk, frozenset())) for appointment in concerned], now)


def plan_for_person(user_id: int, now: datetime) -> None:
    """Wish it for all that a person has before them: they have chosen other calendars, or what they may see changed."""
    claimed = TimeClaim.objects.filter(user_id=user_id, appointment__isnull=False, claimed_until__gt=now)
    theirs = Q(user_id=user_id) | Q(pk__in=claimed.values("appointment_id"))
    ahead = Appointment.objects.filter(theirs, sync_to_calendar=True, end_time__gt=now)
    with transaction.atomic():
        plan(ahead.values_list("pk", flat=True), now)


def rewrite_events(appointment_ids: Iterable[int], now: datetime) -> None:
    """Have appointments written into their people's calendars anew, whatever their version: a customer was erased."""
    ids = list(appointment_ids)
    write_over(CalendarEventLink.objects.filter(internal_entity_type=ENTITY, internal_entity_id__in=ids), now)


def event_of(link: CalendarEventLink) -> EventDetails | None:
    """Say how a link's appointment should stand in the link's calendar now; None: not at all."""
    appointment = Appointment.objects.filter(pk=link.internal_entity_id).first()
    if appointment is None or not link.calendar.receives:
        return None
    if link.calendar.user_id not in _people_of([appointment]).get(appointment.pk, ()):
        return None
    return EventDetails(
        key=link.event_key,
        title=appointment.title,
        start=int(appointment.start_time.timestamp()),
        end=int(appointment.end_time.timestamp()),
        version=appointment.version,
        description=_description(appointment),
        location=appointment.location or "",
        is_tentative=appointment.status == Status.SCHEDULED,
    )


def accept(proposal_id: int, reach: Reach, actor: Actor, now: int) -> AppointmentRow:
    """Do to the appointment what its owner did in their calendar. Raises UnknownProposal and all that `update` does."""
    proposal = open_proposal(proposal_id, reach)
    wish: dict[str, Any] = {"status": Status.CANCELED}
    if proposal.kind == ProposalKind.MOVE:
        assert proposal.start_time is not None
        assert proposal.end_time is not None
        wish = {"start_time": int(proposal.start_time.timestamp()), "end_time": int(proposal.end_time.timestamp())}
    row = actions.update(Target(reach, proposal.link.internal_entity_id), wish, actor, now)
    with transaction.atomic():
        settle([proposal.link_id], Resolution.ACCEPTED, _moment(now))
        plan([row.id], _moment(now))  # nothing follows where the appointment was there already
    return row


def dismiss(proposal_id: int, reach: Reach, actor: Actor, now: int) -> None:
    """Leave the appointment as it is, and write it into the calendar again. Raises UnknownProposal."""
    with transaction.atomic():
        proposal = open_proposal(proposal_id, reach)
        settle([proposal.link_id], Resolution.DISMISSED, _moment(now))
        about = {"appointment_id": proposal.link.internal_entity_id, "kind": proposal.kind}
        record(Subject(reach.business_id, "calendar_proposal", proposal.pk), "dismissed", actor, None, about)
        write_again(proposal.link, _moment(now))


def open_proposals(reach: Reach) -> list[tuple[CalendarProposal, Appointment]]:
    """List what waits for a decision, oldest first, each with its appointment."""
    opened = CalendarProposal.objects.filter(resolved_at=None, link__internal_entity_type=ENTITY)
    opened = opened.filter(link__internal_entity_id__in=_within(reach).values("pk"))
    waiting = list(opened.select_related("link__calendar").order_by("pk"))
    about = Appointment.objects.in_bulk([proposal.link.internal_entity_id for proposal in waiting])
    return [(proposal, about[proposal.link.internal_entity_id]) for proposal in waiting]


def open_proposal(proposal_id: int, reach: Reach) -> CalendarProposal:
    """Find a proposal that waits for a decision. Raises UnknownProposal."""
    waiting = CalendarProposal.objects.filter(pk=proposal_id, resolved_at=None, link__internal_entity_type=ENTITY)
    proposal = waiting.select_related("link").first()
    if proposal is None or not _within(reach).filter(pk=proposal.link.internal_entity_id).exists():
        raise UnknownProposal
    return proposal


def _wanted(appointment: Appointment, shown_to: frozenset[int]) -> Wanted:
    return Wanted(
        ENTITY,
        appointment.pk,
        shown_to,
        appointment.version if shown_to else None,
        appointment.start_time,
        appointment.end_time,
        is_final=appointment.status in TERMINAL,
    )


def _people_of(appointments: Iterable[Appointment]) -> dict[int, frozenset[int]]:
    """Say in whose own calendars appointments shall stand: of all who give them, and have calendars in that business.

    Those that are not to be synced, or were canceled, in nobody's. Whoever left, is suspended, or has a role without
    calendars by now has no customers there any more.
    """
    shown = [one for one in appointments if one.sync_to_calendar and one.status not in _NOT_SHOWN]
    businesses = {appointment.pk: appointment.business_id for appointment in shown}
    givers = {(appointment.pk, appointment.user_id) for appointment in shown}
    claims = TimeClaim.objects.filter(appointment_id__in=businesses, user_id__isnull=False)
    givers.update(claims.values_list("appointment_id", "user_id"))
    members = Membership.objects.active().filter(business_id__in=businesses.values(), role__in=CALENDAR_ROLES)
    may_see = set(members.values_list("business_id", "user_id"))
    people: dict[int, set[int]] = defaultdict(set)
    for appointment_id, user_id in givers:
        if (businesses[appointment_id], user_id) in may_see:
            people[appointment_id].add(user_id)
    return {appointment_id: frozenset(user_ids) for appointment_id, user_ids in people.items()}


def _within(reach: Reach) -> AppointmentQuerySet:
    return Appointment.objects.within(reach)


def _description(appointment: Appointment) -> str:
    customer = " · ".join(
        part for part in (appointment.contact_name, appointment.contact_phone, appointment.contact_email) if part
    )
    return "\n\n".join(part for part in (customer, appointment.description) if part)


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)

"""Appointments in their people's own calendars: what should stand there, and what its owner wants of it.

`plan` follows from a change row, `event_of` from the appointment as it is now: what happened in between does not
matter. So a wake-up that is lost, or comes twice, changes nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.models import Appointment, AppointmentQuerySet
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars.links import Wanted, settle, want, write_again
from slotkeeper.calendars.models import CalendarEventLink, CalendarProposal, ProposalKind, Resolution
from slotkeeper.calendars.providers.base import EventDetails
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.people.models import Membership
from slotkeeper.rules.appointment_status import Status

ENTITY = "appointment"
_COMINGS_AND_GOINGS = {"created", "suspended", "reinstated", "removed", "left"}
_NOT_SHOWN = {Status.CANCELED.value}  # what was, or was missed, stays in the calendar as it was


class UnknownProposal(Exception):
    """There is no such proposal, or it has been decided."""


def plan_changes(changes: Sequence[Change], now: datetime) -> None:
    """Wish what follows from changes to appointments, and to who may act here. In the caller's transaction."""
    plan({change.subject_id for change in changes if change.subject_kind == ENTITY}, now)
    of_members = [change for change in changes if change.subject_kind == "membership"]
    came_or_went = {change.subject_id for change in of_members if change.verb in _COMINGS_AND_GOINGS}
    for user_id in Membership.objects.filter(pk__in=came_or_went).values_list("user_id", flat=True):
        plan_for_person(user_id, now)


def plan(appointment_ids: Iterable[int], now: datetime) -> None:
    """Wish that appointments stand in the calendars where they should. In the caller's transaction."""
    ids = list(appointment_ids)
    links = CalendarEventLink.objects.filter(internal_entity_type=ENTITY, internal_entity_id__in=ids)
    linked = set(links.values_list("internal_entity_id", flat=True))
    shown = set(_shown(ids).values_list("pk", flat=True))
    for appointment in Appointment.objects.filter(pk__in=shown | linked).order_by("pk"):
        version = appointment.version if appointment.pk in shown else None
        start, end = appointment.start_time, appointment.end_time
        want(Wanted(ENTITY, appointment.pk, appointment.user_id, version, start, end), now)


def plan_for_person(user_id: int, now: datetime) -> None:
    """Wish it for all that a person has before them: they have chosen other calendars."""
    ahead = Appointment.objects.filter(user_id=user_id, sync_to_calendar=True, end_time__gt=now)
    with transaction.atomic():
        plan(ahead.values_list("pk", flat=True), now)


def event_of(link: CalendarEventLink) -> EventDetails | None:
    """Say how a link's appointment should stand in the link's calendar now; None: not at all."""
    appointment = _shown([link.internal_entity_id]).first()
    if appointment is None or appointment.user_id != link.calendar.user_id or not link.calendar.receives:
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
    proposal = _open_proposal(proposal_id, reach)
    target = Target(reach, proposal.link.internal_entity_id)
    if proposal.kind == ProposalKind.DELETE:
        row = actions.cancel(target, actor, now)
    else:
        assert proposal.start_time is not None
        assert proposal.end_time is not None
        times = {
            "start_time": int(proposal.start_time.timestamp()),
            "end_time": int(proposal.end_time.timestamp()),
        }
        row = actions.update(target, times, actor, now)
    settle([proposal.link_id], Resolution.ACCEPTED, _moment(now))
    return row


def dismiss(proposal_id: int, reach: Reach, actor: Actor, now: int) -> None:
    """Leave the appointment as it is, and write it into the calendar again. Raises UnknownProposal."""
    with transaction.atomic():
        proposal = _open_proposal(proposal_id, reach)
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


def _open_proposal(proposal_id: int, reach: Reach) -> CalendarProposal:
    waiting = CalendarProposal.objects.filter(pk=proposal_id, resolved_at=None, link__internal_entity_type=ENTITY)
    proposal = waiting.select_related("link").first()
    if proposal is None or not _within(reach).filter(pk=proposal.link.internal_entity_id).exists():
        raise UnknownProposal
    return proposal


def _shown(ids: list[int]) -> AppointmentQuerySet:
    """Keep those that shall stand in their person's own calendar: not if that person left, or is suspended."""
    may_act = Membership.objects.active().filter(business_id=OuterRef("business_id"), user_id=OuterRef("user_id"))
    synced = Appointment.objects.filter(Exists(may_act), pk__in=ids, sync_to_calendar=True)
    return synced.exclude(status__in=_NOT_SHOWN)


def _within(reach: Reach) -> AppointmentQuerySet:
    return Appointment.objects.within(reach)


def _description(appointment: Appointment) -> str:
    customer = " · ".join(
        part for part in (appointment.contact_name, appointment.contact_phone, appointment.contact_email) if part
    )
    return "\n\n".join(part for part in (customer, appointment.description) if part)


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)

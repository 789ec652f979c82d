"""Appointments in their people's own calendars: what should stand there, and what its owner wants of it.

`plan` follows from a change row, `event_of` from the appointment as it is now: what happened in between does not
matter. So a wake-up that is lost, or comes twice, changes nothing.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.appointments import actions
from slotkeeper.appointments.actions import Target
from slotkeeper.appointments.models import Appointment, AppointmentQuerySet
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.calendars.links import Wanted, settle, want, write_again
from slotkeeper.calendars.models import CalendarEventLink, CalendarProposal, ProposalKind, Resolution
from slotkeeper.calendars.providers.base import EventDetails
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.rules.appointment_status import Status

ENTITY = "appointment"
_NOT_SHOWN = {Status.CANCELED.value}  # what was, or was missed, stays in the calendar as it was


class UnknownProposal(Exception):
    """There is no such proposal, or it has been decided."""


def plan(appointment_ids: Iterable[int], now: datetime) -> None:
    """Wish that appointments stand in the calendars where they should. In the caller's transaction."""
    ids = list(appointment_ids)
    links = CalendarEventLink.objects.filter(internal_entity_type=ENTITY, internal_entity_id__in=ids)
    linked = set(links.values_list("internal_entity_id", flat=True))
    for appointment in Appointment.objects.filter(pk__in=ids).order_by("pk"):
        is_shown = bool(appointment.sync_to_calendar) and appointment.status not in _NOT_SHOWN
        if is_shown or appointment.pk in linked:
            version = appointment.version if is_shown else None
            start, end = appointment.start_time, appointment.end_time
            want(Wanted(ENTITY, appointment.pk, appointment.user_id, version, start, end), now)


def plan_for_person(user_id: int, now: datetime) -> None:
    """Wish it for all that a person has before them: they have chosen other calendars."""
    ahead = Appointment.objects.filter(user_id=user_id, sync_to_calendar=True, end_time__gt=now)
    with transaction.atomic():
        plan(ahead.values_list("pk", flat=True), now)


def event_of(link: CalendarEventLink) -> EventDetails | None:
    """Say how a link's appointment should stand in the link's calendar now; None: not at all."""
    appointment = Appointment.objects.filter(pk=link.internal_entity_id, sync_to_calendar=True).first()
    if appointment is None or appointment.status in _NOT_SHOWN:
        return None
    if appointment.user_id != link.calendar.user_id or not link.calendar.receives:
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


def _within(reach: Reach) -> AppointmentQuerySet:
    return Appointment.objects.within(reach)


def _description(appointment: Appointment) -> str:
    customer = " · ".join(
        part for part in (appointment.contact_name, appointment.contact_phone, appointment.contact_email) if part
    )
    return "\n\n".join(part for part in (customer, appointment.description) if part)


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, UTC)

"""Appointments in foreign calendars over HTTP: where they stand, and what their owners propose."""

import time
from http import HTTPStatus
from typing import Any

import msgspec
from django.http import HttpResponse

from slotkeeper.appointments import calendar_sync
from slotkeeper.appointments.models import Appointment
from slotkeeper.appointments.reach import reach_of
from slotkeeper.appointments.rows import find
from slotkeeper.calendars.models import CalendarEventLink, CalendarProposal, LinkState, ProposalKind
from slotkeeper.doors.api.appointment_forms import AppointmentOut, Refusal, refusals, write_appointment
from slotkeeper.doors.api.appointments import CONFLICT, AppointmentPath, NoFields
from slotkeeper.doors.api.base import (
    NOT_FOUND,
    At,
    JsonEndpoint,
    OptionalBody,
    answer,
    answer_nothing,
    answers,
)
from slotkeeper.doors.api.moments import written_moment
from slotkeeper.doors.api.problems import not_found
from slotkeeper.doors.asking_live import ask_before_accepting
from slotkeeper.doors.disclosure import told_of_calendar
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.local_time import TimeForm
from slotkeeper.rules.permissions import Permission


class CalendarLink(msgspec.Struct):
    """How an appointment stands in one calendar; names, ids and errors are told to the person whose it is, else ""."""

    connection_id: int
    calendar: str
    state: LinkState
    external_calendar_id: str
    external_event_id: str
    synced_version: int | None
    last_error: str
    updated_at: str | None


class CalendarLinks(msgspec.Struct):
    """How an appointment stands in every calendar it has to do with."""

    calendar_links: list[CalendarLink]


class CalendarProposalOut(msgspec.Struct):
    """What somebody did to our event in their calendar, named to themselves only; a `delete` has no times."""

    id: int
    kind: ProposalKind
    appointment_id: int
    calendar: str
    title: str
    start_time: str | None
    end_time: str | None
    proposed_start_time: str | None
    proposed_end_time: str | None
    seen_at: str | None


class CalendarProposalList(msgspec.Struct):
    """What waits for a decision, oldest first."""

    calendar_proposals: list[CalendarProposalOut]


class ProposalPath(msgspec.Struct):
    """Which proposal."""

    proposal_id: int


class AppointmentCalendarLinks(JsonEndpoint):
    """Where an appointment stands."""

    permissions = {"GET": Permission.APPOINTMENTS_READ}

    @answers(CalendarLinks, refusals=NOT_FOUND)
    def get(self, parsed_path: At[AppointmentPath]) -> HttpResponse:
        """List the calendars that an appointment is written into, each with its state."""
        caller, appointment_id = self.caller, known_id(parsed_path.appointment_id)
        if find(reach_of(caller, Permission.APPOINTMENTS_READ_ALL), appointment_id) is None:
            raise not_found()
        links = CalendarEventLink.objects.filter(
            internal_entity_type=calendar_sync.ENTITY, internal_entity_id=appointment_id
        )
        found = links.select_related("calendar").order_by("pk")
        return answer({"calendar_links": [_write_link(link, caller) for link in found]})


class CalendarProposals(JsonEndpoint):
    """The list of proposals."""

    permissions = {"GET": Permission.APPOINTMENTS_READ}

    @answers(CalendarProposalList)
    def get(self) -> HttpResponse:
        """List the moves and deletions that were seen in calendars and wait for a decision."""
        caller = self.caller
        found = calendar_sync.open_proposals(reach_of(caller, Permission.APPOINTMENTS_READ_ALL))
        return answer({"calendar_proposals": [_write_proposal(*pair, caller) for pair in found]})


class AcceptProposal(JsonEndpoint):
    """Doing what is proposed."""

    permissions = {"POST": Permission.APPOINTMENTS_WRITE}

    @answers(AppointmentOut, refusals=NOT_FOUND | CONFLICT, problem=Refusal)
    def post(self, parsed_path: At[ProposalPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Move or cancel the appointment as its event was; the time is checked like that of any other change."""
        del parsed_body
        caller, form = self.caller, TimeForm.with_offset(self.caller.time_zone)
        reach = reach_of(caller, Permission.APPOINTMENTS_WRITE_ALL)
        proposal_id = known_id(parsed_path.proposal_id)
        ask_before_accepting(reach, proposal_id)
        with refusals(form, caller):
            row = calendar_sync.accept(proposal_id, reach, caller.actor, int(time.time()))
        return answer(write_appointment(row, form, caller))


class DismissProposal(JsonEndpoint):
    """Leaving things as they are."""

    exclude_validate_responses = frozenset({HTTPStatus.NO_CONTENT})  # an empty answer has no type to check
    permissions = {"POST": Permission.APPOINTMENTS_WRITE}

    @answers(None, HTTPStatus.NO_CONTENT, refusals=NOT_FOUND)
    def post(self, parsed_path: At[ProposalPath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Keep the appointment as it is; its event is written back into the calendar."""
        del parsed_body
        reach = reach_of(self.caller, Permission.APPOINTMENTS_WRITE_ALL)
        calendar_sync.dismiss(known_id(parsed_path.proposal_id), reach, self.caller.actor, int(time.time()))
        return answer_nothing()


def _write_link(link: CalendarEventLink, caller: Caller) -> dict[str, Any]:
    user_id = link.calendar.user_id
    return {
        "connection_id": link.connection_id,
        "calendar": told_of_calendar(link.calendar.name, user_id, caller),
        "state": link.state,
        "external_calendar_id": told_of_calendar(link.external_calendar_id, user_id, caller),
        "external_event_id": told_of_calendar(link.external_event_id, user_id, caller),
        "synced_version": link.synced_version,
        "last_error": told_of_calendar(link.last_error, user_id, caller),
        "updated_at": written_moment(link.updated_at, caller),
    }


def _write_proposal(proposal: CalendarProposal, appointment: Appointment, caller: Caller) -> dict[str, Any]:
    calendar = proposal.link.calendar
    return {
        "id": proposal.pk,
        "kind": proposal.kind,
        "appointment_id": appointment.pk,
        "calendar": told_of_calendar(calendar.name, calendar.user_id, caller),
        "title": appointment.title,
        "start_time": written_moment(appointment.start_time, caller),
        "end_time": written_moment(appointment.end_time, caller),
        "proposed_start_time": written_moment(proposal.start_time, caller),
        "proposed_end_time": written_moment(proposal.end_time, caller),
        "seen_at": written_moment(proposal.seen_at, caller),
    }

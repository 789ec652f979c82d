"""Asking calendars at the moment when a time is taken: every door does so before its verb, outside of a transaction.

Nobody has a calendar read whose time they may not take, and a change asks only where it is of time or person.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from slotkeeper.appointments.calendar_sync import UnknownProposal, open_proposal
from slotkeeper.appointments.reach import Reach
from slotkeeper.appointments.rows import find
from slotkeeper.appointments.series import read_series
from slotkeeper.calendars.live import ask_live, is_anybody_asked_live
from slotkeeper.calendars.models import ProposalKind
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission

_TAKES_TIME = frozenset({"start_time", "end_time", "user_id"})


def ask_before_booking(caller: Caller, user_id: int) -> None:
    """Ask the calendars of whom a member books."""
    if caller.reaches(user_id, Permission.APPOINTMENTS_WRITE_ALL):
        ask_live([user_id], caller.business_id)


def ask_before_change(reach: Reach, appointment_id: int, fields: Mapping[str, Any]) -> None:
    """Ask the calendars of whoever will have an appointment, if the change gives it another time or person."""
    wanted = {name: value for name, value in fields.items() if name in _TAKES_TIME}
    row = find(reach, appointment_id) if wanted and is_anybody_asked_live() else None
    if row is not None and any(getattr(row, name) != value for name, value in wanted.items()):
        ask_live([wanted.get("user_id", row.user_id)], reach.business_id)


def ask_before_series_move(reach: Reach, appointment_id: int) -> None:
    """Ask the calendars of those who have the appointments of a series; one without a series is its own."""
    if is_anybody_asked_live():
        alone = find(reach, appointment_id)
        rows = read_series(reach, appointment_id) or ([] if alone is None else [alone])
        ask_live({row.user_id for row in rows}, reach.business_id)


def ask_before_accepting(reach: Reach, proposal_id: int) -> None:
    """Ask the calendars of whoever has the appointment that a proposal would move."""
    if is_anybody_asked_live():
        with suppress(UnknownProposal):  # as accepting it will say
            proposal = open_proposal(proposal_id, reach)
            row = find(reach, proposal.link.internal_entity_id)
            if row is not None and proposal.kind == ProposalKind.MOVE:
                ask_live([row.user_id], reach.business_id)

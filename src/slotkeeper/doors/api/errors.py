"""The one place where what went wrong becomes an HTTP answer."""

from http import HTTPStatus
from typing import Any

from django.db import IntegrityError

from slotkeeper.appointments import actions
from slotkeeper.appointments.free_busy import UnknownMember
from slotkeeper.appointments.slots import UnknownService
from slotkeeper.contacts.actions import UnknownContact
from slotkeeper.doors.api.problems import ApiProblem, bad_field, not_found
from slotkeeper.people.tokens import UnknownToken
from slotkeeper.rules.appointment_status import InvalidTransition

_NOT_FOUND = (
    actions.UnknownAppointment,
    actions.UnknownReference,
    UnknownMember,
    UnknownContact,
    UnknownToken,
    UnknownService,
)


def as_problem(error: Exception) -> ApiProblem | None:
    """Translate an error that a caller caused; None for one that is ours."""
    if isinstance(error, ApiProblem):
        return error
    if isinstance(error, _NOT_FOUND):
        return not_found()
    if isinstance(error, actions.EndBeforeStart):
        return bad_field("end_time", "END_BEFORE_START", str(error.__doc__))
    if isinstance(error, actions.TooLong):
        return bad_field("end_time", "TOO_LONG", str(error.__doc__))
    if isinstance(error, InvalidTransition):
        return ApiProblem(HTTPStatus.CONFLICT, "INVALID_TRANSITION", str(error))
    if isinstance(error, actions.FixedInFinalStatus):
        return ApiProblem(HTTPStatus.CONFLICT, "INVALID_TRANSITION", str(error.__doc__))
    if isinstance(error, IntegrityError) and _is_missing_reference(error):
        return not_found()  # what the request referred to was erased a moment ago
    return None


def _is_missing_reference(error: IntegrityError) -> bool:
    cause: Any = error.__cause__
    return getattr(cause, "sqlstate", "") == "23503" or "FOREIGN KEY" in str(error)

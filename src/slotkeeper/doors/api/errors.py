"""The one place where what went wrong becomes an HTTP answer."""

from http import HTTPStatus
from typing import Any

from django.db import IntegrityError

from slotkeeper.appointments import actions
from slotkeeper.appointments.assignment import TakesPart, TooManyAtOnce, Why
from slotkeeper.appointments.calendar_sync import UnknownProposal
from slotkeeper.appointments.free_busy import UnknownMember
from slotkeeper.appointments.givers import NotGiven
from slotkeeper.appointments.reach import OutOfReach
from slotkeeper.appointments.slots import UnknownService
from slotkeeper.calendars.connections import UnknownCalendar, UnknownConnection
from slotkeeper.contacts.actions import UnknownContact
from slotkeeper.doors.api.billing_errors import as_billing_problem
from slotkeeper.doors.api.problems import ApiProblem, FieldError, bad_field, bad_fields, not_found
from slotkeeper.doors.assignment_words import OBSTACLES
from slotkeeper.offerings import refusals, time_off
from slotkeeper.outbox.ledger import NotResendable, UnknownMessage
from slotkeeper.people.authority import InvalidPlace, MayNotManage, NotAboutOneself
from slotkeeper.people.business import OwnSecondFactorMissing, SlugTaken, UnusableContactEmail
from slotkeeper.people.invitations import (
    AlreadyInvited,
    AlreadyMember,
    TooManyInvitations,
    UnknownInvitation,
    UnusableAddress,
)
from slotkeeper.people.logo import LogoIsNoPicture, LogoTooHeavy, LogoTooLarge
from slotkeeper.people.members import LastOwner, UnknownMembership
from slotkeeper.people.second_factor import SecondFactorMissing
from slotkeeper.people.sessions import UnknownSession
from slotkeeper.people.tokens import UnknownToken
from slotkeeper.rules.appointment_status import InvalidTransition
from slotkeeper.webhooks.deliveries import EndpointOff, UnknownDelivery
from slotkeeper.webhooks.endpoints import TooManyEndpoints, UnknownEndpoint

_NOT_FOUND = (
    actions.UnknownAppointment,
    actions.UnknownReference,
    UnknownMember,
    UnknownContact,
    UnknownToken,
    UnknownMembership,
    UnknownInvitation,
    UnknownSession,
    UnknownService,
    UnknownConnection,
    UnknownCalendar,
    UnknownProposal,
    UnknownMessage,
    UnknownEndpoint,
    UnknownDelivery,
    refusals.NotInBusiness,
)
_BAD_FIELDS: dict[type[Exception], tuple[str, str]] = {
    actions.EndBeforeStart: ("end_time", "END_BEFORE_START"),
    actions.TooLong: ("end_time", "TOO_LONG"),
    TooManyAtOnce: ("end", "TOO_LONG"),
    time_off.AbsenceEndsTooEarly: ("end", "END_BEFORE_START"),
    time_off.AbsenceTooLong: ("end", "TOO_LONG"),
    SlugTaken: ("slug", "INVALID_FIELD"),
    UnusableContactEmail: ("contact_email", "INVALID_FIELD"),
    OwnSecondFactorMissing: ("requires_second_factor", "INVALID_FIELD"),
    UnusableAddress: ("email", "INVALID_FIELD"),
    LogoIsNoPicture: ("logo", "INVALID_FIELD"),
    LogoTooHeavy: ("logo", "INVALID_FIELD"),
    LogoTooLarge: ("logo", "INVALID_FIELD"),
}
_REFUSED: dict[type[Exception], tuple[HTTPStatus, str]] = {
    actions.FixedInFinalStatus: (HTTPStatus.CONFLICT, "INVALID_TRANSITION"),
    NotGiven: (HTTPStatus.CONFLICT, "NOT_OFFERED"),
    TakesPart: (HTTPStatus.CONFLICT, "NOT_OFFERED"),
    refusals.StillInUse: (HTTPStatus.CONFLICT, "STILL_IN_USE"),
    refusals.StillNeeded: (HTTPStatus.CONFLICT, "STILL_IN_USE"),
    NotResendable: (HTTPStatus.CONFLICT, "BEING_SENT"),
    EndpointOff: (HTTPStatus.CONFLICT, "ENDPOINT_OFF"),
    TooManyEndpoints: (HTTPStatus.CONFLICT, "TOO_MANY_ENDPOINTS"),
    OutOfReach: (HTTPStatus.FORBIDDEN, "NOT_PERMITTED"),
    MayNotManage: (HTTPStatus.FORBIDDEN, "NOT_PERMITTED"),
    NotAboutOneself: (HTTPStatus.FORBIDDEN, "NOT_PERMITTED"),
    SecondFactorMissing: (HTTPStatus.FORBIDDEN, "SECOND_FACTOR_REQUIRED"),
    LastOwner: (HTTPStatus.CONFLICT, "LAST_OWNER"),
    AlreadyMember: (HTTPStatus.CONFLICT, "ALREADY_MEMBER"),
    AlreadyInvited: (HTTPStatus.CONFLICT, "ALREADY_INVITED"),
    TooManyInvitations: (HTTPStatus.CONFLICT, "TOO_MANY_INVITATIONS"),
}
_NOT_ASSIGNABLE: dict[type[Exception], Why] = {NotGiven: Why.NOT_GIVEN, TakesPart: Why.TAKES_PART}


def as_problem(error: Exception) -> ApiProblem | None:
    """Translate an error that a caller caused; None for one that is ours."""
    if isinstance(error, ApiProblem):
        return error
    if isinstance(error, _NOT_FOUND):
        return not_found()
    if type(error) in _BAD_FIELDS:
        return bad_field(*_BAD_FIELDS[type(error)], str(error.__doc__))
    if isinstance(error, refusals.InvalidFields | InvalidPlace):
        return bad_fields([FieldError(name, "INVALID_FIELD", why) for name, why in error.reasons.items()])
    if type(error) in _REFUSED:
        return ApiProblem(*_REFUSED[type(error)], str(error.__doc__), extra=_reasons(error))
    if isinstance(error, InvalidTransition):
        return ApiProblem(HTTPStatus.CONFLICT, "INVALID_TRANSITION", str(error))
    if isinstance(error, IntegrityError) and _is_missing_reference(error):
        return not_found()  # what the request referred to was erased a moment ago
    return as_billing_problem(error)


def _reasons(error: Exception) -> dict[str, Any]:
    why = _NOT_ASSIGNABLE.get(type(error))
    return {} if why is None else {"reasons": [{"code": why.value, "detail": str(OBSTACLES[why])}]}


def _is_missing_reference(error: IntegrityError) -> bool:
    cause: Any = error.__cause__
    return getattr(cause, "sqlstate", "") == "23503" or "FOREIGN KEY" in str(error)

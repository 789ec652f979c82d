"""The ledger of messages over HTTP, and the reminders to come."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from django.conf import settings
from django.http import HttpResponse

from slotkeeper.appointments.messages import ENTITY
from slotkeeper.appointments.reach import reach_of
from slotkeeper.appointments.rows import find
from slotkeeper.doors.api.appointments import AppointmentPath, NoFields
from slotkeeper.doors.api.base import NOT_FOUND, At, JsonEndpoint, OptionalBody, Query, answer, answers
from slotkeeper.doors.api.message_forms import (
    MessageList,
    MessageOut,
    MessagePath,
    MessageQuery,
    ReminderList,
    UpcomingQuery,
    narrowing_of,
    write_message,
    write_reminder,
)
from slotkeeper.doors.api.paging import read_cursor, write_cursor
from slotkeeper.doors.api.people import PageQuery
from slotkeeper.doors.api.problems import not_found
from slotkeeper.doors.ids import known_id
from slotkeeper.doors.message_disclosure import ledger_of
from slotkeeper.outbox.ledger import resend
from slotkeeper.outbox.models import MessageQuerySet
from slotkeeper.outbox.reading import Narrowing, current_hold, find_message
from slotkeeper.people.callers import Caller
from slotkeeper.reminders.preview import upcoming
from slotkeeper.rules.permissions import Permission

_BEING_SENT = {HTTPStatus.CONFLICT: "The message is being sent just now."}


class Messages(JsonEndpoint):
    """The ledger."""

    permissions = {"GET": Permission.MESSAGES_READ}

    @answers(MessageList)
    def get(self, parsed_query: Query[MessageQuery]) -> HttpResponse:
        """List messages, newest first: what was sent, what waits, and what was not sent and why."""
        found = ledger_of(self.caller, narrowing_of(parsed_query))
        return _answer_page(found, parsed_query, self.caller)


class OneMessage(JsonEndpoint):
    """One message."""

    permissions = {"GET": Permission.MESSAGES_READ}

    @answers(MessageOut, refusals=NOT_FOUND)
    def get(self, parsed_path: At[MessagePath]) -> HttpResponse:
        """Read one message's place in the ledger."""
        message = find_message(self.caller.business_id, known_id(parsed_path.message_id))
        return answer(write_message(message, self.caller))


class ResendMessage(JsonEndpoint):
    """Sending again."""

    permissions = {"POST": Permission.MESSAGES_WRITE}

    @answers(MessageOut, refusals=NOT_FOUND | _BEING_SENT)
    def post(self, parsed_path: At[MessagePath], parsed_body: OptionalBody[NoFields]) -> HttpResponse:
        """Send a message once more, with what there is to say now; one that waits is tried at once."""
        del parsed_body
        caller = self.caller
        message = resend(caller.business_id, known_id(parsed_path.message_id), caller.actor, datetime.now(UTC))
        return answer(write_message(message, caller))


class AppointmentMessages(JsonEndpoint):
    """The messages about one appointment."""

    permissions = {"GET": Permission.CONTACTS_READ_DETAILS}

    @answers(MessageList, refusals=NOT_FOUND)
    def get(self, parsed_path: At[AppointmentPath], parsed_query: Query[PageQuery]) -> HttpResponse:
        """List the messages about an appointment, newest first, for whoever sees it and may see addresses."""
        caller, appointment_id = self.caller, known_id(parsed_path.appointment_id)
        if find(reach_of(caller, Permission.APPOINTMENTS_READ_ALL), appointment_id) is None:
            raise not_found()
        found = ledger_of(caller, Narrowing(subject=(ENTITY, appointment_id)))
        return _answer_page(found, parsed_query, caller)


class UpcomingReminders(JsonEndpoint):
    """The preview."""

    permissions = {"GET": Permission.MESSAGES_READ}

    @answers(ReminderList)
    def get(self, parsed_query: Query[UpcomingQuery]) -> HttpResponse:
        """List the reminders that come due in the hours to come, and those that will not be sent, with the reason."""
        caller = self.caller
        found = upcoming(caller.business_id, datetime.now(UTC), timedelta(hours=parsed_query.hours))
        return answer(
            {
                "reminders": [write_reminder(one, caller) for one in found],
                "is_sending_held": current_hold() is not None,
                "has_mail_server": settings.CONFIGURATION.mail_server is not None,
            }
        )


def _answer_page(found: MessageQuerySet, query: MessageQuery | PageQuery, caller: Caller) -> HttpResponse:
    after = read_cursor(query.cursor, 1)
    if after:
        found = found.filter(pk__lt=after[0])
    page = list(found[: query.limit + 1])
    shown = page[: query.limit]
    cursor = write_cursor(shown[-1].pk) if len(page) > len(shown) else None
    return answer({"messages": [write_message(one, caller) for one in shown], "next_cursor": cursor})

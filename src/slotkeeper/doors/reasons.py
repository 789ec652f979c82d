"""Why a time cannot be booked, in words: one sentence for each reason, for every door."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from slotkeeper.rules.slots import Reason

SENTENCES: dict[Reason, Promise] = {
    Reason.NO_HOURS: _("No opening hours are set."),
    Reason.OUTSIDE_HOURS: _("It does not fit into the opening hours."),
    Reason.OFF_GRID: _("Appointments do not start at this minute."),
    Reason.PAST: _("It is over."),
    Reason.TOO_SOON: _("It is too soon: the service needs more notice."),
    Reason.BEYOND_HORIZON: _("It is too far ahead: bookings are not open yet."),
    Reason.BOOKED: _("There is an appointment."),
    Reason.BUFFER: _("It is too close to something else: there must be a pause."),
    Reason.HELD: _("Somebody is just booking it."),
    Reason.CALENDAR_BUSY: _("There is an event in the calendar."),
    Reason.TIME_OFF: _("It is time off."),
    Reason.DAILY_LIMIT: _("The day is full."),
    Reason.ELSEWHERE: _("The person is busy elsewhere."),
    Reason.RESOURCE_BUSY: _("A room or a piece of equipment that it needs is not free."),
}

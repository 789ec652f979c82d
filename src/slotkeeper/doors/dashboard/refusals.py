"""Why a verb refused, in words for a form, with the times that are free instead."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from slotkeeper.appointments import actions
from slotkeeper.appointments.assignment import TakesPart, Why
from slotkeeper.appointments.free_busy import BusyEntry, BusyKind, Person, UnknownMember, read_alternatives
from slotkeeper.appointments.givers import NotGiven
from slotkeeper.appointments.reach import OutOfReach
from slotkeeper.doors.assignment_words import OBSTACLES
from slotkeeper.doors.disclosure import disclosed
from slotkeeper.people.callers import Caller
from slotkeeper.rules.appointment_status import InvalidTransition
from slotkeeper.rules.availability import AlternativesRequest
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import TimeForm

REFUSED = (
    actions.SlotTaken,
    actions.InThePast,
    actions.TooLong,
    actions.EndBeforeStart,
    actions.FixedInFinalStatus,
    actions.UnknownReference,
    NotGiven,
    TakesPart,
    OutOfReach,
    UnknownMember,
    InvalidTransition,
)
_KINDS: dict[BusyKind, Promise] = {
    BusyKind.APPOINTMENT: _("Another appointment"),
    BusyKind.BUFFER: _("The pause around an appointment"),
    BusyKind.CALENDAR: _("An event in a connected calendar"),
    BusyKind.HOLD: _("Somebody is just booking"),
    BusyKind.TIME_OFF: _("Time off"),
    BusyKind.ELSEWHERE: _("Busy elsewhere"),
    BusyKind.RESOURCE: _("Not enough of the rooms or equipment it needs"),
}
_SENTENCES: dict[type[Exception], Promise] = {
    actions.SlotTaken: _("This time is not free. Nothing was stored."),
    actions.InThePast: _("This time is over. Nothing was stored."),
    actions.TooLong: _("An appointment lasts at most 31 days."),
    actions.EndBeforeStart: _("The end must come after the start."),
    actions.FixedInFinalStatus: _("Times, person and service of a finished appointment are fixed."),
    actions.UnknownReference: _("The customer or the service is not there any more."),
    NotGiven: OBSTACLES[Why.NOT_GIVEN],
    TakesPart: OBSTACLES[Why.TAKES_PART],
    OutOfReach: _("Your role may not give an appointment to that person, or for that service."),
    UnknownMember: _("This person does not work here any more."),
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time for a page: `starts` is what the form takes back."""

    starts: str
    start: datetime
    end: datetime
    is_one_day: bool
    words: str | Promise = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was stored, what is in the way, and what is free."""

    sentence: str | Promise
    conflicts: list[Stretch] = field(default_factory=list)
    alternatives: list[Stretch] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: whose time, when, with which buffers (seconds before and after), and to move which."""

    user_id: int
    time: Interval
    buffers: tuple[int, int] = (0, 0)
    besides_id: int | None = None

    def others(self, caller: Caller, now: int) -> list[Interval]:
        """Find the next times that are free for as long as was asked."""
        person = Person(caller.business_id, self.user_id)
        request = AlternativesRequest(self.time.start, now, self.time.end - self.time.start)
        return read_alternatives(person, request, self.besides_id, self.buffers)


def refusal_of(error: Exception, caller: Caller, asked: Asked, now: int) -> Refusal:
    """Explain a refusal to the caller, as far as they may see that person's time."""
    sentence = _SENTENCES.get(type(error)) or str(error)
    conflicts = disclosed(error.conflicts, caller, error.user_id) if isinstance(error, actions.SlotTaken) else []
    is_about_time = isinstance(error, actions.SlotTaken | actions.InThePast)
    free = asked.others(caller, now) if is_about_time else []
    return Refusal(
        sentence,
        [_stretch(Interval(one.start, one.end), caller, busy_in_words(one)) for one in conflicts],
        [_stretch(one, caller) for one in free],
    )


def busy_in_words(entry: BusyEntry) -> str | Promise:
    """Say what is in the way; it has been cut to what its reader may see."""
    return entry.title or _KINDS[entry.kind]


def _stretch(one: Interval, caller: Caller, words: str | Promise = "") -> Stretch:
    starts, ends = TimeForm.with_offset(caller.time_zone).write_all(one)
    start, end = datetime.fromtimestamp(one.start, UTC), datetime.fromtimestamp(one.end, UTC)
    return Stretch(starts, start, end, starts[:10] == ends[:10], words)

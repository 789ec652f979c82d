"""How calendars and their accounts stand, in words; also what was stored in English when something went wrong."""

import re
from functools import cache
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_noop, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from slotkeeper.calendars.models import CalendarConnection, CalendarEventLink, Health, Kind, LinkState

PROVIDERS: dict[str, str | Promise] = {
    Kind.GOOGLE: "Google",
    Kind.MICROSOFT: "Microsoft",
    Kind.CALDAV: "CalDAV",
    Kind.ICS_FEED: _("Calendar address"),
}
# What providers and the verbs say, marked for translation here: they know no language.
_SENTENCES = (
    gettext_noop("A web page came where the calendar server should answer."),
    gettext_noop("At this address there is a server, but it knows no calendars of yours."),
    gettext_noop("At this address there is a web page, not a calendar."),
    gettext_noop("At this address there is something else, not a calendar."),
    gettext_noop("More than %(number)s accounts of one person cannot be connected."),
    gettext_noop("Somebody else writes to the same event all the time."),
    gettext_noop("Something went wrong on our side; the server's log says what."),
    gettext_noop("The address may not contain a name or a password."),
    gettext_noop("The address names no host."),
    gettext_noop("The answer is larger than %(bytes)s bytes."),
    gettext_noop("The calendar is no longer there."),
    gettext_noop("The calendar repeats so much that it takes too long to read."),
    gettext_noop("The calendar server answers what it should not (%(status)s)."),
    gettext_noop("The calendar server answers what it should not."),
    gettext_noop("The calendar server does not accept the name and password."),
    gettext_noop("The calendar server does not allow reading this calendar (403)."),
    gettext_noop("The calendar server has a fault (%(status)s)."),
    gettext_noop("The calendar server has too much to do (429)."),
    gettext_noop("The calendar server leads to %(host)s, which may not see the password."),
    gettext_noop("The calendar server refuses the event (%(status)s)."),
    gettext_noop("The calendar server refuses the request (%(status)s)."),
    gettext_noop("The calendar server refuses to remove the event (%(status)s)."),
    gettext_noop("The calendar server refuses to show an entry (%(status)s)."),
    gettext_noop("The calendar server's answer is too large to be read."),
    gettext_noop("The entry %(path)s cannot be read. %(why)s"),
    gettext_noop("The event in the calendar cannot be read. %(why)s"),
    gettext_noop("The server asks for a name and a password (401), and a web address has none to give."),
    gettext_noop("The server cannot be reached."),
    gettext_noop("The server cannot be reached: %(why)s"),
    gettext_noop("The server is too slow."),
    gettext_noop("The server leads elsewhere with what was meant for it alone."),
    gettext_noop("The server leads from https to http."),
    gettext_noop("The server packs its answer in a way that was not asked for (%(name)s)."),
    gettext_noop("The server packs its answer wrongly."),
    gettext_noop("The server sends from one place to the next without end."),
    gettext_noop("The server sends something after its packed answer."),
    gettext_noop("The server's packed answer is cut off."),
    gettext_noop("The stored access cannot be read. Please connect again."),
    gettext_noop("The stored password was sealed with another key; whoever runs this server has it."),
    gettext_noop("There is no CalDAV server at this address, or it hides where the calendars are."),
    gettext_noop("There is no calendar at this address any more (%(status)s)."),
    gettext_noop("There is no calendar in this account."),
    gettext_noop("There is too much in this calendar: more than %(number)s times to keep free."),
    gettext_noop("This answer belongs to no attempt of yours. Please connect again."),
    gettext_noop("This is no address that begins with https:// or http://."),
    gettext_noop("%(host)s is no public address."),
    gettext_noop("%(name)s answers what it should not."),
    gettext_noop("%(name)s cannot be asked now. %(error)s"),
    gettext_noop("%(name)s cannot be asked. %(error)s"),
    gettext_noop("%(name)s does not accept this server's client id or secret; its operator has to mend that."),
    gettext_noop("%(name)s gave no lasting access. Please connect again."),
    gettext_noop("%(name)s gives no access now. %(error)s"),
    gettext_noop("%(name)s gives no access now (%(status)s)."),
    gettext_noop("%(name)s is busy or has a fault (%(status)s)."),
    gettext_noop("%(name)s keeps this calendar from being read. %(why)s"),
    gettext_noop("%(name)s no longer accepts this attempt. Please connect again."),
    gettext_noop("%(name)s no longer lets us in. Please connect again."),
    gettext_noop("%(name)s no longer lets us see these calendars. Please connect again."),
    gettext_noop("%(name)s refuses: %(error)s"),
    gettext_noop("%(name)s wants us to slow down (%(status)s)."),
    gettext_noop("%(name)s was not told to let us see and change your calendars. Please allow all of it."),
)
_PLACE = re.compile(r"%\\\((\w+)\\\)s")


class Standing(NamedTuple):
    """How something stands: a mark, which is drawn as parts/status.html draws it, and words."""

    mark: str
    words: str | Promise


_UNREAD = Standing("scheduled", pgettext_lazy("state of a calendar account", "Being read for the first time"))
_AWRY = Standing("expired", pgettext_lazy("state of a calendar account", "Connected, but not all is read"))
_HEALTH = {
    Health.CONNECTED: Standing("active", pgettext_lazy("state of a calendar account", "Connected")),
    Health.FAILING: Standing("expired", pgettext_lazy("state of a calendar account", "Out of reach, tried again soon")),
    Health.RECONNECT: Standing("expired", pgettext_lazy("state of a calendar account", "Has to be connected again")),
}
_LINKS = {
    LinkState.PENDING: Standing("scheduled", pgettext_lazy("state of an event", "Waits to be written")),
    LinkState.SYNCED: Standing("active", pgettext_lazy("state of an event", "Stands there")),
    LinkState.FAILING: Standing("expired", pgettext_lazy("state of an event", "Could not be written")),
    LinkState.GONE: Standing("canceled", pgettext_lazy("state of an event", "Taken out")),
}


def health_of(connection: CalendarConnection) -> Standing:
    """Say how an account is doing; it may answer, and one of its calendars be unreadable all the same."""
    if connection.status == Health.CONNECTED and any(one.last_error for one in connection.calendars.all()):
        return _AWRY
    if connection.status == Health.CONNECTED and connection.last_success_at is None:
        return _UNREAD
    return _HEALTH[Health(connection.status)]


def standing_in_words(link: CalendarEventLink) -> Standing:
    """Say how an event of ours stands in a calendar."""
    return _LINKS[LinkState(link.state)]


def in_words(message: str) -> str:
    """Say in the page's language what went wrong; what nobody has translated stays as it is."""
    for sentence, pattern in _patterns():
        found = pattern.fullmatch(message)
        if found:
            carried = found.groupdict()
            if "error" in carried:  # a sentence within the sentence
                carried["error"] = in_words(carried["error"])
            return gettext(sentence) % carried
    return message


def known_sentence(message: str) -> bool:
    """Say whether a message can be said in other languages."""
    return any(pattern.fullmatch(message) for _sentence, pattern in _patterns())


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(sentence, re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(sentence)))) for sentence in _SENTENCES]

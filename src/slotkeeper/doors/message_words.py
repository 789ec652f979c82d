"""Why a message was not sent, in words: one sentence for each reason, for every door."""

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from slotkeeper.outbox.channels.words import trouble_in_words
from slotkeeper.outbox.kinds import Reason, State
from slotkeeper.outbox.models import Message

REASONS: dict[Reason, Promise] = {
    Reason.NO_ADDRESS: _("No address to write to."),
    Reason.SWITCHED_OFF: _("Messages of this kind are switched off."),
    Reason.MADE_LATE: _("The appointment was made, or moved, when the time to remind was over."),
    Reason.MISSED: _("Nothing was running while the reminder would have helped."),
    Reason.TOLD_WITH_ANOTHER: _("The message about another date of the series tells it."),
    Reason.NO_LONGER_TRUE: _("What it would have said was no longer true."),
    Reason.OVER: _("The appointment had begun."),
    Reason.ERASED: _("The customer was erased."),
    Reason.LEFT: _("Its reader does not work here any more, or is suspended."),
    Reason.PAPER_IS_WRITTEN: _("The PDF that goes with it is being written."),
}


def reason_in_words(message: Message) -> str:
    """Say why a message stands as it does, in the language that is spoken now; "" where there is nothing to say."""
    if message.reason in frozenset(Reason):
        return str(REASONS[Reason(message.reason)])
    if not message.reason and message.state == State.EXPIRED:
        return gettext("It could not leave while it still helped.")
    return trouble_in_words(message.reason)

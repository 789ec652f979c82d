"""What a member may know of messages: the ledger is the business's, how somebody is reached not everybody's."""

from copy import copy

from slotkeeper.outbox.kinds import ChannelName, Reason
from slotkeeper.outbox.models import Message, MessageQuerySet
from slotkeeper.outbox.reading import Narrowing, narrowed
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission


def ledger_of(caller: Caller, wish: Narrowing) -> MessageQuerySet:
    """Search the ledger of the caller's business, newest first. Who may not see addresses finds nothing by them."""
    found = narrowed(caller.business_id, wish)
    return found.none() if wish.address and not caller.may(Permission.CONTACTS_READ_DETAILS) else found


def shown_message(message: Message, caller: Caller) -> Message:
    """Leave out of a message how its reader is reached, where the caller may not know. Servers' words repeat it."""
    if caller.may(Permission.CONTACTS_READ_DETAILS):
        return message
    shown = copy(message)
    shown.address = ""
    if shown.reason not in frozenset(Reason):
        shown.reason = ""
    return shown


def shown_addresses(addresses: dict[ChannelName, str], caller: Caller) -> dict[ChannelName, str]:
    """Leave out the addresses to which a message will go, where the caller may not know them."""
    return addresses if caller.may(Permission.CONTACTS_READ_DETAILS) else dict.fromkeys(addresses, "")

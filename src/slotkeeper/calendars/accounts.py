"""Opening a person's account at a provider: the right kind of provider, with its secret unsealed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from slotkeeper.calendars.leases import Lease
from slotkeeper.calendars.models import CalendarConnection, Kind
from slotkeeper.calendars.providers.base import Account, CalendarProvider, Unavailable
from slotkeeper.calendars.providers.caldav import CalDavProvider
from slotkeeper.calendars.providers.google import open_google
from slotkeeper.calendars.providers.ics_feed import IcsFeedProvider
from slotkeeper.calendars.providers.microsoft import open_microsoft
from slotkeeper.outbound.client import Client
from slotkeeper.outbound.secret_box import SealBroken, secret_box

PROVIDERS: dict[str, Callable[[Account], CalendarProvider]] = {
    Kind.CALDAV: CalDavProvider,
    Kind.GOOGLE: open_google,
    Kind.MICROSOFT: open_microsoft,
    Kind.ICS_FEED: IcsFeedProvider,
}


def secret_of(connection: CalendarConnection) -> str:
    """Unseal a connection's password, tokens, or address of a feed. Raises Unavailable."""
    try:
        return secret_box().open(connection.sealed_secret) if connection.sealed_secret else ""
    except SealBroken:
        raise Unavailable("The stored password was sealed with another key; whoever runs this server has it.") from None


@contextmanager
def opened(connection: CalendarConnection, lease: Lease, seconds: float) -> Iterator[CalendarProvider]:
    """Open an account under its lease, for so long at most. Raises Unavailable where its secret cannot be opened.

    What an operator did to the keys they can undo, so nothing is given up for it.
    """
    secret = secret_of(connection)

    def keep_secret(newer: str) -> None:
        lease.renew(sealed_secret=secret_box().seal(newer))

    with Client(settings.CONFIGURATION.private_hosts, seconds) as http:
        is_feed = connection.provider == Kind.ICS_FEED  # its address is its secret
        account = Account(http, secret if is_feed else connection.url, connection.username, secret, keep_secret)
        yield PROVIDERS[Kind(connection.provider)](account)

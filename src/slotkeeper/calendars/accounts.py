"""Opening a person's account at a provider: the right kind of provider, with its secret unsealed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings

from slotkeeper.calendars.models import CalendarConnection, Kind
from slotkeeper.calendars.providers.base import AccessLost, Account, CalendarProvider
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


@contextmanager
def opened(connection: CalendarConnection, seconds: float | None = None) -> Iterator[CalendarProvider]:
    """Open an account, for so long at most. Raises AccessLost where its secret cannot be opened any more."""
    try:
        secret = secret_box().open(connection.sealed_secret) if connection.sealed_secret else ""
    except SealBroken:
        raise AccessLost("The stored password was sealed with another key. Please connect again.") from None

    def keep_secret(newer: str) -> None:
        sealed = secret_box().seal(newer)
        CalendarConnection.objects.filter(pk=connection.pk).update(sealed_secret=sealed)

    with Client(settings.CONFIGURATION.private_hosts, seconds) as http:
        is_feed = connection.provider == Kind.ICS_FEED  # its address is its secret
        account = Account(http, secret if is_feed else connection.url, connection.username, secret, keep_secret)
        yield PROVIDERS[Kind(connection.provider)](account)

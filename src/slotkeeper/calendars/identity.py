"""Whose account some tokens open: so that the same account twice is one connection, and two accounts are two."""

from django.conf import settings

from slotkeeper.calendars.accounts import PROVIDERS
from slotkeeper.calendars.connections import Credentials
from slotkeeper.calendars.models import Kind
from slotkeeper.calendars.providers.base import Account
from slotkeeper.outbound.client import Client

_PATIENCE_SECONDS = 12.0  # somebody waits at a page
_LONGEST = 255


def credentials_of(kind: Kind, tokens: str) -> Credentials:
    """Make credentials of tokens, under the id of the account's main calendar: it is another for each account.

    At Google that is the person's address. Raises ProviderError.
    """
    newest = [tokens]
    with Client(settings.CONFIGURATION.private_hosts, _PATIENCE_SECONDS) as http:
        calendars = PROVIDERS[kind](Account(http, "", "", tokens, newest.append)).list_calendars()
    main = next((one for one in calendars if one.is_primary), None)
    identity = main.external_id[:_LONGEST] if main else ""
    name = identity if "@" in identity else str(kind.label)
    return Credentials(kind, username=identity, secret=newest[-1], name=name)

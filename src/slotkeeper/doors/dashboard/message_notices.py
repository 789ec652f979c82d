"""What about a business's messages wants somebody: what was refused for good, and what cannot leave."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.conf import settings

from slotkeeper.outbox.channels.words import trouble_in_words
from slotkeeper.outbox.models import SendingHold
from slotkeeper.outbox.reading import current_hold, kept_back, undeliverable_since
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission

REMEMBERED = timedelta(days=30)


class Notices(NamedTuple):
    """How many messages were refused for good in 30 days, and how many wait that should have left."""

    undeliverable: int = 0
    kept_back: int = 0


class Trouble(NamedTuple):
    """Why messages do not leave; where none is kept back, `since` is None."""

    hold: SendingHold | None
    has_server: bool
    kept_back: int
    since: datetime | None
    problem: str


def notices_of(caller: Caller) -> Notices:
    """Say what wants the caller; two quick counts."""
    if not caller.may(Permission.MESSAGES_READ):
        return Notices()
    now = datetime.now(UTC)
    waiting = kept_back(caller.business_id, now).count()
    return Notices(undeliverable_since(caller.business_id, now - REMEMBERED), waiting)


def trouble_of(business_id: int, now: datetime) -> Trouble:
    """Say why messages of a business do not leave, if they do not."""
    waiting = kept_back(business_id, now)
    oldest, failed = waiting.first(), waiting.exclude(reason="").first()
    return Trouble(
        hold=current_hold(),
        has_server=settings.CONFIGURATION.mail_server is not None,
        kept_back=waiting.count(),
        since=oldest.created_at if oldest else None,
        problem=trouble_in_words(failed.reason) if failed else "",
    )

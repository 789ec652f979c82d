"""Secret addresses under which a calendar program reads a person's appointments: make, find, revoke."""

from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.calendars.connections import Owner
from slotkeeper.calendars.models import CalendarFeed
from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.people.models import new_secret, secret_hash

_SUBJECT = "calendar_feed"


class UnknownFeed(Exception):
    """There is no such feed."""


def feeds_of(user_id: int) -> list[CalendarFeed]:
    """List a person's feeds that can be read, oldest first."""
    return list(CalendarFeed.objects.filter(user_id=user_id, revoked_at=None).order_by("pk"))


def make_feed(owner: Owner, hides_details: bool, actor: Actor) -> tuple[CalendarFeed, str]:
    """Make a feed of a person's appointments; its secret is returned this once and never again."""
    secret = new_secret()
    with transaction.atomic():
        feed = CalendarFeed.objects.create(
            user_id=owner.user_id,
            secret_hash=secret_hash(secret),
            hides_details=hides_details,
            created_at=datetime.now(UTC),
        )
        subject = Subject(owner.business_id, _SUBJECT, feed.pk)
        record(subject, "created", actor, None, {"user_id": owner.user_id, "hides_details": hides_details})
    return feed, secret


def find_own_feed(owner: Owner, feed_id: int) -> CalendarFeed:
    """Find one of a person's feeds that can be read. Raises UnknownFeed."""
    found = CalendarFeed.objects.filter(user_id=owner.user_id, pk=feed_id, revoked_at=None).first()
    if found is None:
        raise UnknownFeed
    return found


def revoke_feed(owner: Owner, feed_id: int, actor: Actor) -> None:
    """Revoke a feed; its address answers nobody any more, at once. Raises UnknownFeed."""
    with transaction.atomic():
        own = CalendarFeed.objects.filter(user_id=owner.user_id, pk=feed_id, revoked_at=None)
        if not own.update(revoked_at=datetime.now(UTC)):
            raise UnknownFeed
        record(Subject(owner.business_id, _SUBJECT, feed_id), "revoked", actor, None, None)


def find_feed(secret: str) -> CalendarFeed | None:
    """Find the feed that a secret opens; None where it is unknown or revoked, or its person may not act any more."""
    feeds = CalendarFeed.objects.filter(revoked_at=None, user__is_active=True).select_related("user")
    return feeds.filter(secret_hash=secret_hash(secret)).first()

"""Connections to foreign calendars, what they block, and which events there are ours."""

from enum import StrEnum

from django.db import models
from django.db.models import F, Q

from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.people.models import User


def _choices(kinds: type[StrEnum]) -> list[tuple[str, str]]:
    return [(kind.value, kind.value) for kind in kinds]


class Kind(StrEnum):
    """The kinds of calendar servers we speak to."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"
    CALDAV = "caldav"
    ICS_FEED = "ics_feed"

    @property
    def label(self) -> str:
        """The name by which people know it."""
        return {"google": "Google", "microsoft": "Microsoft 365", "caldav": "CalDAV", "ics_feed": "ICS"}[self.value]

    @property
    def takes_events(self) -> bool:
        """Whether anything can be written there."""
        return self is not Kind.ICS_FEED


class WhenUnreadable(StrEnum):
    """What a calendar means that could not be read for a while; never simply "free", unless its owner says so."""

    LAST_KNOWN = "last_known"
    BLOCK = "block"
    IGNORE = "ignore"


class Health(StrEnum):
    """How a connection is doing."""

    CONNECTED = "connected"
    FAILING = "failing"
    RECONNECT = "reconnect"  # the provider no longer lets us in


class CalendarConnection(models.Model):
    """A person's account at a provider. One process at a time works on it: whoever holds the lease."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_connections")
    provider = models.CharField(max_length=16, choices=_choices(Kind))
    name = models.CharField(max_length=255)
    url = models.TextField(default="")
    username = models.CharField(max_length=255, default="")
    sealed_secret = models.TextField(default="")  # a password, or tokens as JSON; see outbound/secret_box.py
    when_unreadable = models.CharField(
        max_length=16, choices=_choices(WhenUnreadable), default=WhenUnreadable.LAST_KNOWN
    )
    last_known_hours = models.PositiveIntegerField(default=72)
    asks_live = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=_choices(Health), default=Health.CONNECTED)
    last_success_at = models.DateTimeField(null=True)
    last_error = models.TextField(default="")
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)  # when its owner was told that it needs them
    due_at = models.DateTimeField(null=True, db_default=CurrentTimestamp())  # when to work on it; None: under way
    lease = models.CharField(max_length=160, default="")
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "calendar_connections"
        indexes = [
            models.Index(fields=["due_at"], name="calendar_connections_due"),
            models.Index(
                fields=["leased_until"], name="calendar_connections_leased", condition=Q(leased_until__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider}: {self.name}"


class ConnectedCalendar(models.Model):
    """One calendar of a connection: whether it blocks time, whether it receives appointments, how far it was read."""

    connection = models.ForeignKey(CalendarConnection, on_delete=models.CASCADE, related_name="calendars")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="connected_calendars")
    external_id = models.TextField()
    name = models.CharField(max_length=255)
    is_writable = models.BooleanField(default=True)
    blocks = models.BooleanField(default=False)
    receives = models.BooleanField(default=False)
    cursor = models.TextField(default="")  # the provider's own mark of how far changes were read
    read_at = models.DateTimeField(null=True)
    read_in_full_at = models.DateTimeField(null=True)
    read_in_zone = models.CharField(max_length=64, default="")  # by which whole days were turned into times
    next_read_at = models.DateTimeField(db_default=CurrentTimestamp())
    last_error = models.TextField(default="")  # why this one could not be read, while its account can be reached
    channel_id = models.CharField(max_length=255, default="", db_index=True)
    channel_resource = models.TextField(default="")
    channel_secret = models.CharField(max_length=64, default="")
    channel_expires_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "connected_calendars"
        constraints = [models.UniqueConstraint(fields=["connection", "external_id"], name="connected_calendars_once")]

    def __str__(self) -> str:
        return self.name


class BusyTime(models.Model):
    """A stretch of time, at most 31 days, that an entry of a foreign calendar blocks. No more of it is kept."""

    calendar = models.ForeignKey(ConnectedCalendar, on_delete=models.CASCADE, db_index=False)
    external_id = models.TextField()
    start_time = models.DateTimeField()
    end_time = models.DateTimeField()

    class Meta:
        db_table = "calendar_busy_times"
        indexes = [
            models.Index(fields=["calendar", "start_time", "end_time"], name="calendar_busy_window"),
            models.Index(fields=["calendar", "external_id"], name="calendar_busy_entry"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(end_time__gt=F("start_time")), name="calendar_busy_not_empty")
        ]

    def __str__(self) -> str:
        return f"{self.start_time} to {self.end_time}"


class LinkState(StrEnum):
    """How an event of ours stands in a calendar."""

    PENDING = "pending"
    SYNCED = "synced"
    FAILING = "failing"
    GONE = "gone"


class CalendarEventLink(models.Model):
    """One of our things in one foreign calendar. Calendars know no appointments, only a type and an id."""

    internal_entity_type = models.CharField(max_length=32)
    internal_entity_id = models.BigIntegerField()
    connection = models.ForeignKey(CalendarConnection, on_delete=models.CASCADE, related_name="links")
    calendar = models.ForeignKey(ConnectedCalendar, on_delete=models.CASCADE, related_name="links")
    external_calendar_id = models.TextField()
    external_event_id = models.TextField(default="")
    event_key = models.CharField(max_length=64, unique=True)
    etag = models.TextField(default="")
    synced_version = models.IntegerField(null=True)
    written_start = models.DateTimeField(null=True)
    written_end = models.DateTimeField(null=True)
    sent_start = models.DateTimeField(null=True)  # in a write whose answer may never have come
    sent_end = models.DateTimeField(null=True)
    wanted_start = models.DateTimeField(null=True)  # None: what its owner does to the event matters no more
    wanted_end = models.DateTimeField(null=True)
    may_exist = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=_choices(LinkState), default=LinkState.PENDING)
    last_error = models.TextField(default="")
    failures = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, db_default=CurrentTimestamp())  # None: nothing to do
    updated_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "calendar_event_links"
        indexes = [
            models.Index(
                fields=["connection", "due_at"], name="calendar_event_links_due", condition=Q(due_at__isnull=False)
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["internal_entity_type", "internal_entity_id", "calendar"], name="calendar_event_links_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.internal_entity_type} {self.internal_entity_id} in {self.external_calendar_id}"


class ProposalKind(StrEnum):
    """What the owner did to our event in their calendar."""

    MOVE = "move"
    DELETE = "delete"


class Resolution(StrEnum):
    """What became of a proposal."""

    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"


class CalendarProposal(models.Model):
    """A change seen in a foreign calendar that becomes ours only when somebody says so."""

    link = models.ForeignKey(CalendarEventLink, on_delete=models.CASCADE, related_name="proposals")
    kind = models.CharField(max_length=8, choices=_choices(ProposalKind))
    start_time = models.DateTimeField(null=True)
    end_time = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(db_default=CurrentTimestamp())
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=16, choices=_choices(Resolution), default="")

    class Meta:
        db_table = "calendar_proposals"
        constraints = [
            models.UniqueConstraint(
                fields=["link"], name="calendar_proposals_one_open", condition=Q(resolved_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.link}"


class CalendarFeed(models.Model):
    """A secret address under which a calendar program reads a person's appointments."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calendar_feeds")
    secret_hash = models.BinaryField(max_length=32, unique=True)
    hides_details = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "calendar_feeds"

    def __str__(self) -> str:
        return f"feed {self.pk}"

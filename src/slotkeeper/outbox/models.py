"""The ledger of messages, the business's own wording of them, and whether they may leave."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q

from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.outbox.kinds import ChannelName, State


class SendingHold(models.Model):
    """A reason why no message may leave this installation, such as a restored backup.

    Sending is held while any row exists.
    """

    reason = models.TextField()
    held_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "sending_holds"

    def __str__(self) -> str:
        return self.reason


class MessageQuerySet(models.QuerySet["Message"]):
    """Questions about messages."""

    def in_business(self, business_id: int) -> "MessageQuerySet":
        """Keep those of one business."""
        return self.filter(business_id=business_id)

    def about(self, subject_kind: str, subject_id: int) -> "MessageQuerySet":
        """Keep those about one subject."""
        return self.filter(subject_kind=subject_kind, subject_id=subject_id)


class Message(models.Model):
    """One message to one recipient on one occasion; what it says is written when it leaves."""

    business = models.ForeignKey("people.Business", on_delete=models.CASCADE, db_index=False)
    subject_kind = models.TextField()  # "appointment"
    subject_id = models.BigIntegerField()
    kind = models.TextField()  # a Kind
    occasion = models.TextField()  # the subject's version, or the start that a reminder is for
    channel = models.TextField(choices=[(name.value, name.value) for name in ChannelName])
    recipient = models.TextField()  # "customer" or "user 12"
    address = models.TextField(default="", db_default="")  # where it went, or would go
    state = models.TextField(
        choices=[(state.value, state.value) for state in State], default=State.WAITING, db_default=State.WAITING.value
    )
    reason = models.TextField(default="", db_default="")  # why it stands so, or what went wrong last
    subject_line = models.TextField(default="", db_default="")  # of what left
    told = models.JSONField(null=True)  # what its reader knew before it, and, once it is sent, knows since
    companions = models.JSONField(null=True)  # ids of further subjects that it tells of, such as a series' other dates
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    resends = models.PositiveIntegerField(default=0, db_default=0)
    next_try_at = models.DateTimeField()  # while it is being sent: when its claim runs out
    useful_until = models.DateTimeField()
    claim = models.TextField(default="", db_default="")  # of the process that sends it
    created_at = models.DateTimeField(db_default=CurrentTimestamp())
    finished_at = models.DateTimeField(null=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        db_table = "messages"
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id", "kind", "occasion", "channel", "recipient"], name="messages_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["next_try_at", "id"],
                name="messages_open",
                condition=Q(finished_at__isnull=True),
            ),
            models.Index(fields=["business", "id"], name="messages_business"),
            models.Index(fields=["business", "state", "id"], name="messages_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject_kind} {self.subject_id}"

    @property
    def message_id(self) -> str:
        """Its Message-ID (RFC 5322 section 3.6.4): the same however often it is tried, another for a resend."""
        again = f".{self.resends}" if self.resends else ""
        recipient = self.recipient.replace(" ", "-")
        key = f"{self.subject_kind}-{self.subject_id}.{self.kind}.{self.occasion}.{recipient}{again}"
        return f"<{key}@{urlsplit(settings.CONFIGURATION.url).hostname}>"


class MessageTemplate(models.Model):
    """How a business words a kind of message in a language; without one, the built-in wording serves."""

    business = models.ForeignKey("people.Business", on_delete=models.CASCADE, related_name="message_templates")
    kind = models.TextField()  # a Kind
    channel = models.TextField(choices=[(name.value, name.value) for name in ChannelName])
    locale = models.CharField(max_length=16)
    subject = models.TextField(default="", db_default="")  # none in an SMS
    body = models.TextField()
    version = models.PositiveIntegerField(default=1, db_default=1)
    updated_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "message_templates"
        constraints = [
            models.UniqueConstraint(fields=["business", "kind", "channel", "locale"], name="message_templates_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel} in {self.locale}"


class MessageChoice(models.Model):
    """By which ways a business sends a kind of message; without one: by mail, not by SMS."""

    business = models.ForeignKey("people.Business", on_delete=models.CASCADE, related_name="message_choices")
    kind = models.TextField()  # a Kind
    by_email = models.BooleanField(default=True, db_default=True)
    by_sms = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "message_choices"
        constraints = [models.UniqueConstraint(fields=["business", "kind"], name="message_choices_once")]

    def __str__(self) -> str:
        return f"{self.kind}: mail {self.by_email}, SMS {self.by_sms}"

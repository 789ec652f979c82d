"""One row for every change."""

from django.db import models
from django.db.models import Q

from slotkeeper.changes.append_only import PERSONAL_FIELDS, OnlyGrows
from slotkeeper.changes.columns import CurrentTimestamp


class Change(models.Model):
    """What one verb did to one subject: who, when, from what, to what.

    It is the history on a page, the audit trail, the event behind a webhook and what wakes
    the worker. Rows are only added, and the database sees to it; `handled_at` alone is written later, by the worker,
    and erasing a customer blanks what identifies them.
    """

    business_id = models.BigIntegerField()
    subject_kind = models.TextField()
    subject_id = models.BigIntegerField()
    subject_version = models.IntegerField(default=1)
    verb = models.TextField()
    actor_kind = models.TextField()  # member, token, command, worker, customer
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.TextField(default="")
    source = models.TextField(default="", db_default="", blank=True)  # the door, and from where: "api 203.0.113.7"
    at = models.DateTimeField(db_default=CurrentTimestamp())
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    handled_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "changes"
        constraints = [OnlyGrows(personal=PERSONAL_FIELDS, name="changes_only_grow")]
        indexes = [
            models.Index(fields=["business_id", "subject_kind", "subject_id", "id"], name="changes_subject"),
            models.Index(fields=["business_id", "at", "id"], name="changes_time"),
            models.Index(fields=["id"], name="changes_unhandled", condition=Q(handled_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind} {self.subject_id} {self.verb}"

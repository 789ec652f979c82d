"""What the doors remember between requests."""

from django.db import models

from slotkeeper.changes.columns import CurrentTimestamp


class IdempotentAnswer(models.Model):
    """The answer a creating request got, kept so that its repetition gets the same and makes nothing."""

    caller = models.TextField()  # "token 12" or "membership 3"
    route = models.TextField()
    key = models.TextField()
    body_hash = models.BinaryField(max_length=32)
    status = models.IntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "idempotent_answers"
        constraints = [models.UniqueConstraint(fields=["caller", "route", "key"], name="idempotent_answers_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotent_answers_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class RequestCount(models.Model):
    """How many requests one caller made in one minute; shared by all processes."""

    caller = models.TextField()
    minute = models.BigIntegerField()
    count = models.IntegerField(default=0)

    class Meta:
        db_table = "request_counts"
        constraints = [models.UniqueConstraint(fields=["caller", "minute"], name="request_counts_once")]

    def __str__(self) -> str:
        return f"{self.caller}: {self.count}"

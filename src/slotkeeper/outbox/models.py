"""Whether messages may leave."""

from django.db import models


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

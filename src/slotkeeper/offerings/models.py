"""Services, and the rooms and equipment they need."""

from django.db import models

from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.people.models import Business


class Service(models.Model):
    """Something a customer can book. Its buffers are copied into an appointment when it is booked."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="services")
    name = models.CharField(max_length=100)
    buffer_before_minutes = models.PositiveIntegerField(default=0, db_default=0)
    buffer_after_minutes = models.PositiveIntegerField(default=0, db_default=0)
    is_active = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "services"

    def __str__(self) -> str:
        return self.name


class Resource(models.Model):
    """A room or a piece of equipment: it claims time as a person does."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="resources")
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "resources"

    def __str__(self) -> str:
        return self.name

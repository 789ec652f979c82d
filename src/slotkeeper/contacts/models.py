"""The customers of a business."""

from django.db import models
from django.db.models import Q

from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.people.models import Business, User


class ContactQuerySet(models.QuerySet["Contact"]):
    """Questions about customers."""

    def in_business(self, business_id: int) -> "ContactQuerySet":
        """Keep those of one business."""
        return self.filter(business_id=business_id)

    def matching(self, text: str, also_addresses: bool) -> "ContactQuerySet":
        """Keep those whose name, and if allowed e-mail or phone, contains the text."""
        condition = Q(name__icontains=text)
        if also_addresses:
            condition |= Q(email__icontains=text) | Q(phone__icontains=text)
        return self.filter(condition)


class Contact(models.Model):
    """A customer. The table is called leads, the name that the appointments table refers to."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="contacts")
    name = models.TextField()
    email = models.TextField(null=True)
    phone = models.TextField(null=True)
    notes = models.TextField(null=True)
    time_zone = models.TextField(null=True)
    locale = models.TextField(null=True)
    version = models.IntegerField(default=1, db_default=1)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, db_index=False, related_name="+")
    created_at = models.DateTimeField(db_default=CurrentTimestamp())
    updated_at = models.DateTimeField(db_default=CurrentTimestamp())

    objects = ContactQuerySet.as_manager()

    class Meta:
        db_table = "leads"
        indexes = [models.Index(fields=["business", "email"], name="leads_email")]

    def __str__(self) -> str:
        return self.name

"""The verbs that change a business."""

from collections.abc import Mapping

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.people.models import Business


def update_business(business_id: int, fields: Mapping[str, str], actor: Actor) -> Business:
    """Change the fields given (name, time_zone, locale, currency)."""
    with transaction.atomic():
        business = Business.objects.select_for_update().get(pk=business_id)
        before, after = changed_fields({name: getattr(business, name) for name in fields}, fields)
        if after:
            for name, value in after.items():
                setattr(business, name, value)
            business.save(update_fields=list(after))
            record(Subject(business_id, "business", business_id), "updated", actor, before, after)
    return business

"""The verb that changes what a person says about themself."""

from collections.abc import Mapping

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.people.models import User


def update_profile(business_id: int, user_id: int, fields: Mapping[str, str], actor: Actor) -> User:
    """Change a user's fields given (name, time_zone, locale); the record stands in the business they did it from."""
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        before, after = changed_fields({name: getattr(user, name) for name in fields}, fields)
        if after:
            for name, value in after.items():
                setattr(user, name, value)
            user.save(update_fields=list(after))
            record(Subject(business_id, "user", user_id), "updated", actor, before, after)
    return user

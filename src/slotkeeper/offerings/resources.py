"""The verbs that change rooms and equipment."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import RestrictedError

from slotkeeper.changes.record import Actor, Subject, changed_fields, record
from slotkeeper.offerings.models import Resource
from slotkeeper.offerings.refusals import NotInBusiness, StillInUse, StillNeeded

FIELDS = ("name", "kind", "is_active")


def create_resource(business_id: int, fields: Mapping[str, Any], actor: Actor, now: int) -> Resource:
    """Store a room or a piece of equipment: its name, and perhaps its kind."""
    with transaction.atomic():
        resource = Resource.objects.create(
            business_id=business_id, created_at=datetime.fromtimestamp(now, UTC), **fields
        )
        record(Subject(business_id, "resource", resource.pk), "created", actor, None, fields)
    return resource


def update_resource(business_id: int, resource_id: int, fields: Mapping[str, Any], actor: Actor) -> Resource:
    """Change the fields given. One that is switched off keeps what it is booked for. Raises NotInBusiness."""
    with transaction.atomic():
        resource = _locked(business_id, resource_id)
        before, after = changed_fields({name: getattr(resource, name) for name in FIELDS}, fields)
        if after:
            for name, value in after.items():
                setattr(resource, name, value)
            resource.save(update_fields=list(after))
            record(Subject(business_id, "resource", resource_id), "updated", actor, before, after)
    return resource


def delete_resource(business_id: int, resource_id: int, actor: Actor, now: int) -> None:
    """Delete a resource that nothing to come claims, and no service needs.

    Raises NotInBusiness, StillInUse and StillNeeded.
    """
    with transaction.atomic():
        resource = _locked(business_id, resource_id)
        moment = datetime.fromtimestamp(now, UTC)
        if Resource.objects.filter(pk=resource_id, timeclaim__claimed_until__gt=moment).exists():
            raise StillInUse
        name = resource.name
        try:
            resource.delete()
        except RestrictedError:
            raise StillNeeded from None
        record(Subject(business_id, "resource", resource_id), "deleted", actor, {"name": name}, None)


def names_of(business_id: int, resource_ids: Collection[int]) -> dict[int, str]:
    """Name some of a business's resources."""
    if not resource_ids:
        return {}
    found = Resource.objects.filter(business_id=business_id, pk__in=resource_ids)
    return dict(found.values_list("pk", "name"))


def kinds_of(business_id: int) -> list[str]:
    """List the kinds that a business's resources are of."""
    kinds = Resource.objects.filter(business_id=business_id).exclude(kind="").values_list("kind", flat=True)
    return sorted(set(kinds), key=str.casefold)


def _locked(business_id: int, resource_id: int) -> Resource:
    resource = Resource.objects.select_for_update().filter(business_id=business_id, pk=resource_id).first()
    if resource is None:
        raise NotInBusiness
    return resource

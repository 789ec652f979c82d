"""The verbs that change rooms and equipment."""

from datetime import UTC, datetime

from django.db import transaction

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.offerings.models import Resource
from slotkeeper.offerings.refusals import NotInBusiness, StillInUse


def create_resource(business_id: int, name: str, actor: Actor, now: int) -> Resource:
    """Store a room or a piece of equipment."""
    with transaction.atomic():
        resource = Resource.objects.create(
            business_id=business_id, name=name, created_at=datetime.fromtimestamp(now, UTC)
        )
        record(Subject(business_id, "resource", resource.pk), "created", actor, None, {"name": name})
    return resource


def rename_resource(business_id: int, resource_id: int, name: str, actor: Actor) -> Resource:
    """Give a resource another name. Raises NotInBusiness."""
    with transaction.atomic():
        resource = _locked(business_id, resource_id)
        before = resource.name
        if name != before:
            resource.name = name
            resource.save(update_fields=["name"])
            record(Subject(business_id, "resource", resource_id), "updated", actor, {"name": before}, {"name": name})
    return resource


def delete_resource(business_id: int, resource_id: int, actor: Actor, now: int) -> None:
    """Delete a resource that nothing to come claims. Raises NotInBusiness and StillInUse."""
    with transaction.atomic():
        resource = _locked(business_id, resource_id)
        moment = datetime.fromtimestamp(now, UTC)
        if Resource.objects.filter(pk=resource_id, timeclaim__claimed_until__gt=moment).exists():
            raise StillInUse
        name = resource.name
        resource.delete()
        record(Subject(business_id, "resource", resource_id), "deleted", actor, {"name": name}, None)


def _locked(business_id: int, resource_id: int) -> Resource:
    resource = Resource.objects.select_for_update().filter(business_id=business_id, pk=resource_id).first()
    if resource is None:
        raise NotInBusiness
    return resource

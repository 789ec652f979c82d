"""What a service needs beside people: certain resources, or so many of a kind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from slotkeeper.offerings.models import Resource, Service, ServiceResource
from slotkeeper.offerings.refusals import InvalidFields

MOST_NEEDS = 10
MOST_OF_A_KIND = 20


def needs_of(service: Service) -> list[dict[str, Any]]:
    """List what a service needs: `{"resource_id"}` or `{"kind", "quantity"}`."""
    return [
        {"resource_id": need.resource_id} if need.resource_id else {"kind": need.kind, "quantity": need.quantity}
        for need in sorted(service.needs.all(), key=lambda need: need.pk)
    ]


def set_needs(service: Service, needs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Let a service need exactly this. Raises InvalidFields."""
    named = [need["resource_id"] for need in needs if "resource_id" in need]
    wanted = {need["kind"]: need["quantity"] for need in needs if "resource_id" not in need}
    if len(set(named)) + len(wanted) < len(needs):
        raise InvalidFields({"needs": "The same thing stands there twice."})
    of_business = {one.pk: one for one in Resource.objects.filter(business_id=service.business_id)}
    if not of_business.keys() >= set(named):
        raise InvalidFields({"needs": "There is no such room or equipment."})
    left = Counter(one.kind for one in of_business.values() if one.is_active and one.pk not in named)
    for kind, quantity in wanted.items():
        if left[kind] < quantity:
            raise InvalidFields({"needs": f"Of the kind \u201c{kind}\u201d there are {left[kind]}, not {quantity}."})
    service.needs.all().delete()
    ServiceResource.objects.bulk_create(ServiceResource(service=service, resource_id=one) for one in named)
    ServiceResource.objects.bulk_create(
        ServiceResource(service=service, kind=kind, quantity=quantity) for kind, quantity in wanted.items()
    )
    named_first: list[dict[str, Any]] = [{"resource_id": one} for one in named]
    return named_first + [{"kind": kind, "quantity": quantity} for kind, quantity in wanted.items()]

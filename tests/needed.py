"""Rooms for tests, and services that need them."""

from slotkeeper.offerings.models import Resource, ServiceResource


def make_rooms(business, *names, kind="room"):
    """Make rooms of one kind."""
    return [Resource.objects.create(business=business, name=name, kind=kind) for name in names]


def let_need(service, *resources, kind="", quantity=1):
    """Let a service need certain resources, or so many of a kind."""
    for resource in resources:
        ServiceResource.objects.create(service=service, resource=resource)
    if kind:
        ServiceResource.objects.create(service=service, kind=kind, quantity=quantity)
    return service

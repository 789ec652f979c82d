"""Who may be given an appointment of a service: those who give it. A service that names nobody binds nobody."""

from slotkeeper.offerings.models import ServiceProvider

# About a service `s` and a membership `m` of the same statement; false where there is no service.
GIVEN_BY_OTHERS = (
    "(EXISTS (SELECT 1 FROM service_providers g WHERE g.service_id = s.id) AND NOT EXISTS "
    "(SELECT 1 FROM service_providers g WHERE g.service_id = s.id AND g.membership_id = m.id))"
)


class NotGiven(Exception):
    """The person does not give this service."""


def require_giver(user_id: int, service_id: int | None) -> None:
    """Refuse a person who does not give a service, also one that is no longer offered. Raises NotGiven."""
    if service_id is None:
        return
    givers = givers_of([service_id]).get(service_id)
    if givers and user_id not in givers:
        raise NotGiven


def givers_of(service_ids: list[int]) -> dict[int, set[int]]:
    """Say who gives each of some services, by user id; a service that names nobody has no entry."""
    givers: dict[int, set[int]] = {}
    found = ServiceProvider.objects.filter(service_id__in=service_ids)
    for service_id, user_id in found.values_list("service_id", "membership__user_id"):
        givers.setdefault(service_id, set()).add(user_id)
    return givers

"""What anybody may see of a business: its page, its services, and who gives them."""

from typing import NamedTuple

from slotkeeper.offerings.models import Service
from slotkeeper.people.models import Business, Membership


class Giver(NamedTuple):
    """Somebody who gives a service, by the name that customers see."""

    user_id: int
    name: str


def find_business(slug: str) -> Business | None:
    """Find a business by the address of its page."""
    return Business.objects.filter(slug=slug).first()


def read_services(business_id: int) -> list[Service]:
    """List what can be booked: active services that somebody gives."""
    given = Service.objects.in_business(business_id).filter(
        is_active=True,
        providers__membership__is_suspended=False,
        providers__membership__user__is_active=True,
    )
    return list(given.distinct().order_by("pk"))


def find_service(business_id: int, slug: str) -> Service | None:
    """Find a service that can be booked by the address of its page."""
    return Service.objects.in_business(business_id).filter(slug=slug, is_active=True).first()


def read_givers(service: Service) -> list[Giver]:
    """List who gives a service, by name."""
    members = Membership.objects.active().filter(services_given__service=service).select_related("user")
    # A name that is not set would show an address of theirs.
    givers = [Giver(member.user_id, member.user.name) for member in members if member.user.name]
    return sorted(givers, key=lambda giver: (giver.name.casefold(), giver.user_id))

"""Making a business and its owner."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import IntegrityError, connection, transaction
from django.utils.text import slugify

from slotkeeper.changes.record import Actor, Subject, record
from slotkeeper.people.models import Business, Membership, User, free_slug
from slotkeeper.rules.permissions import Role

# These would clash with our own paths once a business has its page at /<slug>/.
RESERVED_SLUGS = frozenset(
    {
        "accounts",
        "accent",
        "api",
        "appointments",
        "assets",
        "booking",
        "business",
        "calendar",
        "calendars",
        "callbacks",
        "closures",
        "contacts",
        "customers",
        "day",
        "dashboard",
        "docs",
        "embed",
        "feeds",
        "healthz",
        "help",
        "hours",
        "invitations",
        "invoices",
        "locale",
        "members",
        "messages",
        "money",
        "people",
        "portal",
        "quotes",
        "readyz",
        "reports",
        "resources",
        "search",
        "series",
        "services",
        "settings",
        "static",
        "team",
        "webhooks",
        "welcome",
        "why-not",
    }
)


_FIRST_OWNER = -1  # a lock; those of claims are not negative


class AddressTaken(Exception):
    """There is an account with this address already."""


class AlreadySetUp(Exception):
    """There is an owner already."""


@dataclass(frozen=True, slots=True)
class NewOwner:
    """Who signs up, and for what. The password may be None: then one must be set before signing in."""

    email: str
    name: str
    time_zone: str
    business_name: str
    password: str | None = None
    locale: str = "en"


def create_owner(owner: NewOwner, actor: Actor) -> Membership:
    """Make a user, a business and the owner membership between them. Raises AddressTaken."""
    with transaction.atomic():
        if User.objects.filter(email__iexact=owner.email).exists():
            raise AddressTaken
        user = User.objects.create_user(
            owner.email,
            owner.password,
            name=owner.name,
            time_zone=owner.time_zone,
            locale=owner.locale,
            created_at=datetime.now(UTC),
        )
        return found_business(user, owner.business_name, actor)


def create_first_owner(owner: NewOwner, actor: Actor) -> Membership:
    """Make the first owner of an empty installation. Raises AlreadySetUp, also for the second of two at once."""
    with transaction.atomic():
        if connection.vendor == "postgresql":  # SQLite's transactions are serial
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_FIRST_OWNER])
        if User.objects.exists():
            raise AlreadySetUp
        return create_owner(owner, actor)


def found_business(user: User, name: str, actor: Actor) -> Membership:
    """Make a business whose owner this user is."""
    with transaction.atomic():
        business = _create_business(user, name)
        membership = Membership.objects.create(
            user=user, business=business, role=Role.OWNER, created_at=datetime.now(UTC)
        )
        subject = Subject(business.pk, "membership", membership.pk)
        record(subject, "created", actor, None, {"user_id": user.pk, "role": Role.OWNER.value})
    return membership


def _create_business(user: User, name: str) -> Business:
    """Make a business under the first free slug; two of one name may be made at once."""
    wanted = slugify(name)[:50] or "business"
    while True:
        taken = set(Business.objects.filter(slug__startswith=wanted).values_list("slug", flat=True))
        slug = free_slug(wanted, taken | RESERVED_SLUGS)
        try:
            with transaction.atomic():
                return Business.objects.create(
                    name=name,
                    slug=slug,
                    time_zone=user.time_zone,
                    locale=user.locale,
                    created_at=datetime.now(UTC),
                )
        except IntegrityError:
            if not Business.objects.filter(slug=slug).exists():
                raise

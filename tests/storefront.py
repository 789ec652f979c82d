"""A business that customers can book: services of every kind, open from Monday to Friday, 9 to 12 and 13 to 17."""

import html
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

from cast import ZONE, Cast
from slotkeeper.offerings.models import OpeningHours, Service, ServiceProvider
from slotkeeper.people.models import Membership
from slotkeeper.rules.local_time import exact_instant, parse_time

QUESTIONS = [
    {"label": "Is this your first visit?", "kind": "choice", "is_required": True, "choices": ["Yes", "No"]},
    {"label": "What troubles you?", "kind": "long_text", "is_required": False, "choices": []},
    {"label": "I have read the terms", "kind": "checkbox", "is_required": True, "choices": []},
]


@dataclass
class Storefront:
    """What can be booked at the practice."""

    cast: Cast
    massage: Service  # 30 minutes, by the owner
    visit: Service  # 60 minutes, by whom the customer chooses, with questions, to be confirmed

    @property
    def slug(self) -> str:
        return self.cast.owner.business.slug


def open_storefront(cast: Cast) -> Storefront:
    for member in (cast.owner, cast.colleague):
        open_weekdays(member)
    massage = offer(
        cast, "Massage", [cast.owner], duration_minutes=30, price_amount=4_800, price_currency="EUR", location="Room 1",
        description="For tired legs and stiff backs.",
    )  # fmt: skip
    visit = offer(
        cast, "First visit", [cast.owner, cast.colleague], duration_minutes=60, assignment="chosen",
        requires_confirmation=True, questions=QUESTIONS,
    )  # fmt: skip
    return Storefront(cast, massage, visit)


def offer(cast: Cast, name: str, members: list[Membership], **fields) -> Service:
    now = datetime.now(UTC)
    slug = name.lower().replace(" ", "-")
    service = Service.objects.create(
        business=cast.owner.business, name=name, slug=slug, created_at=now, updated_at=now, **fields
    )
    ServiceProvider.objects.bulk_create(ServiceProvider(service=service, membership=member) for member in members)
    return service


def open_weekdays(member: Membership) -> None:
    OpeningHours.objects.bulk_create(
        OpeningHours(membership=member, weekday=weekday, start_minute=start * 60, end_minute=end * 60)
        for weekday in range(5)
        for start, end in ((9, 12), (13, 17))
    )


def next_weekday(weekday: int = 1, weeks: int = 1) -> date:
    """Give a day of a coming week (0 is Monday), far enough ahead for every notice."""
    today = datetime.now(UTC).date()
    return today + timedelta(days=7 * weeks - today.weekday() + weekday)


def instant(day: date, clock: str, zone: str = ZONE) -> int:
    return exact_instant(parse_time(f"{day}T{clock}:00"), zone)


def in_utc(day: date, clock: str, zone: str = ZONE) -> str:
    """Write a local time as the pages' own addresses do."""
    return datetime.fromtimestamp(instant(day, clock, zone), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


NAMED = {"name": "Carla Customer", "email": "carla@customer.test"}


def text_of(response) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def book(visitor, day, clock="10:00", service="massage", query="", **fields):
    """Send the booking form as a visitor, without a hold."""
    return visitor.post(f"/practice/{service}/details?at={in_utc(day, clock)}{query}", NAMED | fields)


def link_of(response) -> str:
    """Give the secret of the link that a booking led to."""
    return urlsplit(response["Location"]).path.rsplit("/", 1)[1]

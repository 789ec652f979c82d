"""A visit to a business's public pages: which business and service, in whose time zone, and how it is shown."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode

from slotkeeper.amounts import percent_in_words
from slotkeeper.appointments.slots import SlotQuery
from slotkeeper.billing.profile import profile_of
from slotkeeper.doors.ids import is_id
from slotkeeper.doors.languages import fall_back_to
from slotkeeper.doors.middleware import PAGE_POLICY
from slotkeeper.doors.zones import zone_in_words
from slotkeeper.offerings.models import Service
from slotkeeper.offerings.on_offer import find_business, find_service
from slotkeeper.people.logo import find_logo
from slotkeeper.people.models import Business
from slotkeeper.rules.contrast import parse_color
from slotkeeper.rules.intervals import Interval
from slotkeeper.rules.local_time import InvalidTime, TimeForm, exact_instant, is_zone, parse_time

ANYBODY = "any"
_FRAME_POLICY = PAGE_POLICY.replace("frame-ancestors 'none'", "frame-ancestors *")
# Who goes back to choose another time gives up the one that is kept free for them.
_WITH_HOLD = {"public_service", "public_hold", "public_details"}
_HOLD = re.compile(r"[A-Za-z0-9_-]{1,100}")


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visitor's address says beside the page's own name; every link on the page carries it on."""

    business: Business
    service: Service | None
    zone: str
    now: int
    wish: Mapping[str, str]  # what the address asked for and was understood: zone, with, hold, embed
    is_zone_unknown: bool = False

    @property
    def is_embedded(self) -> bool:
        """Whether the page is shown within another site."""
        return "embed" in self.wish

    @property
    def hold(self) -> str | None:
        """The secret of what is kept free for this visitor."""
        return self.wish.get("hold")

    @property
    def user_id(self) -> int | None:
        """Whom the visitor chose; None for anybody."""
        chosen = self.wish.get("with", ANYBODY)
        return None if chosen == ANYBODY else int(chosen)

    def link(self, name: str, **parameters: str) -> str:
        """Write the address of a page of this business, carrying the visit on."""
        places = {"business": self.business.slug}
        if name != "public_business":
            assert self.service is not None
            places["service"] = self.service.slug
        if "link" in parameters:
            places["link"] = parameters.pop("link")
        carried = self.wish if name in _WITH_HOLD else self.without("hold").wish
        query = urlencode(dict(carried) | parameters)
        return reverse(name, kwargs=places) + (f"?{query}" if query else "")

    def without(self, name: str) -> "Visit":
        """Give the same visit as if one wish had not been made."""
        return replace(self, wish={key: value for key, value in self.wish.items() if key != name})

    def slots_within(self, start: int, end: int) -> SlotQuery:
        """Ask for the slots of the service that start in a stretch of time."""
        assert self.service is not None
        return SlotQuery(self.business.pk, self.service.pk, Interval(start, end), self.now, self.user_id)

    def show(self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        """Render a page with its times in the visitor's zone."""
        common = {
            "business": self.business,
            "service": self.service,
            "visit": self,
            "zone": self.zone,
            "zone_words": zone_in_words(self.zone),
            "start_link": self.link("public_business"),
            "accent": accent_of(self.business),
            "logo": find_logo(self.business.pk),
            "added_tax": SimpleLazyObject(partial(added_tax, self.business.pk)),
            "detects_zone": request.method == "GET" and not request.GET.get("zone"),
        }
        with timezone.override(ZoneInfo(self.zone)):
            response = render(request, template, common | context, status=status)
        if self.is_embedded:
            response["Content-Security-Policy"] = _FRAME_POLICY
            response.xframe_options_exempt = True  # read by answer_envelope
        return response


def read_visit(request: HttpRequest, business_slug: str, service_slug: str | None = None) -> Visit:
    """Find out what a visitor came for; what they ask for and nobody understands is left aside. Raises Http404."""
    business = find_business(business_slug)
    service = None if business is None or service_slug is None else find_service(business.pk, service_slug)
    if business is None or (service_slug is not None and service is None):
        raise Http404
    fall_back_to(request, business.locale)
    wish = {}
    zone = request.GET.get("zone", "")
    if is_zone(zone):
        wish["zone"] = zone
    chosen = request.GET.get("with", "")
    if chosen == ANYBODY or is_id(chosen):
        wish["with"] = chosen
    if _HOLD.fullmatch(request.GET.get("hold", "")):
        wish["hold"] = request.GET["hold"]
    if request.GET.get("embed") == "1":
        wish["embed"] = "1"
    return Visit(
        business=business,
        service=service,
        zone=wish.get("zone", business.time_zone),
        now=int(time.time()),
        wish=wish,
        is_zone_unknown=bool(zone) and "zone" not in wish,
    )


def accent_of(business: Business) -> str:
    """Give the business's accent colour as its style sheet is named; "" where it has none."""
    color = parse_color(business.accent_color)
    return str(color).removeprefix("#") if color else ""


def added_tax(business_id: int) -> str:
    """Say how much tax the business adds to its services' prices, as `19%`; "" where it adds none."""
    rate = profile_of(business_id).default_tax_rate
    return percent_in_words(rate) if rate else ""


def read_start(text: str | None) -> int | None:
    """Read the start that a visitor chose, written by `write_start`; None for anything else."""
    try:
        return exact_instant(parse_time(text or ""), "UTC")
    except (InvalidTime, ValueError):
        return None


def write_start(start: int) -> str:
    """Write a start for an address or a form."""
    return TimeForm("UTC").write(start) + "Z"

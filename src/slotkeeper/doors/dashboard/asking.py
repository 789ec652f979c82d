"""Who is asking for a page, what they reach, and rendering in their zone."""

import re
import time
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from slotkeeper.appointments.reach import Reach, reach_of, writable_reach
from slotkeeper.doors.ids import LARGEST_ID as LARGEST_ID  # noqa: PLC0414 -- pages take it from here, too
from slotkeeper.doors.ids import number_from as number_from  # noqa: PLC0414 -- likewise
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Membership
from slotkeeper.rules.permissions import Permission

MOST_PAGES = 1000
# Tab, line feed and carriage return come from text areas; the others from nobody.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def now() -> int:
    """Say what time it is: seconds since 1970."""
    return int(time.time())


def caller_of(request: HttpRequest) -> Caller:
    """Give the signed-in member; the permission gate has found them."""
    caller: Caller = request.caller  # type: ignore[attr-defined]  # the permission gate has filled it
    return caller


def readable(caller: Caller) -> Reach:
    """Say which appointments the caller may see."""
    return reach_of(caller, Permission.APPOINTMENTS_READ_ALL)


def writable(caller: Caller) -> Reach:
    """Say which appointments the caller may change, and to whom they may give them."""
    return writable_reach(caller)


def show(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """Render a page with times in the caller's zone."""
    with timezone.override(ZoneInfo(caller_of(request).time_zone)):
        return render(request, template, context, status=status)


def people_of(business_id: int) -> dict[int, str]:
    """List the active members of a business, by user id; in the order in which they came."""
    members = Membership.objects.active().in_business(business_id).select_related("user").order_by("pk")
    return {member.user_id: str(member.user) for member in members}


def people_for(caller: Caller, everyones: Permission) -> dict[int, str]:
    """List those of a business's people about whom the caller may do something."""
    people = people_of(caller.business_id)
    return {user_id: name for user_id, name in people.items() if caller.reaches(user_id, everyones)}


def refuse_control_characters(text: str) -> None:
    """Refuse characters that nobody types. Raises ValidationError."""
    if _CONTROL.search(text):
        raise ValidationError(_("It contains control characters."))

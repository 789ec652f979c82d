"""Where Google and Microsoft tell that a calendar changed. Nothing is learned here, and nothing told to strangers.

What they say is only believed with the secret that was given to them when they were asked to tell; and then all that
follows is that the calendar is read now.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import msgspec
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from slotkeeper.calendars.watches import note_lapse, note_push
from slotkeeper.doors.access import PUBLIC, permit
from slotkeeper.outbound.foreign_json import NO_JSON

MOST_BYTES = 200_000
MOST_NOTIFICATIONS = 200
_LONGEST_TOKEN = 4_000
_LAPSES = {"reauthorizationRequired", "subscriptionRemoved"}
# Printable ASCII: PostgreSQL stores no NUL, and no id of theirs has one.
_Id = Annotated[str, msgspec.Meta(max_length=255, pattern=r"^[\x21-\x7e]+$")]


class _Notification(msgspec.Struct, rename="camel", frozen=True):
    """One thing that Microsoft tells; `lifecycle_event` where it is about the subscription itself."""

    subscription_id: _Id
    client_state: _Id
    lifecycle_event: str | None = None


class _Notifications(msgspec.Struct):
    """https://learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks."""

    value: Annotated[list[_Notification], msgspec.Meta(max_length=MOST_NOTIFICATIONS)]


@permit(PUBLIC)
@csrf_exempt
@require_POST
def google(request: HttpRequest) -> HttpResponse:
    """Hear from Google (developers.google.com/workspace/calendar/api/guides/push); its first message tells nothing."""
    if request.headers.get("X-Goog-Resource-State") == "sync":
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    channel, secret = (request.headers.get(f"X-Goog-Channel-{part}", "") for part in ("ID", "Token"))
    is_known = note_push(channel, secret, datetime.now(UTC))
    return HttpResponse(status=HTTPStatus.NO_CONTENT if is_known else HTTPStatus.NOT_FOUND)


@permit(PUBLIC)
@csrf_exempt
@require_POST
def microsoft(request: HttpRequest) -> HttpResponse:
    """Hear from Microsoft, and answer when it asks whether anybody is here at all."""
    token = request.GET.get("validationToken")
    if token is not None:
        return HttpResponse(token[:_LONGEST_TOKEN], "text/plain; charset=utf-8")
    body = request.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        told = msgspec.json.decode(body, type=_Notifications)
    except NO_JSON:
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    now = datetime.now(UTC)
    for one in dict.fromkeys(told.value):
        note: Callable[[str, str, datetime], bool] = note_lapse if one.lifecycle_event in _LAPSES else note_push
        note(one.subscription_id, one.client_state, now)
    return HttpResponse(status=HTTPStatus.ACCEPTED)

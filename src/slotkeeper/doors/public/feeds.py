"""The address under which a calendar program reads somebody's appointments. Who has it may read it."""

import hashlib
from datetime import UTC, datetime

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from slotkeeper.appointments.calendar_feed import write_feed
from slotkeeper.calendars.feeds import find_feed
from slotkeeper.doors.access import PUBLIC, permit


@permit(PUBLIC)
@require_safe
def feed(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Serve a feed, or say that it has not changed; one that was revoked is as unknown as none."""
    found = find_feed(secret)
    if found is None:
        raise Http404
    content = write_feed(found, datetime.now(UTC))
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "X-Robots-Tag": "noindex",
        "Content-Disposition": 'inline; filename="slotkeeper.ics"',
    }
    answer = HttpResponse(content, "text/calendar; charset=utf-8", headers=headers)
    return get_conditional_response(request, etag=etag, response=answer) or answer

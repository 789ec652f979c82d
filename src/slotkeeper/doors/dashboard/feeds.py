"""Making and revoking the secret addresses under which calendar programs read somebody's appointments."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.calendars.feeds import UnknownFeed, find_own_feed, make_feed, revoke_feed
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, show
from slotkeeper.doors.dashboard.connections import owner_of
from slotkeeper.doors.ids import known_id
from slotkeeper.rules.permissions import Permission


@permit(Permission.CALENDARS_WRITE)
@never_cache
def make(request: HttpRequest) -> HttpResponse:
    """Make a feed of the caller's own appointments; its address is in this answer and nowhere else."""
    if request.method != "POST":
        return redirect("calendars")
    caller = caller_of(request)
    feed, secret = make_feed(owner_of(caller), request.POST.get("details") == "hidden", caller.actor)
    url = settings.CONFIGURATION.url + reverse("feed", args=[secret])
    return show(request, "dashboard/feed_made.html", {"feed": feed, "url": url})


@permit(Permission.CALENDARS_WRITE)
@never_cache
def revoke(request: HttpRequest, feed_id: int) -> HttpResponse:
    """Ask whether to revoke a feed, and revoke it."""
    caller, feed_id = caller_of(request), known_id(feed_id)
    try:
        if request.method == "POST":
            revoke_feed(owner_of(caller), feed_id, caller.actor)
            messages.success(request, gettext("The address is revoked."))
            return redirect("calendars")
        feed = find_own_feed(owner_of(caller), feed_id)
    except UnknownFeed:
        raise Http404 from None
    return show(request, "dashboard/feed_revoke.html", {"feed": feed})

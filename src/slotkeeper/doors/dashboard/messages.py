"""The pages of messages: the ledger of what was sent or not, the reminders to come, and sending again."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.appointment_list import PAGE_ROWS, query_without_page
from slotkeeper.doors.dashboard.asking import MOST_PAGES, caller_of, show
from slotkeeper.doors.dashboard.message_lines import STATES, coming_lines, lines_of
from slotkeeper.doors.dashboard.message_notices import trouble_of
from slotkeeper.doors.ids import known_id, number_from
from slotkeeper.doors.message_disclosure import ledger_of
from slotkeeper.outbox.kinds import Kind, State
from slotkeeper.outbox.ledger import NotResendable, UnknownMessage, resend
from slotkeeper.outbox.reading import Narrowing
from slotkeeper.outbox.words import kind_in_words
from slotkeeper.people.callers import Caller
from slotkeeper.reminders.preview import upcoming
from slotkeeper.rules.permissions import Permission


class LedgerForm(forms.Form):
    """What the ledger is narrowed to."""

    q = Text(_("Address"), 255, empty_value="", widget=forms.TextInput(attrs={"type": "search"}))
    state = forms.ChoiceField(label=_("State"), required=False)
    kind = forms.ChoiceField(label=_("Kind"), required=False)

    def __init__(self, data: dict[str, str], caller: Caller) -> None:
        super().__init__(data)
        fields: Any = self.fields
        if not caller.may(Permission.CONTACTS_READ_DETAILS):
            del fields["q"]
        states = [(state.value, standing.words) for state, standing in STATES.items()]
        fields["state"].choices = [("", _("Any")), *states]
        fields["kind"].choices = [("", _("Any")), *((kind.value, kind_in_words(kind)) for kind in Kind)]

    def narrowing(self) -> Narrowing:
        """Give what is asked for; what cannot be narrows nothing."""
        data = self.cleaned_data if self.is_valid() else {}
        states = [State(data["state"])] if data.get("state") else []
        kind = Kind(data["kind"]) if data.get("kind") else None
        return Narrowing(states, kind, address=data.get("q", ""))


@permit(Permission.MESSAGES_READ)
@never_cache
def ledger(request: HttpRequest) -> HttpResponse:
    """List what was sent, what waits, and what was not sent and why; the newest first."""
    caller = caller_of(request)
    form = LedgerForm(request.GET.dict(), caller)
    found = ledger_of(caller, form.narrowing())
    page = Paginator(found, PAGE_ROWS).get_page(number_from(request.GET.get("page"), MOST_PAGES) or 1)
    context = {
        "form": form,
        "page": page,
        "lines": lines_of(list(page.object_list), caller),
        "is_narrowed": any(request.GET.get(name) for name in form.fields),
        "query": query_without_page(request.GET),
        "trouble": trouble_of(caller.business_id, datetime.now(UTC)),
    }
    return show(request, "dashboard/messages.html", context)


@permit(Permission.MESSAGES_READ)
@never_cache
def coming(request: HttpRequest) -> HttpResponse:
    """List the reminders of the next 48 hours, also those that will not be sent."""
    caller, now = caller_of(request), datetime.now(UTC)
    found = coming_lines(upcoming(caller.business_id, now), caller)
    context = {
        "lines": found,
        "count": sum(one.upcoming.reason is None for one in found),
        "trouble": trouble_of(caller.business_id, now),
    }
    return show(request, "dashboard/messages_upcoming.html", context)


@permit(Permission.MESSAGES_WRITE)
def send_again(request: HttpRequest, message_id: int) -> HttpResponse:
    """Send a message once more, and lead back to where that was asked for."""
    if request.method != "POST":
        return redirect("messages")
    caller = caller_of(request)
    try:
        resend(caller.business_id, known_id(message_id), caller.actor, datetime.now(UTC))
    except UnknownMessage:
        raise Http404 from None
    except NotResendable:
        messages.warning(request, gettext("The message is being sent just now."))
    else:
        messages.success(request, gettext("The message is on its way. Load the page again to see how that went."))
    place = request.POST.get("next", "")
    is_own = place.startswith("/") and url_has_allowed_host_and_scheme(place, None)
    return redirect(place if is_own else "messages")

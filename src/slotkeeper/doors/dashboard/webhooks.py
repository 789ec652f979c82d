"""The pages of webhooks: endpoints, their secrets, and the log of what went there."""

import json
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import MOST_PAGES, caller_of, number_from, show
from slotkeeper.doors.dashboard.webhook_form import EndpointForm, form_of
from slotkeeper.doors.dashboard.webhook_words import (
    EVENTS,
    FULL,
    OFF,
    delivery_in_words,
    endpoint_in_words,
    in_words,
    off_reason,
)
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission
from slotkeeper.webhooks import endpoints
from slotkeeper.webhooks.deliveries import EndpointOff, UnknownDelivery, find_delivery, redeliver, send_test
from slotkeeper.webhooks.endpoints import (
    EndpointFields,
    EndpointTarget,
    EndpointVersionConflict,
    TooManyEndpoints,
    UnknownEndpoint,
)
from slotkeeper.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint

_PAGE_ROWS = 25


@permit(Permission.WEBHOOKS_READ)
@never_cache
def listing(request: HttpRequest) -> HttpResponse:
    """List the endpoints and offer to add one."""
    return _list(request, EndpointForm())


@permit(Permission.WEBHOOKS_WRITE)
@never_cache
def make(request: HttpRequest) -> HttpResponse:
    """Add an endpoint; its secret is in this answer and nowhere else."""
    if request.method != "POST":
        return redirect("webhooks")
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _list(request, form)
    caller = caller_of(request)
    try:
        endpoint, secret = endpoints.create_endpoint(caller.business_id, form.wanted(), caller.actor)
    except TooManyEndpoints:
        form.add_error(None, gettext(FULL))
        return _list(request, form)
    return show(request, "dashboard/webhook_secret.html", {"endpoint": endpoint, "secret": secret, "is_new": True})


@permit(Permission.WEBHOOKS_READ)
@never_cache
def page(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Show an endpoint with its log."""
    endpoint = _found(caller_of(request), endpoint_id)
    return _page(request, endpoint, form_of(endpoint))


@permit(Permission.WEBHOOKS_WRITE)
@never_cache
def edit(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Change an endpoint; a change by somebody else meanwhile is shown first."""
    caller = caller_of(request)
    endpoint = _found(caller, endpoint_id)
    if request.method != "POST":
        return redirect("webhook", endpoint.pk)
    form = form_of(endpoint, request.POST)
    if not form.is_valid():
        return _page(request, endpoint, form)
    target = EndpointTarget(caller.business_id, endpoint.pk, frozenset({form.cleaned_data["version"] or 0}))
    try:
        endpoints.update_endpoint(target, form.wanted(), caller.actor)
    except UnknownEndpoint:
        raise Http404 from None
    except EndpointVersionConflict as error:
        data = request.POST.copy()
        data["version"] = str(error.current.version)
        return _page(request, error.current, form_of(error.current, data), form.differences(error.current))
    messages.success(request, gettext("Saved."))
    return redirect("webhook", endpoint.pk)


@permit(Permission.WEBHOOKS_WRITE)
@never_cache
def switch(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Switch an endpoint on or off."""
    caller = caller_of(request)
    endpoint = _found(caller, endpoint_id)
    if request.method == "POST":
        fields = EndpointFields(is_active="on" in request.POST)
        try:
            endpoints.update_endpoint(EndpointTarget(caller.business_id, endpoint.pk), fields, caller.actor)
        except UnknownEndpoint:
            raise Http404 from None
        messages.success(request, gettext("It is switched on.") if fields.is_active else gettext("It is switched off."))
    return redirect("webhook", endpoint.pk)


@permit(Permission.WEBHOOKS_WRITE)
@never_cache
def test(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Send a test event, by the worker: this page does not wait for it."""
    caller = caller_of(request)
    endpoint = _found(caller, endpoint_id)
    if request.method == "POST":
        try:
            send_test(endpoint, caller.actor, datetime.now(UTC))
        except EndpointOff:
            messages.error(request, gettext(OFF))
        else:
            messages.success(request, gettext("A test is being sent. Load the page again to see how that went."))
    return redirect("webhook", endpoint.pk)


@permit(Permission.WEBHOOKS_WRITE)
@never_cache
def rotate(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Ask whether to make a new secret, and make it; it is in this answer and nowhere else."""
    caller = caller_of(request)
    endpoint = _found(caller, endpoint_id)
    if request.method != "POST":
        return show(request, "dashboard/webhook_rotate.html", {"endpoint": endpoint})
    try:
        endpoint, secret = endpoints.rotate_secret(caller.business_id, endpoint.pk, caller.actor)
    except UnknownEndpoint:
        raise Http404 from None
    return show(request, "dashboard/webhook_secret.html", {"endpoint": endpoint, "secret": secret, "is_new": False})


@permit(Permission.WEBHOOKS_WRITE)
@never_cache
def delete(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Ask whether to delete an endpoint, and delete it."""
    caller = caller_of(request)
    endpoint = _found(caller, endpoint_id)
    if request.method != "POST":
        return show(request, "dashboard/webhook_delete.html", {"endpoint": endpoint})
    try:
        endpoints.delete_endpoint(caller.business_id, endpoint.pk, caller.actor)
    except UnknownEndpoint:
        raise Http404 from None
    messages.success(request, gettext("The endpoint is deleted."))
    return redirect("webhooks")


@permit(Permission.WEBHOOKS_READ)
@never_cache
def delivery(request: HttpRequest, endpoint_id: int, delivery_id: int) -> HttpResponse:
    """Show a delivery: what was sent, and what came of it."""
    caller = caller_of(request)
    endpoint = _found(caller, endpoint_id)
    try:
        found = find_delivery(endpoint, known_id(delivery_id))
    except UnknownDelivery:
        raise Http404 from None
    context = {
        "endpoint": endpoint,
        "one": _shown(found),
        "body": json.dumps(json.loads(found.body), ensure_ascii=False, indent=2),
        "may_write": caller.may(Permission.WEBHOOKS_WRITE),
    }
    return show(request, "dashboard/webhook_delivery.html", context)


@permit(Permission.WEBHOOKS_WRITE)
@never_cache
def send_again(request: HttpRequest, endpoint_id: int, delivery_id: int) -> HttpResponse:
    """Send a delivery again, by the worker: this page does not wait for it."""
    caller = caller_of(request)
    endpoint = _found(caller, endpoint_id)
    if request.method == "POST":
        try:
            redeliver(endpoint, known_id(delivery_id), caller.actor, datetime.now(UTC))
        except UnknownDelivery:
            raise Http404 from None
        except EndpointOff:
            messages.error(request, gettext(OFF))
        else:
            messages.success(request, gettext("It is being sent again. Load the page again to see how that went."))
    return redirect("webhook_delivery", endpoint.pk, known_id(delivery_id))


def _list(request: HttpRequest, form: EndpointForm) -> HttpResponse:
    caller = caller_of(request)
    found = WebhookEndpoint.objects.in_business(caller.business_id).order_by("pk")
    context = {
        "endpoints": [{"endpoint": one, "standing": endpoint_in_words(one)} for one in found],
        "form": form,
        "may_write": caller.may(Permission.WEBHOOKS_WRITE),
    }
    return show(request, "dashboard/webhooks.html", context)


def _page(
    request: HttpRequest, endpoint: WebhookEndpoint, form: EndpointForm, stored: list[tuple[Any, str]] | None = None
) -> HttpResponse:
    """Show an endpoint; `stored` is what stands otherwise in the database since somebody else changed it."""
    state = request.GET.get("state")
    chosen = state if state in set(DeliveryState) else ""
    deliveries = WebhookDelivery.objects.filter(endpoint=endpoint).defer("body", "last_answer").order_by("-pk")
    if chosen:
        deliveries = deliveries.filter(state=chosen)
    shown = Paginator(deliveries, _PAGE_ROWS).get_page(number_from(request.GET.get("page"), MOST_PAGES) or 1)
    context = {
        "endpoint": endpoint,
        "standing": endpoint_in_words(endpoint),
        "off_reason": off_reason(endpoint),
        "form": form,
        "stored": stored,
        "page": shown,
        "deliveries": [_shown(one) for one in shown.object_list],
        "state": chosen,
        "query": f"state={chosen}" if chosen else "",
        "now": datetime.now(UTC),
        "may_write": caller_of(request).may(Permission.WEBHOOKS_WRITE),
    }
    return show(request, "dashboard/webhook.html", context, 200 if stored is None else 409)


def _shown(delivery: WebhookDelivery) -> dict[str, Any]:
    """Give a delivery as the pages show it."""
    return {
        "delivery": delivery,
        "event": EVENTS.get(delivery.event, delivery.event),
        "standing": delivery_in_words(delivery),
        "problem": in_words(delivery.last_error) if delivery.last_error else "",
    }


def _found(caller: Caller, endpoint_id: int) -> WebhookEndpoint:
    try:
        return endpoints.find_endpoint(caller.business_id, known_id(endpoint_id))
    except UnknownEndpoint:
        raise Http404 from None

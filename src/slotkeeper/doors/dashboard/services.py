"""The pages of services: list, make, change, delete."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from slotkeeper.billing.prepayments import require_prepayable
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, now, show
from slotkeeper.doors.dashboard.question_forms import question_forms, question_rows, rearranged, wanted_questions
from slotkeeper.doors.dashboard.service_form import ServiceForm, initial_of
from slotkeeper.doors.ids import known_id
from slotkeeper.offerings.actions import (
    ServiceTarget,
    ServiceVersionConflict,
    create_service,
    delete_service,
    update_service,
    user_ids_of,
)
from slotkeeper.offerings.models import Service
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Business
from slotkeeper.rules.permissions import Permission


@permit(Permission.SERVICES_WRITE)
@never_cache
def listing(request: HttpRequest) -> HttpResponse:
    """List the services, those on offer first."""
    caller = caller_of(request)
    services = Service.objects.in_business(caller.business_id).prefetch_related("providers__membership__user")
    context = {
        "services": [
            {"service": one, "people": [str(given.membership.user) for given in one.providers.all()]}
            for one in services.order_by("-is_active", "name", "pk")
        ],
        "business": _business(caller),
    }
    return show(request, "dashboard/services.html", context)


@permit(Permission.SERVICES_WRITE)
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Make a service."""
    caller = caller_of(request)
    business = _business(caller)
    initial = {
        "duration_minutes": 30, "buffer_before_minutes": 0, "buffer_after_minutes": 0, "minimum_notice_minutes": 0,
        "horizon_days": 60, "price_currency": business.currency, "user_ids": [caller.user_id],
    }  # fmt: skip
    form = ServiceForm(business, None, request.POST or None, initial=initial)
    questions = question_forms(rearranged(request.POST) or None, [])
    if _is_complete(request, form, questions):
        fields = form.wanted() | {"questions": wanted_questions(questions)}
        try:
            require_prepayable(caller.business_id, fields.get("prepayment"))
            create_service(caller.business_id, fields, form.cleaned_data["user_ids"], caller.actor, now())
        except InvalidFields as error:
            form.refuse(error.reasons)
        except NotInBusiness:
            form.add_error("user_ids", gettext("Somebody of these does not work here any more."))
        else:
            messages.success(request, gettext("Saved."))
            return redirect("services")
    return show(request, "dashboard/service_form.html", _context(request, form, questions) | {"business": business})


@permit(Permission.SERVICES_WRITE)
@never_cache
def edit(request: HttpRequest, service_id: int) -> HttpResponse:
    """Change a service; a change by somebody else meanwhile is shown first."""
    caller = caller_of(request)
    business, service = _business(caller), _found(caller, service_id)
    initial = initial_of(service, user_ids_of(service))
    initial["price_currency"] = initial["price_currency"] or business.currency
    form = ServiceForm(business, service, request.POST or None, initial=initial)
    questions = question_forms(rearranged(request.POST) or None, service.questions)
    current = None
    if _is_complete(request, form, questions):
        fields = form.wanted() | {"questions": wanted_questions(questions)}
        target = ServiceTarget(caller.business_id, service.pk, frozenset({form.cleaned_data["version"] or 0}))
        try:
            require_prepayable(caller.business_id, fields.get("prepayment"), service.pk)
            update_service(target, fields, form.cleaned_data["user_ids"], caller.actor)
        except ServiceVersionConflict as error:
            current = error.current
            data = request.POST.copy()
            data["version"] = str(current.version)
            form = ServiceForm(business, current, data, initial=initial)
        except InvalidFields as error:
            form.refuse(error.reasons)
        except NotInBusiness:
            form.add_error("user_ids", gettext("Somebody of these does not work here any more."))
        else:
            messages.success(request, gettext("Saved."))
            return redirect("services")
    context = _context(request, form, questions) | {
        "business": business, "service": service, "current": current
    }  # fmt: skip
    return show(request, "dashboard/service_form.html", context, 409 if current else 200)


@permit(Permission.SERVICES_WRITE)
@never_cache
def delete(request: HttpRequest, service_id: int) -> HttpResponse:
    """Ask whether to delete a service, and delete it; one that was ever booked is only taken off offer."""
    caller = caller_of(request)
    service = _found(caller, service_id)
    if request.method == "POST":
        try:
            delete_service(ServiceTarget(caller.business_id, service.pk), caller.actor)
        except NotInBusiness:
            raise Http404 from None
        if Service.objects.filter(pk=service.pk).exists():
            messages.success(request, gettext("It has appointments, so it is kept, and taken off offer."))
        else:
            messages.success(request, gettext("The service is deleted."))
        return redirect("services")
    return show(request, "dashboard/service_delete.html", {"service": service})


def _context(request: HttpRequest, form: ServiceForm, questions: Any) -> dict[str, Any]:
    return {"form": form, "questions": questions, "question_rows": question_rows(questions, request.POST)}


def _is_complete(request: HttpRequest, form: ServiceForm, questions: Any) -> bool:
    """Say whether everything may be stored; whoever asks for more questions, or for another order, is still writing."""
    if request.method != "POST" or {"more", "move"} & request.POST.keys():
        return False
    # Both, so that all that is wrong is said at once.
    return all([form.is_valid(), questions.is_valid()])


def _business(caller: Caller) -> Business:
    return Business.objects.get(pk=caller.business_id)


def _found(caller: Caller, service_id: int) -> Service:
    service = Service.objects.in_business(caller.business_id).filter(pk=known_id(service_id)).first()
    if service is None:
        raise Http404
    return service

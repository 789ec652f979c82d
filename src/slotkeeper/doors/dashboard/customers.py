"""The pages of customers: list, one with their appointments, store, change, erase."""

import time
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.core.validators import RegexValidator
from django.db.models import Case, When
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from slotkeeper.billing.erasure import erase_customer
from slotkeeper.contacts.actions import ContactVersionConflict, UnknownContact, create_contact, update_contact
from slotkeeper.contacts.models import Contact
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.appointment_form import Text
from slotkeeper.doors.dashboard.appointment_list import PAGE_ROWS, lines_of, narrowed, query_without_page
from slotkeeper.doors.dashboard.asking import (
    LARGEST_ID,
    MOST_PAGES,
    caller_of,
    number_from,
    show,
)
from slotkeeper.doors.dashboard.message_lines import of_customer
from slotkeeper.doors.dashboard.money_about import money_of_customer
from slotkeeper.doors.disclosure import customers_of
from slotkeeper.people.callers import Caller
from slotkeeper.rules.permissions import Permission

MOST_SEARCHED = 100
MOST_SUGGESTED = 8


class CustomerForm(forms.Form):
    """What is known of a customer."""

    name = Text(_("Name"), 100, required=True)
    email = Text(
        _("Email"), 255, widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        help_text=_("Confirmations and reminders go there."),
    )  # fmt: skip
    phone = Text(_("Phone"), 20)
    notes = Text(_("Notes"), 2000, rows=4, help_text=_("For the business only."))
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, has_details: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["email"].validators.append(RegexValidator(r"^[^@\s]+@[^@\s]+$", _("Enter an email address.")))
        if not has_details:
            del self.fields["email"], self.fields["phone"], self.fields["notes"]

    def wanted(self) -> dict[str, Any]:
        """Give the fields in the verbs' words."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


@permit(Permission.CONTACTS_READ)
@never_cache
def listing(request: HttpRequest) -> HttpResponse:
    """List customers by name."""
    caller = caller_of(request)
    text = _searched(request)
    contacts = customers_of(caller).order_by("name", "pk")
    if text:
        contacts = contacts.matching(text, caller.may(Permission.CONTACTS_READ_DETAILS))
    page = Paginator(contacts, PAGE_ROWS).get_page(number_from(request.GET.get("page"), MOST_PAGES) or 1)
    context = {
        "page": page,
        "q": text,
        "query": query_without_page(request.GET),
        "may_see_details": caller.may(Permission.CONTACTS_READ_DETAILS),
        "may_write": caller.may(Permission.CONTACTS_WRITE),
    }
    return show(request, "dashboard/customers.html", context)


@permit(Permission.CONTACTS_READ)
@never_cache
def search(request: HttpRequest) -> HttpResponse:
    """Find customers while somebody types; those whose name begins with the text come first."""
    caller = caller_of(request)
    text, may_see_details = _searched(request), caller.may(Permission.CONTACTS_READ_DETAILS)
    begins = Case(When(name__istartswith=text, then=0), default=1)
    found = customers_of(caller).matching(text, may_see_details).order_by(begins, "name", "pk")
    shown = list(found[:MOST_SUGGESTED]) if text else []
    names = ["id", "name", *(["email", "phone"] if may_see_details else [])]
    words = ngettext("%(number)d customer found.", "%(number)d customers found.", len(shown)) % {"number": len(shown)}
    return JsonResponse({"words": words, "customers": [{name: getattr(one, name) for name in names} for one in shown]})


@permit(Permission.CONTACTS_READ)
@never_cache
def page(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Show a customer and their appointments, the latest first."""
    caller = caller_of(request)
    contact = _found(caller, contact_id)
    may_change = customers_of(caller, Permission.CONTACTS_WRITE_ALL).filter(pk=contact.pk).exists()
    theirs = narrowed(caller, {}).filter(contact_id=contact.pk).order_by("-start_time", "-pk")
    shown = Paginator(theirs, PAGE_ROWS).get_page(number_from(request.GET.get("page"), MOST_PAGES) or 1)
    context = {
        "contact": contact,
        "page": shown,
        "lines": lines_of(shown.object_list, caller),
        "has_people": caller.may(Permission.APPOINTMENTS_READ_ALL),
        "messages_to": of_customer(contact.pk, caller),
        "money": money_of_customer(contact.pk, caller),
        "query": "",
        "may_see_details": caller.may(Permission.CONTACTS_READ_DETAILS),
        "may_write": may_change and caller.may(Permission.CONTACTS_WRITE),
        "may_erase": may_change and caller.may(Permission.CONTACTS_WRITE_ALL) and not caller.is_limited,
        "may_book": caller.may(Permission.APPOINTMENTS_WRITE),
    }
    return show(request, "dashboard/customer.html", context)


@permit(Permission.CONTACTS_WRITE)
@never_cache
def new(request: HttpRequest) -> HttpResponse:
    """Store a customer."""
    caller = caller_of(request)
    form = CustomerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        contact = create_contact(caller.business_id, form.wanted(), caller.actor, int(time.time()), caller.user_id)
        messages.success(request, gettext("Saved."))
        return redirect("customer", contact.pk)
    return show(request, "dashboard/customer_form.html", {"form": form})


@permit(Permission.CONTACTS_WRITE)
@never_cache
def edit(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Change what is known of a customer; a change by somebody else meanwhile is shown first."""
    caller = caller_of(request)
    contact = _found(caller, contact_id, Permission.CONTACTS_WRITE_ALL)
    may_see_details = caller.may(Permission.CONTACTS_READ_DETAILS)
    known = {name: getattr(contact, name) for name in ("name", "email", "phone", "notes", "version")}
    form = CustomerForm(request.POST or None, initial=known, has_details=may_see_details)
    current = None
    if request.method == "POST" and form.is_valid():
        versions = frozenset({form.cleaned_data["version"] or 0})
        try:
            update_contact(contact.pk, caller.business_id, form.wanted(), caller.actor, versions)
        except ContactVersionConflict as error:
            current = error.current
            data = request.POST.copy()
            data["version"] = str(current.version)
            form = CustomerForm(data, has_details=may_see_details)
        except UnknownContact:
            raise Http404 from None
        else:
            messages.success(request, gettext("Saved."))
            return redirect("customer", contact.pk)
    context = {"form": form, "contact": contact, "current": current, "may_see_details": may_see_details}
    return show(request, "dashboard/customer_form.html", context, 409 if current else 200)


@permit(Permission.CONTACTS_WRITE_ALL)
@never_cache
def erase(request: HttpRequest, contact_id: int) -> HttpResponse:
    """Ask whether to erase a customer, and erase them: everywhere, so it is not for whoever is limited."""
    caller = caller_of(request)
    if caller.is_limited:
        raise PermissionDenied
    contact = _found(caller, contact_id, Permission.CONTACTS_WRITE_ALL)
    if request.method == "POST":
        try:
            erase_customer(caller.business_id, contact.pk, caller.actor)
        except UnknownContact:
            raise Http404 from None
        messages.success(request, gettext("The customer is erased."))
        return redirect("customers")
    return show(request, "dashboard/customer_erase.html", {"contact": contact})


def _searched(request: HttpRequest) -> str:
    return "".join(one for one in request.GET.get("q", "")[:MOST_SEARCHED] if one.isprintable()).strip()


def _found(caller: Caller, contact_id: int, everyones: Permission = Permission.CONTACTS_READ_ALL) -> Contact:
    contact = customers_of(caller, everyones).filter(pk=min(contact_id, LARGEST_ID)).first()
    if contact is None:
        raise Http404
    return contact

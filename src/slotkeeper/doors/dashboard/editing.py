"""The editor of quotes and invoices: its form and lines, sent as often as lines are added, and stored at the end."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext

from slotkeeper.billing.documents import DocumentTarget, DocumentVersionConflict
from slotkeeper.billing.invoices import create_invoice, update_invoice
from slotkeeper.billing.lines import BadLines
from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.billing.profile import profile_of
from slotkeeper.billing.quotes import create_quote, update_quote
from slotkeeper.doors.dashboard.asking import caller_of, number_from, show
from slotkeeper.doors.dashboard.document_form import DocumentForm, InvoiceForm, QuoteForm
from slotkeeper.doors.dashboard.money_fields import (
    MOST_LINES_OF_A_FORM,
    line_forms,
    rearranged_lines,
    wanted_lines,
)
from slotkeeper.doors.dashboard.money_words import REFUSALS, sum_rows
from slotkeeper.doors.disclosure import customers_of
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Business


@dataclass
class _Editor:
    """One page of the editor: what is written, and how it stands."""

    request: HttpRequest
    caller: Caller
    document: Quote | Invoice
    form: DocumentForm
    lines: Any
    current: Quote | Invoice | None = None

    @property
    def is_invoice(self) -> bool:
        """Whether it is an invoice."""
        return isinstance(self.document, Invoice)


def edit_document(request: HttpRequest, document: Quote | Invoice) -> HttpResponse:
    """Show the editor of a draft, stored or new, or store what was sent; a change meanwhile is shown first."""
    caller = caller_of(request)
    if len(document.lines) > MOST_LINES_OF_A_FORM:
        messages.warning(request, gettext("It has more lines than this page can change. Change it over the API."))
        return redirect("invoice" if isinstance(document, Invoice) else "quote", document.pk)
    rate = profile_of(caller.business_id).default_tax_rate
    data = rearranged_lines(request.POST, rate) if request.method == "POST" else None
    form_class = InvoiceForm if isinstance(document, Invoice) else QuoteForm
    form = form_class(caller, document, data)
    lines = line_forms(data, document.lines, document.currency, rate)
    editor = _Editor(request, caller, document, form, lines)
    if data is None or {"more", "remove"} & request.POST.keys():
        return _page(editor)
    # Both, so that all that is wrong is said at once.
    if not all([form.is_valid(), lines.is_valid()]):
        return _page(editor)
    wanted = wanted_lines(lines, form.cleaned_data["currency"])
    if wanted is None:
        return _page(editor)
    stored = _store(editor, form.wanted() | {"lines": wanted})
    if stored is None:
        return _page(editor)
    messages.success(request, gettext("Saved."))
    return redirect("invoice" if editor.is_invoice else "quote", stored.pk)


def new_document(kind: type[Quote] | type[Invoice], request: HttpRequest) -> Quote | Invoice:
    """Prepare a document that is not stored: for the customer whom the query names, if the caller sees them."""
    caller = caller_of(request)
    business = Business.objects.get(pk=caller.business_id)
    contact = customers_of(caller).filter(pk=number_from(request.GET.get("contact_id")) or 0).first()
    locale = (contact.locale if contact else None) or business.locale
    return kind(business=business, currency=business.currency, contact=contact, locale=locale)


def _store(editor: _Editor, fields: dict[str, Any]) -> Quote | Invoice | None:
    """Store a document, or say in its form why not."""
    form, now = editor.form, datetime.now(UTC)
    try:
        return _kept(editor, fields, now)
    except DocumentVersionConflict as error:
        editor.current = error.current
        # Sent again, it is meant over the row as it is now.
        form.data = dict(form.data.items()) | {"version": str(error.current.version)}
    except InvalidFields as error:
        form.refuse(error.reasons)
    except BadLines as error:
        for reason in error.reasons.values():
            form.add_error(None, gettext(reason))
    except NotInBusiness:
        form.add_error(None, gettext("The customer or the paper is not there any more."))
    except tuple(REFUSALS) as error:
        form.add_error(None, str(REFUSALS[type(error)]))
    return None


def _kept(editor: _Editor, fields: dict[str, Any], now: datetime) -> Quote | Invoice:
    document, actor = editor.document, editor.caller.actor
    target = DocumentTarget(
        editor.caller.business_id, document.pk or 0, frozenset({editor.form.cleaned_data["version"] or 0})
    )
    if isinstance(document, Invoice):
        if document.pk:
            return update_invoice(target, fields, actor, now)
        return create_invoice(editor.caller.business_id, fields, actor, now)
    if document.pk:
        return update_quote(target, fields, actor, now)
    return create_quote(editor.caller.business_id, fields, actor, now)


def _page(editor: _Editor) -> HttpResponse:
    document, form = editor.document, editor.form
    contact_id = number_from(str(form["contact_id"].value() or ""))
    is_writing = bool({"more", "remove"} & editor.request.POST.keys())
    context = {
        "form": form,
        "lines": editor.lines,
        "document": document,
        "is_invoice": editor.is_invoice,
        "is_writing": is_writing,
        "is_added": "more" in editor.request.POST,
        "may_add": editor.lines.total_form_count() < MOST_LINES_OF_A_FORM,
        "contact": customers_of(editor.caller).filter(pk=contact_id or 0).first(),
        "current": editor.current,
        "sums": sum_rows(document) if document.pk else [],
        "has_address": any(form[name].value() for name in ("street", "postal_code", "city", "country", "vat_id")),
    }
    return show(editor.request, "dashboard/document_form.html", context, 409 if editor.current else 200)

"""The PDFs of quotes, invoices and credit notes, for whoever may see money."""

from http import HTTPStatus

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.billing.papers import content_of, filename_of, paper_of
from slotkeeper.billing.sheet import Paperwork
from slotkeeper.doors.access import permit
from slotkeeper.doors.dashboard.asking import caller_of, show
from slotkeeper.doors.ids import known_id
from slotkeeper.rules.permissions import Permission

_AGAIN_SECONDS = 3


@permit(Permission.MONEY_READ)
@never_cache
@require_safe
def of_invoice(request: HttpRequest, invoice_id: int) -> HttpResponse:
    """Give an invoice or a credit note as PDF."""
    mine = Invoice.objects.filter(business_id=caller_of(request).business_id)
    return _answer(request, mine, invoice_id, "invoice")


@permit(Permission.MONEY_READ)
@never_cache
@require_safe
def of_quote(request: HttpRequest, quote_id: int) -> HttpResponse:
    """Give a quote as PDF."""
    return _answer(request, Quote.objects.filter(business_id=caller_of(request).business_id), quote_id, "quote")


def _answer(
    request: HttpRequest, mine: QuerySet[Invoice] | QuerySet[Quote], record_id: int, page_name: str
) -> HttpResponse:
    document: Paperwork | None = mine.exclude(status="draft").filter(pk=known_id(record_id)).first()
    if document is None:
        raise Http404
    content = content_of(document)
    if content is not None:
        response = HttpResponse(content, "application/pdf")
        response["Content-Disposition"] = f'attachment; filename="{filename_of(document)}"'
        return response
    paper = paper_of(document)
    context = {"back": reverse(page_name, args=[document.pk]), "error": paper.error if paper else ""}
    response = show(request, "dashboard/paper_wanted.html", context)
    response.status_code = HTTPStatus.ACCEPTED
    response["Refresh"] = response["Retry-After"] = str(_AGAIN_SECONDS)
    return response

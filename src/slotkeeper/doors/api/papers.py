"""The PDFs of quotes, invoices and credit notes over HTTP."""

from http import HTTPStatus

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import override

from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.billing.papers import content_of, filename_of, paper_of
from slotkeeper.billing.sheet import Paperwork
from slotkeeper.doors.api.base import NOT_FOUND, At, JsonEndpoint, PdfFile, answers
from slotkeeper.doors.api.invoice_forms import InvoicePath
from slotkeeper.doors.api.problems import ApiProblem, answer_problem, not_found
from slotkeeper.doors.api.quote_forms import QuotePath
from slotkeeper.doors.ids import known_id
from slotkeeper.rules.permissions import Permission

_AGAIN_SECONDS = 2
_REFUSALS = NOT_FOUND | {
    HTTPStatus.ACCEPTED: "The PDF is being written: ask again after `Retry-After` seconds.",
    HTTPStatus.CONFLICT: "A draft has no PDF.",
}


class InvoicePaper(JsonEndpoint):
    """An invoice or a credit note as PDF."""

    exclude_validate_responses = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED})  # bytes have no type to check
    permissions = {"GET": Permission.MONEY_READ}

    @answers(PdfFile, refusals=_REFUSALS, headers=("Content-Disposition",))
    def get(self, parsed_path: At[InvoicePath]) -> HttpResponse:
        """Give the PDF of an issued invoice or credit note, always the same one."""
        return _answer_paper(Invoice.objects.filter(business_id=self.caller.business_id), parsed_path.invoice_id)


class QuotePaper(JsonEndpoint):
    """A quote as PDF."""

    exclude_validate_responses = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED})
    permissions = {"GET": Permission.MONEY_READ}

    @answers(PdfFile, refusals=_REFUSALS, headers=("Content-Disposition",))
    def get(self, parsed_path: At[QuotePath]) -> HttpResponse:
        """Give the PDF of a quote that was sent, always the same one."""
        return _answer_paper(Quote.objects.filter(business_id=self.caller.business_id), parsed_path.quote_id)


def _answer_paper(mine: QuerySet[Invoice] | QuerySet[Quote], record_id: int) -> HttpResponse:
    document: Paperwork | None = mine.filter(pk=known_id(record_id)).first()
    if document is None:
        raise not_found()
    if document.status == "draft":
        raise ApiProblem(HTTPStatus.CONFLICT, "INVALID_TRANSITION", "A draft has no PDF. Issue or send it first.")
    content = content_of(document)
    if content is None:
        paper = paper_of(document)
        why = f" The last try failed: {paper.error}" if paper and paper.error else ""
        problem = ApiProblem(HTTPStatus.ACCEPTED, "BEING_WRITTEN", f"The PDF is being written.{why}")
        problem.retry_after_seconds = _AGAIN_SECONDS
        return answer_problem(problem)
    with override("en"):
        name = filename_of(document)
    return HttpResponse(content, "application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'})

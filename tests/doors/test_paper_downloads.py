"""The PDFs for members: over the API and in the dashboard."""

import pytest

from cast import add_member
from customer_papers import invoice_for, quote_for
from desk import browser_of
from money_post import PDF, written
from slotkeeper.billing.models import Invoice, InvoiceStatus, Paper
from slotkeeper.rules.permissions import Role


@pytest.mark.parametrize(
    ("kind", "make", "name"), [("invoices", invoice_for, "Invoice-R0001.pdf"), ("quotes", quote_for, "Quote-Q0001.pdf")]
)
def test_pdf_is_given_once_it_is_written(cast, kind, make, name):
    document = make(cast.customer, locale="de")
    api, browser = cast.api(), browser_of(cast.owner)
    for ask, path in ((api.get, f"/api/{kind}/{document.pk}/pdf"), (browser.get, f"/money/{kind}/{document.pk}/pdf")):
        answer = ask(path)
        assert answer.status_code == 202
        assert int(answer["Retry-After"]) > 0
    written(document)
    for ask, path in ((api.get, f"/api/{kind}/{document.pk}/pdf"), (browser.get, f"/money/{kind}/{document.pk}/pdf")):
        answer = ask(path)
        assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, PDF, "application/pdf")
        assert answer["Content-Disposition"] == f'attachment; filename="{name}"'


def test_while_it_cannot_be_written_members_learn_why(cast):
    invoice = invoice_for(cast.customer)
    Paper.objects.create(invoice=invoice, error="Pango is missing.")
    answer = cast.api().get(f"/api/invoices/{invoice.pk}/pdf")
    assert answer.json()["code"] == "BEING_WRITTEN"
    assert "Pango is missing." in answer.json()["detail"]
    page = browser_of(cast.owner).get(f"/money/invoices/{invoice.pk}/pdf")
    assert "Pango is missing." in page.content.decode()
    assert page["Refresh"] == "3"


def test_draft_has_no_pdf(cast):
    draft = Invoice.objects.create(business=cast.owner.business, currency="EUR", status=InvoiceStatus.DRAFT)
    answer = cast.api().get(f"/api/invoices/{draft.pk}/pdf")
    assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_TRANSITION")
    assert browser_of(cast.owner).get(f"/money/invoices/{draft.pk}/pdf").status_code == 404


def test_pdf_of_another_business_and_without_the_permission_is_not_given(cast):
    invoice = invoice_for(cast.customer)
    written(invoice)
    for path in (f"/api/invoices/{invoice.pk}/pdf", "/api/invoices/999999/pdf"):
        assert cast.api("outsider").get(path).status_code == 404
    assert cast.api("colleague").get(f"/api/invoices/{invoice.pk}/pdf").status_code == 403
    assert cast.api("colleague").get(f"/api/quotes/{invoice.pk}/pdf").status_code == 403
    assert browser_of(cast.colleague).get(f"/money/invoices/{invoice.pk}/pdf").status_code == 403
    assert browser_of(cast.outsider).get(f"/money/invoices/{invoice.pk}/pdf").status_code == 404
    bookkeeper = add_member(cast.owner, "book@practice.test", Role.BOOKKEEPER)
    assert browser_of(bookkeeper).get(f"/money/invoices/{invoice.pk}/pdf").status_code == 200


def test_pages_of_papers_offer_the_pdf(cast):
    invoice, quote = invoice_for(cast.customer), quote_for(cast.customer)
    browser = browser_of(cast.owner)
    assert f'href="/money/invoices/{invoice.pk}/pdf"' in browser.get(f"/money/invoices/{invoice.pk}").content.decode()
    assert f'href="/money/quotes/{quote.pk}/pdf"' in browser.get(f"/money/quotes/{quote.pk}").content.decode()


def test_the_description_of_the_api_says_that_it_is_a_pdf(cast):
    paths = cast.api().get("/api/openapi.json").json()["paths"]
    for path in ("/api/invoices/{invoice_id}/pdf", "/api/quotes/{quote_id}/pdf"):
        answers = paths[path]["get"]["responses"]
        assert list(answers["200"]["content"]) == ["application/pdf"]
        assert "202" in answers

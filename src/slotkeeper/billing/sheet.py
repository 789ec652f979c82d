"""What a quote, an invoice or a credit note says, in words: the same on the PDF and on the customer's page.

Everything is read from the document alone, as it was sent or issued, so that it says the same in ten years. The words
are those of the language that is spoken now.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext

from slotkeeper.amounts import amount_in_words, percent_in_words, quantity_in_words
from slotkeeper.billing.girocode import girocode_text, qr_image
from slotkeeper.billing.lines import read_lines, totals_of
from slotkeeper.billing.models import Invoice, InvoiceKind, Quote
from slotkeeper.languages import current_language
from slotkeeper.rules.money import Totals

Paperwork = Quote | Invoice
Pair = tuple[str, str]  # a label, and what stands beside it


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A line, in words; `discount` is empty where there is none."""

    description: str
    quantity: str
    unit_price: str
    discount: str
    tax_rate: str
    amount: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole document, in words."""

    title: str
    number: str
    seller: list[str]  # the first line is the name
    buyer: list[str]
    facts: list[Pair]
    lines: list[SheetLine]
    has_discounts: bool
    has_tax: bool
    sums: list[Pair]  # what leads to the total
    total: Pair
    note: str
    exemption_note: str
    footer: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """How to pay by bank transfer; `code` is a GiroCode as an address for `img`, where one can be made."""

    facts: list[Pair]
    code: str


def sheet_of(document: Paperwork) -> Sheet:
    """Put a document into words, in the language that is spoken now."""
    seller, buyer = document.seller or {}, document.buyer or {}
    is_abroad = bool(buyer.get("country")) and buyer.get("country") != seller.get("country")
    sums = totals_of(document)
    lines = list(_lines(document))
    has_tax = any(group.rate for group in sums.groups)
    return Sheet(
        title=title_of(document),
        number=document.number,
        seller=_party(seller, names_country=is_abroad),
        buyer=_party(buyer, names_country=is_abroad),
        facts=list(_facts(document)),
        lines=lines,
        has_discounts=any(line.discount for line in lines),
        has_tax=has_tax,
        sums=list(_sums(document, sums)) if has_tax or sums.discount else [],
        total=(gettext("Total"), amount_in_words(sums.gross, document.currency)),
        note=document.note,
        exemption_note="" if all(group.rate for group in sums.groups) else seller.get("exemption_note") or "",
        footer=seller.get("footer") or "",
    )


def title_of(document: Paperwork) -> str:
    """Say what kind of document it is."""
    if isinstance(document, Quote):
        return pgettext("a paper", "Quote")
    is_credit = document.kind == InvoiceKind.CREDIT_NOTE
    return pgettext("a paper", "Credit note") if is_credit else pgettext("a paper", "Invoice")


def transfer_of(invoice: Invoice, amount: int) -> Transfer | None:
    """Say how an amount can be paid by bank transfer; None where the seller named no account."""
    seller = invoice.seller or {}
    if not seller.get("iban") or amount <= 0 or invoice.kind != InvoiceKind.INVOICE:
        return None
    iban = seller["iban"]
    facts = [
        (gettext("Account holder"), seller.get("account_holder") or seller.get("name") or ""),
        ("IBAN", " ".join(iban[start : start + 4] for start in range(0, len(iban), 4))),
        ("BIC", seller.get("bic") or ""),
        (gettext("Amount"), amount_in_words(amount, invoice.currency)),
        (gettext("Payment reference"), invoice.number),
    ]
    code = girocode_text(invoice, amount)
    return Transfer([fact for fact in facts if fact[1]], qr_image(code) if code else "")


def written_date(day: date) -> str:
    """Write a date as papers do: `3 December 2026`."""
    return date_format(day, pgettext("date format: day, month and year in full", "j F Y"))


def _lines(document: Paperwork) -> Iterator[SheetLine]:
    for stored, line in zip(document.lines, read_lines(document), strict=True):
        yield SheetLine(
            description=stored["description"],
            quantity=quantity_in_words(line.quantity),
            unit_price=amount_in_words(line.unit_price, document.currency),
            discount=percent_in_words(line.discount) if line.discount else "",
            tax_rate=percent_in_words(line.tax_rate),
            amount=amount_in_words(line.amount, document.currency),
        )


def _facts(document: Paperwork) -> Iterator[Pair]:
    yield from _facts_of_quote(document) if isinstance(document, Quote) else _facts_of_invoice(document)
    seller, buyer = document.seller or {}, document.buyer or {}
    numbers = (
        (gettext("VAT number"), seller.get("vat_id")),
        (gettext("Tax number"), seller.get("tax_number")),
        (gettext("Your VAT number"), buyer.get("vat_id")),
    )
    for label, number in numbers:
        if number:
            yield label, number


def _facts_of_quote(quote: Quote) -> Iterator[Pair]:
    yield gettext("Quote number"), quote.number
    if quote.sent_at:
        sent_on = quote.sent_at.astimezone(ZoneInfo(quote.business.time_zone)).date()
        yield pgettext("of a paper", "Date"), written_date(sent_on)
    if quote.valid_until:
        yield gettext("Valid until"), written_date(quote.valid_until)


def _facts_of_invoice(invoice: Invoice) -> Iterator[Pair]:
    is_credit = invoice.kind == InvoiceKind.CREDIT_NOTE
    yield gettext("Credit note number") if is_credit else gettext("Invoice number"), invoice.number
    days = (
        (pgettext("of a paper", "Date"), invoice.issued_on),
        (gettext("Given on"), invoice.performed_on),
        (gettext("Due on"), None if is_credit else invoice.due_on),
    )
    for label, day in days:
        if day:
            yield label, written_date(day)
    if invoice.corrects:
        yield gettext("Corrects invoice"), invoice.corrects.number


def _sums(document: Paperwork, sums: Totals) -> Iterator[Pair]:
    currency = document.currency
    if sums.discount:
        yield gettext("Sum of lines"), amount_in_words(sums.lines, currency)
        off = percent_in_words(Decimal(document.discount))
        yield gettext("Discount of %(percentage)s") % {"percentage": off}, amount_in_words(-sums.discount, currency)
    if not any(group.rate for group in sums.groups):
        return
    yield gettext("Net"), amount_in_words(sums.net, currency)
    for group in sums.groups:
        of = {"rate": percent_in_words(group.rate), "net": amount_in_words(group.net, currency)}
        yield gettext("%(rate)s tax on %(net)s") % of, amount_in_words(group.tax, currency)


def _party(party: dict[str, str], *, names_country: bool) -> list[str]:
    """Write an address as it stands on an envelope."""
    town = f"{party.get('postal_code') or ''} {party.get('city') or ''}".strip()
    country = _country(party.get("country") or "") if names_country else ""
    return [line for line in (party.get("name") or "", party.get("street") or "", town, country) if line]


def _country(code: str) -> str:
    from babel import Locale  # noqa: PLC0415 -- 10 MB that only a paper abroad needs

    language = current_language() or settings.LANGUAGE_CODE
    return str(dict(Locale.parse(language, sep="-").territories).get(code, code))

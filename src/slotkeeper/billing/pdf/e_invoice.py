"""An invoice as data: EN 16931 in the syntax that Factur-X and ZUGFeRD embed (UN/CEFACT Cross Industry Invoice).

Business terms (BT-…) and rules (BR-…) are those of EN 16931-1.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from drafthorse.models.accounting import ApplicableTradeTax, CategoryTradeTax, TradeAllowanceCharge
from drafthorse.models.document import Document
from drafthorse.models.note import IncludedNote
from drafthorse.models.party import TaxRegistration
from drafthorse.models.payment import PaymentMeans, PaymentTerms
from drafthorse.models.tradelines import LineItem

from slotkeeper.billing.lines import read_lines, totals_of
from slotkeeper.billing.models import Invoice, InvoiceKind
from slotkeeper.rules.money import Line, TaxGroup, as_decimal, rounded

_PROFILE = "urn:cen.eu:en16931:2017"
_SCHEMA = "FACTUR-X_EN16931"
_INVOICE, _CREDIT_NOTE = "380", "381"  # UNTDID 1001
_ONE = "C62"  # UN/ECE recommendation 20
_SEPA_TRANSFER, _TRANSFER, _UNDEFINED = "58", "30", "1"  # UNTDID 4461
_STANDARD, _EXEMPT, _ZERO = "S", "E", "Z"  # UNTDID 5305
_DISCOUNT = "95"  # UNTDID 5189


def e_invoice(invoice: Invoice) -> bytes:
    """Write an issued invoice or credit note as XML, held to the official schema."""
    # A credit note's amounts are positive in the data: its type says that they go back.
    sign = -1 if invoice.kind == InvoiceKind.CREDIT_NOTE else 1
    document = Document()
    document.context.guideline_parameter.id = _PROFILE
    document.header.id = invoice.number
    document.header.type_code = _INVOICE if sign > 0 else _CREDIT_NOTE
    document.header.issue_date_time = invoice.issued_on
    if invoice.note:
        _add_note(document, invoice.note)
    seller, buyer = invoice.seller or {}, invoice.buyer or {}
    _name(document.trade.agreement.seller, seller, seller.get("country") or "")
    # BR-11 wants the buyer's country; where it is not known, it is the seller's.
    _name(document.trade.agreement.buyer, buyer, buyer.get("country") or seller.get("country") or "")
    for number, line in enumerate(read_lines(invoice)):
        document.trade.items.add(_item(number + 1, invoice, line, sign))
    document.trade.delivery.event.occurrence = invoice.performed_on or invoice.issued_on
    _settle(document.trade.settlement, invoice, sign)
    xml: bytes = document.serialize(schema=_SCHEMA)
    return xml


def _add_note(document: Any, text: str) -> None:
    note = IncludedNote()
    note.content = text
    document.header.notes.add(note)


def _name(party: Any, of: Mapping[str, str], country: str) -> None:
    party.name = of.get("name") or ""
    party.address.postcode = of.get("postal_code") or ""
    party.address.line_one = of.get("street") or ""
    party.address.city_name = of.get("city") or ""
    party.address.country_id = country
    for scheme, name in (("VA", "vat_id"), ("FC", "tax_number")):
        if of.get(name):
            party.tax_registrations.add(TaxRegistration(id=(scheme, of[name])))


def _item(number: int, invoice: Invoice, line: Line, sign: int) -> Any:
    item = LineItem()
    item.document.line_id = str(number)
    item.product.name = " ".join(str(invoice.lines[number - 1]["description"]).split())
    item.agreement.net.amount = as_decimal(line.unit_price, invoice.currency)
    item.delivery.billed_quantity = (sign * line.quantity, _ONE)
    _tax(item.settlement.trade_tax, line.tax_rate, invoice)
    full = rounded(line.quantity * line.unit_price)
    if full != line.amount:
        item.settlement.allowance_charge.add(_allowance(sign * (full - line.amount), invoice))
    item.settlement.monetary_summation.total_amount = as_decimal(sign * line.amount, invoice.currency)
    return item


def _settle(settlement: Any, invoice: Invoice, sign: int) -> None:
    sums = totals_of(invoice)
    settlement.currency_code = invoice.currency
    settlement.payment_reference = invoice.number
    settlement.payment_means.add(_means(invoice))
    for group in sums.groups:
        settlement.trade_tax.add(_tax_group(group, invoice, sign))
        if group.discount:
            allowance = _allowance(sign * group.discount, invoice)
            allowance.trade_tax.add(_category(group.rate, invoice))
            settlement.allowance_charge.add(allowance)
    settlement.terms.add(_terms(invoice.due_on or invoice.issued_on))
    if invoice.corrects:
        settlement.invoice_referenced_document.issuer_assigned_id = invoice.corrects.number
    summation = settlement.monetary_summation
    lines, discount, net, tax, gross = (
        as_decimal(sign * amount, invoice.currency)
        for amount in (sums.lines, sums.discount, sums.net, sums.tax, sums.gross)
    )
    summation.line_total, summation.charge_total, summation.allowance_total = lines, Decimal(0), discount
    summation.tax_basis_total, summation.grand_total = net, gross
    summation.tax_total = (tax, invoice.currency)
    summation.due_amount = gross


def _means(invoice: Invoice) -> Any:
    seller, means = invoice.seller or {}, PaymentMeans()
    if not seller.get("iban"):
        means.type_code = _UNDEFINED
        return means
    means.type_code = _SEPA_TRANSFER if invoice.currency == "EUR" else _TRANSFER
    means.payee_account.iban = seller["iban"]
    means.payee_account.account_name = seller.get("account_holder") or seller.get("name") or ""
    if seller.get("bic"):
        means.payee_institution.bic = seller["bic"]
    return means


def _terms(due: date | None) -> Any:
    terms = PaymentTerms()
    terms.due = due
    return terms


def _tax_group(group: TaxGroup, invoice: Invoice, sign: int) -> Any:
    tax = ApplicableTradeTax()
    _tax(tax, group.rate, invoice)
    tax.calculated_amount = as_decimal(sign * group.tax, invoice.currency)
    tax.basis_amount = as_decimal(sign * group.net, invoice.currency)
    if _category_code(group.rate, invoice) == _EXEMPT:
        tax.exemption_reason = _exemption_note(invoice)
    return tax


def _category(rate: Decimal, invoice: Invoice) -> Any:
    category = CategoryTradeTax()
    _tax(category, rate, invoice)
    return category


def _tax(tax: Any, rate: Decimal, invoice: Invoice) -> None:
    tax.type_code = "VAT"
    tax.category_code = _category_code(rate, invoice)
    tax.rate_applicable_percent = round(rate, 2)


def _category_code(rate: Decimal, invoice: Invoice) -> str:
    """Name the kind of tax: standard, exempt for a reason (BR-E-10), or zero."""
    if rate:
        return _STANDARD
    return _EXEMPT if _exemption_note(invoice) else _ZERO


def _exemption_note(invoice: Invoice) -> str:
    return (invoice.seller or {}).get("exemption_note") or ""


def _allowance(amount: int, invoice: Invoice) -> Any:
    allowance = TradeAllowanceCharge()
    allowance.indicator = False
    allowance.actual_amount = as_decimal(amount, invoice.currency)
    allowance.reason_code = _DISCOUNT
    return allowance

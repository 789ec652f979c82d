"""How papers stand, and how they were paid, in the words of their customer."""

from datetime import date
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext, pgettext_lazy

from slotkeeper.amounts import amount_in_words
from slotkeeper.billing.models import Invoice, InvoiceKind, InvoiceStatus, Payment, PaymentMethod, Quote, QuoteStatus
from slotkeeper.billing.sheet import written_date


class Standing(NamedTuple):
    """How a paper stands: the shape and colour of its mark, a word, and a sentence."""

    mark: str
    word: str
    sentence: str


_METHODS: dict[str, Promise] = {
    PaymentMethod.STRIPE: pgettext_lazy("how something was paid", "online"),
    PaymentMethod.BANK_TRANSFER: pgettext_lazy("how something was paid", "by bank transfer"),
    PaymentMethod.CASH: pgettext_lazy("how something was paid", "in cash"),
    PaymentMethod.CARD: pgettext_lazy("how something was paid", "by card"),
    PaymentMethod.OTHER: pgettext_lazy("how something was paid", "otherwise"),
}


def standing_of_invoice(invoice: Invoice, today: date) -> Standing:
    """Say how an invoice stands on a day."""
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        return Standing(
            "completed", pgettext("state of an invoice", "Credit note"), gettext("There is nothing to pay.")
        )
    if invoice.status == InvoiceStatus.CREDITED:
        sentence = gettext("It was taken back with a credit note. There is nothing to pay.")
        return Standing("canceled", pgettext("state of an invoice", "Taken back"), sentence)
    if invoice.status == InvoiceStatus.PAID:
        return Standing(
            "active", pgettext("state of an invoice", "Paid"), gettext("Thank you. Nothing is left to pay.")
        )
    due = {"day": written_date(invoice.due_on)} if invoice.due_on else {"day": ""}
    if invoice.due_on and invoice.due_on < today:
        sentence = gettext("It was due on %(day)s.") % due
        return Standing("expired", pgettext("state of an invoice", "Overdue"), sentence)
    sentence = gettext("Please pay by %(day)s.") % due if invoice.due_on else ""
    is_partly = invoice.paid_amount > 0
    word = pgettext("state of an invoice", "Partly paid") if is_partly else pgettext("state of an invoice", "Open")
    return Standing("scheduled", word, sentence)


def standing_of_quote(quote: Quote, *, is_expired: bool) -> Standing:
    """Say how a quote stands."""
    if quote.status == QuoteStatus.ACCEPTED:
        sentence = gettext("You have accepted it. You will hear what happens next.")
        return Standing("active", pgettext("state of a quote", "Accepted"), sentence)
    if quote.status == QuoteStatus.DECLINED:
        return Standing("canceled", pgettext("state of a quote", "Declined"), gettext("You have declined it."))
    day = {"day": written_date(quote.valid_until)} if quote.valid_until else {"day": ""}
    if is_expired:
        sentence = gettext("It was valid until %(day)s. Please ask for a new one.") % day
        return Standing("expired", pgettext("state of a quote", "Expired"), sentence)
    sentence = gettext("It is valid until %(day)s.") % day if quote.valid_until else ""
    return Standing("scheduled", pgettext("state of a quote", "Waits for your answer"), sentence)


def payment_in_words(payment: Payment) -> tuple[str, str, str]:
    """Say when, how and how much was paid; what went back is negative."""
    how = str(_METHODS.get(payment.method, payment.method))
    return written_date(payment.received_on), how, amount_in_words(payment.amount, payment.currency)

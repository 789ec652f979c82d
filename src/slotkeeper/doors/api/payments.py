"""Payment links and refunds over HTTP. Both wait for the payment provider, so neither stands in a transaction."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from django.http import HttpResponse
from msgspec import Meta

from slotkeeper.billing.models import Invoice
from slotkeeper.billing.pay_links import pay_invoice
from slotkeeper.billing.payments import CurrencyMismatch
from slotkeeper.billing.refunds import RefundOrder, refund_invoice
from slotkeeper.doors.api.base import NOT_FOUND, At, JsonEndpoint, OptionalBody, answer, answers
from slotkeeper.doors.api.document_forms import NOT_ALLOWED_NOW, moment_now
from slotkeeper.doors.api.idempotency import once_abroad
from slotkeeper.doors.api.invoice_forms import InvoiceOut, InvoicePath, write_invoice
from slotkeeper.doors.api.moments import written_moment
from slotkeeper.doors.api.people import Currency
from slotkeeper.doors.api.problems import not_found
from slotkeeper.doors.api.versions import answer_versioned
from slotkeeper.doors.ids import known_id
from slotkeeper.people.callers import Caller
from slotkeeper.rules.money import LARGEST_AMOUNT
from slotkeeper.rules.permissions import Permission

_AWAY = {HTTPStatus.SERVICE_UNAVAILABLE: "The payment provider gives no answer, or the database is away; try again."}
_REPEATED = {HTTPStatus.UNPROCESSABLE_ENTITY: "The Idempotency-Key was used with another body."}


class PaymentLinkOut(msgspec.Struct):
    """A page on which what is owed of an invoice can be paid, for a while."""

    url: str
    amount: int
    currency: str
    expires_at: str | None


class RefundAmount(msgspec.Struct, forbid_unknown_fields=True):
    """How much goes back, in minor units."""

    amount: Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)]
    currency: Currency


class RefundIn(msgspec.Struct, forbid_unknown_fields=True):
    """What giving money back takes; without an amount all that was paid goes back."""

    amount: RefundAmount | None = None
    reason: Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class PaymentLinks(JsonEndpoint):
    """The page on which an invoice is paid."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(PaymentLinkOut, refusals=NOT_FOUND | NOT_ALLOWED_NOW | _AWAY)
    def post(self, parsed_path: At[InvoicePath]) -> HttpResponse:
        """Give the address of a page at the payment provider; the same one while it is open and the amount is right."""
        caller, invoice = self.caller, _found(self.caller, parsed_path.invoice_id)
        link = pay_invoice(caller.business_id, invoice.pk, moment_now())
        expires_at = written_moment(link.expires_at, caller)
        return answer(
            {"url": link.url, "amount": link.amount, "currency": link.currency, "expires_at": expires_at}
        )  # fmt: skip


class Refunds(JsonEndpoint):
    """Giving money back."""

    permissions = {"POST": Permission.MONEY_WRITE}

    @answers(InvoiceOut, refusals=NOT_FOUND | NOT_ALLOWED_NOW | _AWAY | _REPEATED, headers=("ETag",))
    def post(self, parsed_path: At[InvoicePath], parsed_body: OptionalBody[RefundIn]) -> HttpResponse:
        """Give back what was paid, or a part of it; an Idempotency-Key makes sure that it is given back once."""
        return once_abroad(self.request, self.caller, lambda: self._give_back(parsed_path.invoice_id, parsed_body))

    def _give_back(self, invoice_id: int, body: RefundIn) -> HttpResponse:
        caller, invoice = self.caller, _found(self.caller, invoice_id)
        if body.amount is not None and body.amount.currency != invoice.currency:
            raise CurrencyMismatch
        order = RefundOrder(None if body.amount is None else body.amount.amount, body.reason.strip())
        invoice = refund_invoice(caller.business_id, invoice.pk, order, caller.actor, moment_now())
        return answer_versioned(write_invoice(invoice, caller), invoice.version)


def _found(caller: Caller, invoice_id: int) -> Invoice:
    found = Invoice.objects.filter(business_id=caller.business_id, pk=known_id(invoice_id)).first()
    if found is None:
        raise not_found()
    return found

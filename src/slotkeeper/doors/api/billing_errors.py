"""What quotes, invoices and payments refuse, as HTTP answers."""

from http import HTTPStatus

from slotkeeper.billing.credit_notes import NotCreditable
from slotkeeper.billing.documents import NotDraft
from slotkeeper.billing.gateways.base import GatewayAway, GatewayRefused
from slotkeeper.billing.invoices import AlreadyInvoiced
from slotkeeper.billing.lines import BadLines
from slotkeeper.billing.pay_links import NothingOwed, PaymentUnderWay
from slotkeeper.billing.payments import AlreadyEntered, CurrencyMismatch, NotIssued, NotPayable, UnknownInvoice
from slotkeeper.billing.profile import ProfileIncomplete
from slotkeeper.billing.quotes import AlreadyBooked, AlreadyDecided, NotAccepted, NotSent, QuoteExpired
from slotkeeper.billing.refunds import NothingPaid
from slotkeeper.billing.stripe_accounts import PaymentsOff
from slotkeeper.doors.api.problems import ApiProblem, FieldError, bad_field, bad_fields, not_found

_REFUSED: dict[type[Exception], str] = {
    NotDraft: "INVALID_TRANSITION",
    NotSent: "INVALID_TRANSITION",
    NotAccepted: "INVALID_TRANSITION",
    NotCreditable: "INVALID_TRANSITION",
    NotIssued: "INVALID_TRANSITION",
    NotPayable: "INVALID_TRANSITION",
    AlreadyDecided: "INVALID_TRANSITION",
    QuoteExpired: "QUOTE_EXPIRED",
    AlreadyBooked: "ALREADY_BOOKED",
    AlreadyInvoiced: "ALREADY_INVOICED",
    AlreadyEntered: "ALREADY_ENTERED",
    NothingOwed: "NOTHING_OWED",
    NothingPaid: "NOTHING_PAID",
    PaymentUnderWay: "PAYMENT_UNDER_WAY",
    PaymentsOff: "PAYMENTS_OFF",
}


def as_billing_problem(error: Exception) -> ApiProblem | None:
    """Translate what a verb about money refuses; None for anything else."""
    if isinstance(error, UnknownInvoice):
        return not_found()
    if isinstance(error, BadLines):
        return bad_fields([FieldError(name, "INVALID_FIELD", why) for name, why in error.reasons.items()])
    if isinstance(error, CurrencyMismatch):
        return bad_field("amount", "INVALID_FIELD", str(CurrencyMismatch.__doc__))
    if isinstance(error, ProfileIncomplete):
        errors = [FieldError(name, "MISSING_FIELDS", why) for name, why in error.reasons.items()]
        detail = "The billing settings lack what an invoice must say. Complete them with PUT /api/billing-profile."
        return ApiProblem(HTTPStatus.CONFLICT, "PROFILE_INCOMPLETE", detail, errors)
    if isinstance(error, GatewayRefused):
        return ApiProblem(HTTPStatus.CONFLICT, "GATEWAY_REFUSED", str(error))
    if isinstance(error, GatewayAway):
        detail = "The payment provider gives no answer at the moment. Please try again."
        return ApiProblem(HTTPStatus.SERVICE_UNAVAILABLE, "GATEWAY_AWAY", detail)
    if type(error) in _REFUSED:
        return ApiProblem(HTTPStatus.CONFLICT, _REFUSED[type(error)], str(error.__doc__))
    return None

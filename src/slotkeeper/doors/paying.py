"""Leading customers to the payment provider's page, and what they are told where that cannot be."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from slotkeeper.billing.gateways.base import GatewayAway, GatewayRefused
from slotkeeper.billing.pay_links import NothingOwed, PaymentUnderWay
from slotkeeper.billing.payments import PaymentRefused, UnknownInvoice
from slotkeeper.billing.prepayments import PrepaymentOff, TimeIsOver
from slotkeeper.billing.stripe_accounts import PaymentsOff
from slotkeeper.doors.middleware import PAGE_POLICY

# What may go wrong between the button and the provider's page.
NOT_PAYABLE = (
    GatewayAway, GatewayRefused, NothingOwed, PaymentRefused, PaymentUnderWay, PaymentsOff, PrepaymentOff, TimeIsOver,
    UnknownInvoice,
)  # fmt: skip
_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (NothingOwed, gettext_noop("Nothing is left to pay.")),
    (PaymentUnderWay, gettext_noop("A payment is under way already. With some ways of paying this takes a few days.")),
    (TimeIsOver, gettext_noop("The time was held for you until now. Please choose again.")),
    (GatewayAway, gettext_noop("The payment page cannot be opened at the moment. Please try again in a few minutes.")),
)


def pay_policy(policy: str | None = None) -> str:
    """Make a page's policy that of one with a button to pay: browsers hold redirects of a form to it, too.

    Businesses may have their payment page under a name of their own, so no host can be named.
    """
    address = urlsplit(settings.CONFIGURATION.stripe_url)
    origin = f" {address.scheme}://{address.netloc}" if address.scheme == "http" else ""
    return (policy or PAGE_POLICY).replace("form-action 'self'", f"form-action 'self' https:{origin}")


def told(error: Exception) -> str:
    """Say to a customer why they cannot pay now; what a provider says is for the business."""
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return str(_(sentence))
    return str(_("It cannot be paid online at the moment. Please get in touch."))

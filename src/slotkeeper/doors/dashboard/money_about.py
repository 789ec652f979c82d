"""What the pages of an appointment and of a customer tell about money."""

from datetime import UTC, datetime
from typing import Any

from slotkeeper.appointments.rows import AppointmentRow
from slotkeeper.billing.documents import today_of
from slotkeeper.billing.invoices import standing_invoice
from slotkeeper.billing.models import Invoice, Payment, Quote
from slotkeeper.doors.dashboard.money import rows_of
from slotkeeper.doors.dashboard.money_words import payment_rows
from slotkeeper.people.callers import Caller
from slotkeeper.people.models import Business
from slotkeeper.rules.appointment_status import Status
from slotkeeper.rules.permissions import Permission

MOST_SHOWN = 20


def money_of_appointment(row: AppointmentRow, caller: Caller) -> dict[str, Any] | None:
    """Give an appointment's quotes, invoices and payments, the newest first; None for those who may not see them."""
    if not caller.may(Permission.MONEY_READ):
        return None
    is_free = row.status != Status.CANCELED and standing_invoice(caller.business_id, row.id) is None
    may_invoice = is_free and caller.may(Permission.MONEY_WRITE)
    return _money(caller, appointment_id=row.id) | {"may_invoice": may_invoice}


def money_of_customer(contact_id: int, caller: Caller) -> dict[str, Any] | None:
    """Give a customer's quotes, invoices and payments, the newest first; None for those who may not see them."""
    if not caller.may(Permission.MONEY_READ):
        return None
    return _money(caller, contact_id=contact_id) | {"is_of_one": True, "may_write": caller.may(Permission.MONEY_WRITE)}


def _money(caller: Caller, **about: int) -> dict[str, Any]:
    business, now = Business.objects.get(pk=caller.business_id), datetime.now(UTC)
    today = today_of(business, now)
    invoices, quotes = (
        kind.objects.filter(business=business, **about).select_related("contact", "business").order_by("-pk")
        for kind in (Invoice, Quote)
    )
    about_invoice = {f"invoice__{name}": value for name, value in about.items()}
    payments = Payment.objects.filter(business=business, **about_invoice).select_related("invoice").order_by("-pk")
    return {
        "invoices": rows_of(invoices[:MOST_SHOWN], today, now),
        "quotes": rows_of(quotes[:MOST_SHOWN], today, now),
        "payments": payment_rows(payments[:MOST_SHOWN]),
    }

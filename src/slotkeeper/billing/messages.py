"""Which messages are owed about quotes, invoices and payments: each follows from one change.

A message leaves while it is true. What is paid in the moment in which it is issued is one message, the receipt.
Reminders follow from the day on which an invoice was due, and stop when nothing is open any more.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from slotkeeper.billing.models import Document, Invoice, InvoiceKind, InvoiceStatus, Quote, QuoteStatus
from slotkeeper.changes.models import Change
from slotkeeper.contacts.models import Contact
from slotkeeper.outbox.choices import channels_of
from slotkeeper.outbox.kinds import CUSTOMER, ChannelName, Kind, Reason
from slotkeeper.outbox.ledger import Draft, enter, skip
from slotkeeper.outbox.models import Message

QUOTE, INVOICE, CONTACT = "quote", "invoice", "contact"
REMINDED_AFTER_DAYS = (7, 21)
_REMINDED_FOR = timedelta(days=60)  # what was due longer ago is beyond a friendly mail
_REMINDED_HOURS = range(8, 18)  # by the business's clocks: nobody is reminded of money at night
_HELPS_FOR = timedelta(days=7)
_SAME_WISH = timedelta(minutes=5)
_PAYMENTS = {"paid": Kind.RECEIPT, "refunded": Kind.REFUND}


def plan_money_messages(changes: Sequence[Change], now: datetime) -> None:
    """Enter the messages that follow from changes, in the transaction that marks these as handled."""
    about = {kind: [change for change in changes if change.subject_kind == kind] for kind in (QUOTE, INVOICE)}
    quotes = _with_all(Quote, about[QUOTE])
    for change in about[QUOTE]:
        quote = quotes.get(change.subject_id)
        if quote is not None and change.verb == "sent":
            _owe([(quote, Kind.QUOTE, "sent", None)], now)
    invoices = _with_all(Invoice, about[INVOICE])
    paid = {change.subject_id for change in about[INVOICE] if change.verb == "paid"}
    for change in about[INVOICE]:
        invoice = invoices.get(change.subject_id)
        if invoice is not None:
            _owe(_from_change(invoice, change, is_paid_at_once=invoice.pk in paid), now)


def plan_payment_reminders(now: datetime) -> None:
    """Enter the reminders of what is open and overdue; one that was entered before stays as it is."""
    earliest = now.date() - _REMINDED_FOR
    overdue = Invoice.objects.filter(status=InvoiceStatus.OPEN, kind=InvoiceKind.INVOICE, due_on__gte=earliest)
    overdue = overdue.filter(due_on__lt=now.date() - timedelta(days=REMINDED_AFTER_DAYS[0] - 1))
    for invoice in overdue.select_related("business", "contact").iterator():
        here = now.astimezone(ZoneInfo(invoice.business.time_zone))
        assert invoice.due_on is not None
        passed = [days for days in REMINDED_AFTER_DAYS if invoice.due_on + timedelta(days=days) <= here.date()]
        if passed and here.hour in _REMINDED_HOURS:
            _owe([(invoice, Kind.PAYMENT_REMINDER, f"{invoice.due_on}+{passed[-1]}", None)], now)


def owe_portal_link(contact: Contact, now: datetime) -> None:
    """Owe a customer the link to all that is theirs; asked for again within minutes, it is the same one."""
    occasion = str(int(now.timestamp()) // int(_SAME_WISH.total_seconds()))
    draft = Draft(
        business_id=contact.business_id,
        subject_kind=CONTACT,
        subject_id=contact.pk,
        kind=Kind.PORTAL_LINK,
        occasion=occasion,
        recipient=CUSTOMER,
        address=contact.email or "",
        useful_until=now + timedelta(hours=1),
    )
    if ChannelName.EMAIL in channels_of(contact.business_id, Kind.PORTAL_LINK):
        enter([draft], now)
    else:
        skip([(draft, Reason.SWITCHED_OFF)], now)


def address_of(document: Document) -> str:
    """Say to which address a document's customer is written: the one known now, else the one on the paper."""
    known = document.contact.email if document.contact else None
    return known or (document.buyer or {}).get("email") or ""


def is_still_true(message: Message, document: Document) -> bool:
    """Say whether what a message is to tell still holds."""
    kind = Kind(message.kind)
    if isinstance(document, Quote):
        return document.status == QuoteStatus.SENT
    assert isinstance(document, Invoice)
    if kind is Kind.PAYMENT_REMINDER:
        return document.status == InvoiceStatus.OPEN and document.open_amount > 0
    return document.status == InvoiceStatus.PAID if kind is Kind.RECEIPT else True


_Owed = tuple[Document, Kind, str, dict[str, int] | None]


def _with_all(model: type[Document], changes: Iterable[Change]) -> dict[int, Document]:
    ids = {change.subject_id for change in changes}
    return model._default_manager.select_related("contact").in_bulk(ids) if ids else {}  # noqa: SLF001 -- typed so


def _from_change(invoice: Document, change: Change, *, is_paid_at_once: bool) -> Iterator[_Owed]:
    assert isinstance(invoice, Invoice)
    if change.verb == "issued":
        if invoice.kind == InvoiceKind.CREDIT_NOTE:
            yield invoice, Kind.CREDIT_NOTE, "issued", None
        elif not is_paid_at_once:
            yield invoice, Kind.INVOICE, "issued", None
    elif change.verb in _PAYMENTS:
        amount = int((change.after or {}).get("amount", 0))
        yield invoice, _PAYMENTS[change.verb], str(change.subject_version), {"amount": amount}


def _owe(owed: Iterable[_Owed], now: datetime) -> None:
    for document, kind, occasion, told in owed:
        draft = Draft(
            business_id=document.business_id,
            subject_kind=QUOTE if isinstance(document, Quote) else INVOICE,
            subject_id=document.pk,
            kind=kind,
            occasion=occasion,
            recipient=CUSTOMER,
            address=address_of(document),
            useful_until=now + _HELPS_FOR,
            told=told,
        )
        if ChannelName.EMAIL not in channels_of(document.business_id, kind):
            skip([(draft, Reason.SWITCHED_OFF)], now)
        elif not draft.address:
            skip([(draft, Reason.NO_ADDRESS)], now)
        else:
            enter([draft], now)

"""The messages about quotes, invoices and payments: written when they leave, with what is true then, and their PDF."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import override

from slotkeeper.amounts import amount_in_words
from slotkeeper.billing.messages import CONTACT, INVOICE, QUOTE, address_of, is_still_true
from slotkeeper.billing.models import Invoice, InvoiceKind, Quote
from slotkeeper.billing.papers import filename_of, paper_of
from slotkeeper.billing.portal import Purpose, make_token
from slotkeeper.billing.sheet import written_date
from slotkeeper.contacts.models import Contact
from slotkeeper.languages import current_language, known_language
from slotkeeper.outbox.channels.base import Attachment, Dispatch, TryLater
from slotkeeper.outbox.frames import frame_of
from slotkeeper.outbox.kinds import ChannelName, Kind, Reason, State
from slotkeeper.outbox.letters import Letter, write_letter
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.sending import Correspondent, NotToBeSent, Written
from slotkeeper.outbox.wordings import wording_of
from slotkeeper.people.models import Business

_TRIES_FOR_PAPER = 6  # about half a minute; then a mail leaves with its link alone
_WITH_PAPER = frozenset({Kind.QUOTE, Kind.INVOICE, Kind.CREDIT_NOTE, Kind.RECEIPT, Kind.PAYMENT_REMINDER})
_Facts = dict[str, str]


class MoneyCorrespondent:
    """Writes to customers about what they are offered, owe and paid."""

    def write(self, message: Message, now: datetime) -> Written:
        """Write a message with what is true now. Raises NotToBeSent, and TryLater while its PDF is being written."""
        del now
        document = _document_of(message)
        if not message.resends and not is_still_true(message, document):
            raise NotToBeSent(State.SUPERSEDED, Reason.NO_LONGER_TRUE)
        address = address_of(document)
        if not address:
            raise NotToBeSent(State.SKIPPED, Reason.NO_ADDRESS)
        name = (document.buyer or {}).get("name") or ""
        kind, business = Kind(message.kind), document.business
        files = _files(message, document) if kind in _WITH_PAPER else ()
        with override(_language(document.locale, business)):
            letter = _letter(kind, business, _facts_of(message, document) | {"customer_name": name})
        dispatch = Dispatch(
            message.message_id, address, name, business.name, business.contact_email, letter, attachments=files
        )
        return Written(dispatch, message.told)

    def lock(self, message: Message) -> None:
        """Nothing to lock: nothing follows."""

    def settled(self, message: Message, now: datetime) -> None:
        """Nothing follows; what cannot be delivered is shown in the ledger and on the home page."""


class PortalCorrespondent:
    """Writes to customers who asked for the link to all that is theirs."""

    def write(self, message: Message, now: datetime) -> Written:
        """Write the link. Raises NotToBeSent."""
        del now
        found = Contact.objects.in_business(message.business_id).filter(pk=message.subject_id)
        contact = found.select_related("business").first()
        if contact is None or not contact.email:
            raise NotToBeSent(State.SKIPPED, Reason.ERASED if contact is None else Reason.NO_ADDRESS)
        business = contact.business
        token = make_token(Purpose.HOME, contact=contact, occasion=message.message_id)
        facts = {"customer_name": contact.name, "portal_link": link_of(Purpose.HOME, token)}
        with override(_language(contact.locale or "", business)):
            letter = _letter(Kind.PORTAL_LINK, business, facts)
        address = contact.email
        return Written(
            Dispatch(message.message_id, address, contact.name, business.name, business.contact_email, letter)
        )

    def lock(self, message: Message) -> None:
        """Nothing to lock: nothing follows."""

    def settled(self, message: Message, now: datetime) -> None:
        """Nothing follows."""


def link_of(purpose: Purpose, token: str) -> str:
    """Give the address of a page of the portal, whole."""
    return f"{settings.CONFIGURATION.url}/portal/{purpose}/{token}"


def _document_of(message: Message) -> Quote | Invoice:
    """Find what a message is about. Raises NotToBeSent."""
    rows: Any = Quote.objects if message.subject_kind == QUOTE else Invoice.objects
    rows = rows.select_related("business", "contact")
    document: Quote | Invoice | None = rows.filter(pk=message.subject_id, business_id=message.business_id).first()
    if document is None:
        raise NotToBeSent(State.SKIPPED, Reason.ERASED)
    return document


def _files(message: Message, document: Quote | Invoice) -> tuple[Attachment, ...]:
    """Give the PDF; wait for one that is being written, but not for long. Raises TryLater."""
    paper = paper_of(document)
    if paper is not None and paper.content is not None:
        with override(_language(document.locale, document.business)):
            return (Attachment(bytes(paper.content), filename_of(document), "application/pdf"),)
    if message.attempts < _TRIES_FOR_PAPER and (paper is None or not paper.error):
        raise TryLater(Reason.PAPER_IS_WRITTEN)
    return ()


def _letter(kind: Kind, business: Business, facts: _Facts) -> Letter:
    """Word a mail in the language that is spoken now."""
    facts |= {"business_name": business.name}
    wording = wording_of(business.pk, kind, ChannelName.EMAIL, current_language())
    return write_letter(wording, facts, frame_of(kind, facts, business.name, business.accent_color))


def _facts_of(message: Message, document: Quote | Invoice) -> _Facts:
    facts = _of_quote(document, message) if isinstance(document, Quote) else _of_invoice(document, message)
    return {"number": document.number} | facts


def _of_quote(quote: Quote, message: Message) -> _Facts:
    token = make_token(Purpose.QUOTE, quote=quote, occasion=message.message_id)
    return {
        "amount": amount_in_words(quote.gross, quote.currency),
        "valid_until": written_date(quote.valid_until) if quote.valid_until else "",
        "quote_link": link_of(Purpose.QUOTE, token),
    }


def _of_invoice(invoice: Invoice, message: Message) -> _Facts:
    token = make_token(Purpose.INVOICE, invoice=invoice, occasion=message.message_id)
    amounts: dict[str, Callable[[], int]] = {
        Kind.PAYMENT_REMINDER: lambda: invoice.open_amount,
        Kind.REFUND: lambda: -int((message.told or {}).get("amount", 0)),
        Kind.CREDIT_NOTE: lambda: -invoice.gross,
    }
    amount = amounts.get(message.kind, lambda: invoice.gross)()
    return {
        "amount": amount_in_words(amount, invoice.currency),
        "due_day": written_date(invoice.due_on) if invoice.due_on and _asks_for_money(invoice) else "",
        "corrected_number": invoice.corrects.number if invoice.corrects else "",
        "invoice_link": link_of(Purpose.INVOICE, token),
    }


def _asks_for_money(invoice: Invoice) -> bool:
    return invoice.kind == InvoiceKind.INVOICE and invoice.open_amount > 0


def _language(locale: str, business: Business) -> str:
    return known_language(locale) or known_language(business.locale) or settings.LANGUAGE_CODE


MONEY, PORTAL = MoneyCorrespondent(), PortalCorrespondent()
CORRESPONDENTS: dict[str, Correspondent] = {QUOTE: MONEY, INVOICE: MONEY, CONTACT: PORTAL}

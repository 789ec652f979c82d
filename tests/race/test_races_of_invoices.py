"""Races about money: numbers without a gap, nothing invoiced, taken back or paid twice.

100 invoices on each engine, 1,000 with --soak, from sixteen connections.
"""

from functools import partial

import pytest

from cast import Cast
from papers import HAIRCUT, NOW, complete_profile, draft, issued, paid, target_of
from race.harness import query, race, shuffled
from slotkeeper.appointments import actions
from slotkeeper.appointments.insert import Booking
from slotkeeper.billing.credit_notes import CreditWish, NotCreditable, TakenBack, credit_invoice
from slotkeeper.billing.documents import DocumentTarget
from slotkeeper.billing.invoices import (
    AlreadyInvoiced,
    create_invoice,
    invoice_quote,
    issue_invoice,
    record_payment,
)
from slotkeeper.billing.models import Invoice, InvoiceStatus
from slotkeeper.billing.payments import AlreadyEntered
from slotkeeper.billing.quotes import AlreadyDecided, accept_quote, create_quote, decline_quote, send_quote
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.refusals import InvalidFields

START = int(NOW.timestamp()) + 86_400


def issue(target: DocumentTarget) -> str:
    return f"{issue_invoice(target, COMMAND, NOW).sequence}"


def credit(target: DocumentTarget, *lines: TakenBack) -> str:
    try:
        credit_invoice(target, CreditWish(lines), COMMAND, NOW)
    except (InvalidFields, NotCreditable):
        return "refused"
    return "done"


def pay(target: DocumentTarget, reference: str | None) -> str:
    try:
        record_payment(target, paid(100, reference), COMMAND, NOW)
    except AlreadyEntered:
        return "refused"
    return "done"


def numbers_of(business_id: int) -> list[int]:
    sql = f"SELECT sequence FROM invoices WHERE business_id = {business_id} AND sequence IS NOT NULL ORDER BY 1"
    return [number for (number,) in query(sql)]


def test_invoices_issued_at_once_are_numbered_without_a_gap(calendar: Cast, soak):
    count = 1_000 if soak else 100
    mine, theirs = calendar.owner, calendar.outsider
    for member in (mine, theirs):
        complete_profile(member.business)
    targets = [target_of(draft(member)) for member in (mine, theirs) for _ in range(count // 2)]
    nobodys = [target_of(draft(mine, buyer=None)) for _ in range(count // 10)]

    def refuse(target: DocumentTarget) -> str:
        try:
            return issue(target)
        except InvalidFields:
            return "refused"

    outcomes = race(shuffled(1, [partial(refuse, target) for target in targets + nobodys]))
    assert outcomes == {"refused": count // 10} | {str(number): 2 for number in range(1, count // 2 + 1)}
    for member in (mine, theirs):
        assert numbers_of(member.business_id) == list(range(1, count // 2 + 1))


def test_one_draft_issued_by_many_has_one_number(calendar: Cast):
    complete_profile(calendar.owner.business)
    target = target_of(draft(calendar.owner))
    assert race([partial(issue, target)] * 48) == {"1": 48}
    assert numbers_of(calendar.owner.business_id) == [1]


def test_credit_notes_at_once_take_back_no_more_than_was_invoiced(calendar: Cast):
    invoice = issued(calendar.owner, lines=[HAIRCUT | {"quantity": "20"}])
    outcomes = race([partial(credit, target_of(invoice), TakenBack(0, "1"))] * 48)
    assert outcomes == {"done": 20, "refused": 28}
    invoice.refresh_from_db()
    assert (invoice.status, invoice.credited_amount) == (InvoiceStatus.CREDITED, invoice.gross)
    assert sum(one.gross for one in Invoice.objects.filter(corrects=invoice)) == -invoice.gross
    assert numbers_of(calendar.owner.business_id) == list(range(1, 22))


def test_an_appointment_is_invoiced_once(calendar: Cast):
    owner = calendar.owner
    row = actions.book(
        Booking(owner.business_id, owner.user_id, "Haircut", START, START + 3600), COMMAND, int(NOW.timestamp())
    )

    def invoice() -> str:
        try:
            create_invoice(owner.business_id, {"lines": [HAIRCUT], "appointment_id": row.id}, COMMAND, NOW)
        except AlreadyInvoiced:
            return "refused"
        return "done"

    assert race([invoice] * 32) == {"done": 1, "refused": 31}


def test_a_quote_is_decided_and_invoiced_once(calendar: Cast):
    quote = create_quote(
        calendar.owner.business_id, {"lines": [HAIRCUT], "contact_id": calendar.customer.pk}, COMMAND, NOW
    )
    target = target_of(send_quote(target_of(quote), COMMAND, NOW))

    def decide(verb) -> str:
        try:
            return str(verb(target, COMMAND, NOW).status)
        except AlreadyDecided:
            return "too late"

    outcomes = race(shuffled(2, [partial(decide, verb) for verb in [accept_quote, decline_quote] * 16]))
    assert outcomes["too late"] == 16
    assert len(outcomes) == 2


def test_an_accepted_quote_is_invoiced_once(calendar: Cast):
    quote = create_quote(
        calendar.owner.business_id, {"lines": [HAIRCUT], "contact_id": calendar.customer.pk}, COMMAND, NOW
    )
    target = target_of(send_quote(target_of(quote), COMMAND, NOW))
    accept_quote(target, COMMAND, NOW)

    def invoice() -> str:
        try:
            invoice_quote(target, COMMAND, NOW)
        except AlreadyInvoiced:
            return "refused"
        return "done"

    assert race([invoice] * 32) == {"done": 1, "refused": 31}


@pytest.mark.parametrize("has_reference", [True, False])
def test_payments_at_once_add_up(calendar: Cast, has_reference):
    invoice = issued(calendar.owner)
    references = [f"transfer {number % 8}" if has_reference else None for number in range(32)]
    outcomes = race([partial(pay, target_of(invoice), reference) for reference in references])
    assert outcomes == ({"done": 8, "refused": 24} if has_reference else {"done": 32})
    invoice.refresh_from_db()
    assert invoice.paid_amount == 100 * outcomes["done"]

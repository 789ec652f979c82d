"""Credit notes: they take back what was invoiced, to the cent and never more."""

import random
from decimal import Decimal

import pytest

from papers import HAIRCUT, NOW, draft, issued, paid, target_of
from slotkeeper.billing.credit_notes import CreditWish, NotCreditable, TakenBack, credit_invoice
from slotkeeper.billing.invoices import record_payment
from slotkeeper.billing.lines import totals_of
from slotkeeper.billing.models import Invoice, InvoiceKind, InvoiceStatus
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.refusals import InvalidFields


def credit(invoice: Invoice, *lines: TakenBack) -> Invoice:
    return credit_invoice(target_of(invoice), CreditWish(lines), COMMAND, NOW)


def test_a_whole_invoice_is_taken_back(cast):
    invoice = issued(cast.owner)
    taken = credit(invoice)
    assert (taken.kind, taken.number, taken.sequence) == (InvoiceKind.CREDIT_NOTE, "0002", 2)
    assert (taken.net, taken.tax, taken.gross) == (-4800, -912, -5712)
    assert (taken.buyer, taken.seller, taken.corrects_id) == (invoice.buyer, invoice.seller, invoice.pk)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.credited_amount, invoice.open_amount) == (InvoiceStatus.CREDITED, 5712, 0)
    with pytest.raises(NotCreditable):
        credit(invoice)


def test_parts_of_lines_are_taken_back(cast):
    invoice = issued(cast.owner, lines=[HAIRCUT | {"quantity": "3"}, HAIRCUT | {"description": "Dye"}])
    taken = credit(invoice, TakenBack(0, "1.5"))
    assert [(line["description"], line["quantity"]) for line in taken.lines] == [("Haircut", "-1.5")]
    invoice.refresh_from_db()
    assert (invoice.status, invoice.credited_amount) == (InvoiceStatus.OPEN, 8568)
    rest = credit(invoice)
    assert [(line["description"], line["quantity"]) for line in rest.lines] == [("Haircut", "-1.5"), ("Dye", "-1")]
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.CREDITED


def test_no_more_is_taken_back_than_is_left(cast):
    invoice = issued(cast.owner, lines=[HAIRCUT | {"quantity": "2"}])
    credit(invoice, TakenBack(0, "1"))
    for wrong in ("1.001", "0", "-1", "NaN", "many", "0.0001", "9" * 50):
        with pytest.raises(InvalidFields, match=r"lines\.0\.quantity"):
            credit(invoice, TakenBack(0, wrong))
    with pytest.raises(InvalidFields, match=r"lines\.0\.position"):
        credit(invoice, TakenBack(1))
    with pytest.raises(InvalidFields, match=r"lines\.1\.position"):
        credit(invoice, TakenBack(0, "1"), TakenBack(0))
    assert Invoice.objects.filter(corrects=invoice).count() == 1


def test_what_was_paid_and_is_taken_back_is_the_customers_credit(cast):
    invoice = issued(cast.owner)
    record_payment(target_of(invoice), paid(5712), COMMAND, NOW)
    credit(invoice)
    invoice.refresh_from_db()
    assert invoice.open_amount == -5712
    assert record_payment(target_of(invoice), paid(-5712), COMMAND, NOW).open_amount == 0


def test_a_partly_credited_invoice_is_paid_by_the_rest(cast):
    invoice = issued(cast.owner, lines=[HAIRCUT, HAIRCUT])
    record_payment(target_of(invoice), paid(5712), COMMAND, NOW)
    credit(invoice, TakenBack(1))
    invoice.refresh_from_db()
    assert (invoice.status, invoice.open_amount) == (InvoiceStatus.PAID, 0)


def test_drafts_and_credit_notes_are_not_taken_back(cast):
    with pytest.raises(NotCreditable):
        credit(draft(cast.owner))
    with pytest.raises(NotCreditable):
        credit(credit(issued(cast.owner)))


def test_an_invoice_over_nothing_is_taken_back_too(cast):
    invoice = issued(cast.owner, lines=[HAIRCUT | {"unit_price": 0}])
    credit(invoice)
    invoice.refresh_from_db()
    assert invoice.status == InvoiceStatus.CREDITED


def test_whatever_rounding_leaves_the_last_credit_note_makes_up_for(cast):
    chance = random.Random(7)
    for _ in range(25):
        lines = [
            HAIRCUT | {
                "quantity": str(chance.randint(1, 4)), "unit_price": chance.randint(1, 99),
                "tax_rate": chance.choice(["0", "7", "19"]), "discount": chance.choice(["0", "33.33"]),
            }
            for _ in range(chance.randint(1, 4))
        ]  # fmt: skip
        invoice = issued(cast.owner, lines=lines, discount=chance.choice(["0", "12.5"]))
        _take_back_piece_by_piece(invoice)
        taken = list(Invoice.objects.filter(corrects=invoice))
        invoice.refresh_from_db()
        assert invoice.status == InvoiceStatus.CREDITED
        assert sum(one.gross for one in taken) == -invoice.gross
        assert all(totals_of(one).gross == one.gross for one in taken)


def _take_back_piece_by_piece(invoice: Invoice) -> None:
    for position, line in enumerate(invoice.lines):
        for _ in range(int(Decimal(line["quantity"]))):
            try:
                credit(invoice, TakenBack(position, "1"))
            except InvalidFields:  # pieces that were rounded up would come to more; the rest goes in one
                credit(invoice)
                return
            except NotCreditable:  # they came to all of it
                return

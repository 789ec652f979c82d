"""Invoices: drafts, issuing, their numbers, payments by hand, and what the database refuses."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from cast import add_member
from offered import offer
from papers import HAIRCUT, NOW, complete_profile, draft, for_customer, issued, paid, target_of
from slotkeeper.appointments import actions
from slotkeeper.appointments.insert import Booking
from slotkeeper.billing.credit_notes import CreditWish, credit_invoice
from slotkeeper.billing.documents import DocumentTarget, DocumentVersionConflict, NotDraft
from slotkeeper.billing.erasure import erase_customer
from slotkeeper.billing.invoices import (
    AlreadyInvoiced,
    create_invoice,
    delete_invoice,
    invoice_appointment,
    issue_invoice,
    record_payment,
    update_invoice,
)
from slotkeeper.billing.lines import BadLines
from slotkeeper.billing.models import Invoice, InvoiceStatus, PaymentMethod
from slotkeeper.billing.payments import AlreadyEntered, CurrencyMismatch, Money, NewPayment, NotIssued
from slotkeeper.billing.profile import ProfileIncomplete
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.refusals import InvalidFields, NotInBusiness


def verbs_of(invoice: Invoice) -> list[str]:
    changes = Change.objects.filter(subject_kind="invoice", subject_id=invoice.pk).order_by("pk")
    return list(changes.values_list("verb", flat=True))


def book(member, **fields):
    start = int(NOW.timestamp()) + 3600
    booking = Booking(member.business_id, member.user_id, "Haircut", start, start + 3600, **fields)
    return actions.book(booking, COMMAND, int(NOW.timestamp()))


def is_refused(act) -> bool:
    try:
        with transaction.atomic():
            act()
    except IntegrityError:
        return True
    return False


# Drafts


def test_a_draft_is_added_up_and_has_no_number(cast):
    invoice = draft(cast.owner, contact_id=cast.customer.pk)
    assert (invoice.net, invoice.tax, invoice.gross) == (4800, 912, 5712)
    assert (invoice.status, invoice.number, invoice.sequence, invoice.currency) == ("draft", "", None, "EUR")
    assert verbs_of(invoice) == ["created"]


def test_a_line_without_a_tax_rate_has_the_usual_one(cast):
    complete_profile(cast.owner.business, default_tax_rate="7.00")
    invoice = draft(cast.owner, lines=[{"description": "Soup", "unit_price": 1000}])
    assert invoice.lines[0]["tax_rate"] == "7.00"
    assert invoice.gross == 1070


def test_a_draft_changes_and_remembers_its_version(cast):
    invoice = draft(cast.owner)
    changed = update_invoice(target_of(invoice), {"discount": "10", "note": "Thanks"}, COMMAND, NOW)
    assert (changed.net, changed.version) == (4320, 2)
    with pytest.raises(DocumentVersionConflict):
        update_invoice(DocumentTarget(invoice.business_id, invoice.pk, frozenset({1})), {"note": ""}, COMMAND, NOW)


def test_saving_the_same_again_changes_nothing(cast):
    invoice = draft(cast.owner)
    again = update_invoice(target_of(invoice), {"lines": [HAIRCUT], "discount": "0.00"}, COMMAND, NOW)
    assert again.version == 1
    assert verbs_of(invoice) == ["created"]


def test_a_draft_can_be_deleted_and_an_issued_invoice_cannot(cast):
    invoice = draft(cast.owner)
    delete_invoice(target_of(invoice), COMMAND)
    assert not Invoice.objects.exists()
    with pytest.raises(NotDraft):
        delete_invoice(target_of(issued(cast.owner)), COMMAND)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": "-1"}, "lines.0.quantity"),
        ({"quantity": "0"}, "lines.0.quantity"),
        ({"quantity": "NaN"}, "lines.0.quantity"),
        ({"quantity": "1e9"}, "lines.0.quantity"),
        ({"unit_price": -1}, "lines.0.unit_price"),
        ({"unit_price": 10**15}, "lines.0.unit_price"),
        ({"quantity": "1000000", "unit_price": 10**9}, "lines"),
        ({"tax_rate": "101"}, "lines.0.tax_rate"),
        ({"discount": "-5"}, "lines.0.discount"),
        ({"description": " "}, "lines.0.description"),
    ],
)
def test_absurd_lines_are_refused_by_field_and_nothing_is_stored(cast, line, field):
    with pytest.raises(BadLines) as refusal:
        draft(cast.owner, lines=[HAIRCUT | line])
    assert list(refusal.value.reasons) == [field]
    assert not Invoice.objects.exists()


def test_ten_thousand_lines_are_refused(cast):
    with pytest.raises(BadLines, match="At most 500"):
        draft(cast.owner, lines=[HAIRCUT] * 10_000)


def test_what_belongs_to_another_business_is_unknown(cast):
    theirs = draft(cast.outsider)
    with pytest.raises(NotInBusiness):
        draft(cast.outsider, contact_id=cast.customer.pk)
    with pytest.raises(NotInBusiness):
        update_invoice(DocumentTarget(cast.owner.business_id, theirs.pk), {"note": "x"}, COMMAND, NOW)


# Issuing


def test_issuing_gives_number_dates_and_both_parties(cast):
    complete_profile(cast.owner.business, number_prefix="RE-", payment_days=7)
    invoice = issue_invoice(target_of(draft(cast.owner, contact_id=cast.customer.pk, buyer=None)), COMMAND, NOW)
    assert (invoice.number, invoice.sequence, invoice.status) == ("RE-0001", 1, InvoiceStatus.OPEN)
    assert (invoice.issued_on, invoice.due_on) == (date(2027, 1, 15), date(2027, 1, 22))
    assert invoice.seller["name"] == "Practice Ltd"
    assert (invoice.buyer["name"], invoice.buyer["email"]) == ("Carla Customer", "carla@customer.test")
    assert issue_invoice(target_of(invoice), COMMAND, NOW).version == invoice.version
    assert verbs_of(invoice) == ["created", "issued"]


def test_the_day_of_an_invoice_is_the_business_own(cast):
    complete_profile(cast.owner.business)
    late = NOW.replace(hour=23, minute=30)  # half past midnight in Berlin
    assert issue_invoice(target_of(draft(cast.owner)), COMMAND, late).issued_on == date(2027, 1, 16)


def test_each_business_counts_for_itself_and_a_refusal_costs_no_number(cast):
    assert issued(cast.owner).sequence == 1
    with pytest.raises(InvalidFields):
        issue_invoice(target_of(draft(cast.owner, buyer=None)), COMMAND, NOW)
    assert issued(cast.owner).sequence == 2
    assert issued(cast.outsider).sequence == 1


def test_an_incomplete_profile_is_refused_by_field(cast):
    with pytest.raises(ProfileIncomplete) as refusal:
        issue_invoice(target_of(draft(cast.owner)), COMMAND, NOW)
    assert sorted(refusal.value.reasons) == ["city", "country", "legal_name", "street", "vat_id"]
    complete_profile(cast.owner.business, has_e_invoices=True, postal_code="")
    with pytest.raises(ProfileIncomplete) as refusal:
        issue_invoice(target_of(draft(cast.owner, lines=[HAIRCUT | {"tax_rate": "0"}])), COMMAND, NOW)
    assert sorted(refusal.value.reasons) == ["exemption_note", "postal_code"]


def test_without_tax_outside_europe_no_tax_number_is_needed(cast):
    complete_profile(cast.owner.business, country="US", vat_id="")
    untaxed = draft(cast.owner, lines=[HAIRCUT | {"tax_rate": "0"}])
    assert issue_invoice(target_of(untaxed), COMMAND, NOW).number == "0001"


def test_e_invoices_need_the_country_of_the_customer(cast):
    complete_profile(cast.owner.business, has_e_invoices=True)
    with pytest.raises(InvalidFields, match="country"):
        issue_invoice(target_of(draft(cast.owner)), COMMAND, NOW)


def test_an_invoice_is_not_due_before_it_is_issued(cast):
    complete_profile(cast.owner.business)
    with pytest.raises(InvalidFields, match="due_date"):
        issue_invoice(target_of(draft(cast.owner, due_on=date(2027, 1, 14))), COMMAND, NOW)


def test_an_invoice_over_nothing_is_paid_at_once(cast):
    invoice = issued(cast.owner, lines=[HAIRCUT | {"unit_price": 0}])
    assert (invoice.status, invoice.paid_at) == (InvoiceStatus.PAID, NOW)


# What was issued stays


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", "X"), ("sequence", 9), ("currency", "USD"), ("lines", []), ("discount", 5), ("net", 1), ("tax", 1),
        ("gross", 99_999), ("seller", {}), ("buyer", None), ("note", "x"), ("locale", "de"),
        ("issued_on", date(2020, 1, 1)), ("due_on", date(2030, 1, 1)), ("performed_on", None), ("issued_at", None),
        ("created_at", NOW + timedelta(days=1)), ("status", "draft"), ("kind", "credit_note"), ("business_id", 0),
        ("credited_amount", -1), ("credited_amount", 5713),
    ],
)  # fmt: skip
def test_the_database_refuses_to_change_what_was_issued(cast, name, value):
    invoice = for_customer(cast)
    value = cast.outsider.business_id if name == "business_id" else value
    assert is_refused(lambda: Invoice.objects.filter(pk=invoice.pk).update(**{name: value}))


def test_the_database_refuses_to_delete_or_replace_what_was_issued(cast):
    invoice = for_customer(cast)
    assert is_refused(lambda: Invoice.objects.filter(pk=invoice.pk).delete())
    assert is_refused(lambda: Invoice.objects.create(**_row(invoice)))
    other = draft(cast.owner)
    assert is_refused(lambda: Invoice.objects.filter(pk=other.pk).update(sequence=invoice.sequence, status="open"))


def test_what_stands_beside_the_paper_may_change(cast):
    invoice = for_customer(cast)
    mine = Invoice.objects.filter(pk=invoice.pk)
    assert mine.update(status="paid", paid_amount=5712, paid_at=NOW, version=9, updated_at=NOW, contact=None) == 1
    assert mine.update(contact=cast.customer) == 1


def test_a_customer_of_an_issued_invoice_is_not_exchanged(cast):
    invoice = for_customer(cast)
    other = type(cast.customer).objects.create(business=cast.owner.business, name="Other")
    assert is_refused(lambda: Invoice.objects.filter(pk=invoice.pk).update(contact=other))


def _row(invoice):
    names = ("business_id", "sequence", "number", "currency", "status")
    return {name: getattr(invoice, name) for name in names}


# From an appointment


def test_an_appointment_is_invoiced_with_its_service_and_day(cast):
    complete_profile(cast.owner.business, default_tax_rate="19.00")
    service = offer(cast.owner, price_amount=4800, price_currency="EUR")
    row = book(cast.owner, service_id=service.pk, contact_id=cast.customer.pk)
    invoice = invoice_appointment(cast.owner.business_id, row.id, COMMAND, NOW)
    assert (invoice.gross, invoice.contact_id, invoice.performed_on) == (5712, cast.customer.pk, date(2027, 1, 15))
    assert invoice.lines[0]["description"] == "Haircut"


def test_an_appointment_is_invoiced_twice_only_after_the_first_was_taken_back(cast):
    complete_profile(cast.owner.business)
    service = offer(cast.owner, price_amount=4800, price_currency="EUR")
    row = book(cast.owner, service_id=service.pk, contact_id=cast.customer.pk)
    first = invoice_appointment(cast.owner.business_id, row.id, COMMAND, NOW)
    with pytest.raises(AlreadyInvoiced):
        invoice_appointment(cast.owner.business_id, row.id, COMMAND, NOW)
    with pytest.raises(AlreadyInvoiced):
        draft(cast.owner, appointment_id=row.id)
    update_invoice(target_of(first), {"appointment_id": row.id}, COMMAND, NOW)
    issue_invoice(target_of(first), COMMAND, NOW)
    credit_invoice(target_of(first), CreditWish(), COMMAND, NOW)
    assert invoice_appointment(cast.owner.business_id, row.id, COMMAND, NOW).status == InvoiceStatus.DRAFT


@pytest.mark.parametrize("price", [{}, {"price_amount": 4800, "price_currency": "USD"}])
def test_an_appointment_without_a_fitting_price_is_refused(cast, price):
    row = book(cast.owner, service_id=offer(cast.owner, **price).pk)
    with pytest.raises(InvalidFields) as refusal:
        invoice_appointment(cast.owner.business_id, row.id, COMMAND, NOW)
    assert list(refusal.value.reasons) == ["appointment_id"]


def test_somebody_elses_appointment_is_unknown(cast):
    row = book(add_member(cast.owner, "one@practice.test", "provider"))
    with pytest.raises(NotInBusiness):
        invoice_appointment(cast.outsider.business_id, row.id, COMMAND, NOW)


# Payments by hand


def test_payments_add_up_to_paid(cast):
    invoice = for_customer(cast)
    assert record_payment(target_of(invoice), paid(5000), COMMAND, NOW).status == InvoiceStatus.OPEN
    settled = record_payment(target_of(invoice), paid(712), COMMAND, NOW)
    assert (settled.status, settled.paid_amount, settled.open_amount) == (InvoiceStatus.PAID, 5712, 0)


def test_a_paid_invoice_paid_again_leaves_the_customer_a_credit(cast):
    invoice = for_customer(cast)
    record_payment(target_of(invoice), paid(5712, "first"), COMMAND, NOW)
    again = record_payment(target_of(invoice), paid(5712, "second"), COMMAND, NOW)
    assert (again.status, again.open_amount) == (InvoiceStatus.PAID, -5712)
    with pytest.raises(AlreadyEntered):
        record_payment(target_of(invoice), paid(5712, "second"), COMMAND, NOW)


def test_no_more_goes_back_than_was_paid(cast):
    invoice = for_customer(cast)
    record_payment(target_of(invoice), paid(1000), COMMAND, NOW)
    with pytest.raises(InvalidFields):
        record_payment(target_of(invoice), paid(-1001), COMMAND, NOW)
    assert record_payment(target_of(invoice), paid(-1000), COMMAND, NOW).paid_amount == 0


def test_drafts_and_other_currencies_are_not_paid(cast):
    with pytest.raises(NotIssued):
        record_payment(target_of(draft(cast.owner)), paid(1), COMMAND, NOW)
    dollars = NewPayment(Money(5712, "USD"), PaymentMethod.CASH, NOW.date())
    with pytest.raises(CurrencyMismatch):
        record_payment(target_of(for_customer(cast)), dollars, COMMAND, NOW)


def test_a_document_has_one_currency_of_three_letters(cast):
    assert draft(cast.owner, currency="USD").currency == "USD"
    with pytest.raises(InvalidFields):
        create_invoice(cast.owner.business_id, {"currency": "euro", "lines": [HAIRCUT]}, COMMAND, NOW)


# Erasing a customer


def test_erasing_a_customer_keeps_what_was_issued_and_deletes_drafts(cast):
    invoice, waiting = for_customer(cast), draft(cast.owner, contact_id=cast.customer.pk)
    erase_customer(cast.owner.business_id, cast.customer.pk, COMMAND)
    invoice.refresh_from_db()
    assert (invoice.contact_id, invoice.buyer["name"]) == (None, "Carla Customer")
    assert not Invoice.objects.filter(pk=waiting.pk).exists()
    assert verbs_of(waiting) == ["created", "deleted"]


def test_the_record_of_changes_names_no_buyer(cast):
    invoice = for_customer(cast, note="For Carla")
    changes = Change.objects.filter(subject_kind="invoice", subject_id=invoice.pk)
    assert not any("Carla" in str(change.after) or "Haircut" in str(change.after) for change in changes)

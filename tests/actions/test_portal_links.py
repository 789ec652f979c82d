"""Links of the portal: made once for an occasion, bound to a purpose, ended by time, by hand and by erasing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from customer_papers import invoice_for, quote_for
from slotkeeper.appointments.erasure import erase_contact
from slotkeeper.billing.models import CustomerToken
from slotkeeper.billing.portal import HOME_FOR, Purpose, UnknownLink, make_token, open_token, revoke_tokens
from slotkeeper.changes.record import COMMAND

NOW = datetime.now(UTC)


def test_link_leads_to_its_paper_and_to_nothing_else(cast):
    invoice, quote = invoice_for(cast.customer), quote_for(cast.customer)
    text = make_token(Purpose.INVOICE, invoice=invoice, occasion="mail 1")
    opened = open_token(text, Purpose.INVOICE, NOW)
    assert (opened.invoice, opened.quote, opened.contact) == (invoice, None, cast.customer)
    assert opened.business == cast.owner.business
    for purpose in (Purpose.QUOTE, Purpose.HOME):
        with pytest.raises(UnknownLink):
            open_token(text, purpose, NOW)
    text = make_token(Purpose.QUOTE, quote=quote, occasion="mail 1")
    assert open_token(text, Purpose.QUOTE, NOW).quote == quote


def test_mail_that_is_tried_again_has_the_same_link_and_another_mail_another(cast):
    invoice = invoice_for(cast.customer)
    first = make_token(Purpose.INVOICE, invoice=invoice, occasion="mail 1")
    assert make_token(Purpose.INVOICE, invoice=invoice, occasion="mail 1") == first
    assert make_token(Purpose.INVOICE, invoice=invoice, occasion="mail 2") != first
    assert CustomerToken.objects.count() == 2


def test_database_gives_no_link_away(cast):
    text = make_token(Purpose.HOME, contact=cast.customer, occasion="asked 1")
    kept = bytes(CustomerToken.objects.get().secret_hash)
    assert kept not in text.encode()
    assert all(piece.encode() not in kept for piece in text.split(":"))


@pytest.mark.parametrize("harm", [lambda text: text[:-1], lambda text: f"A{text}", lambda _: "", lambda _: "a:b:c"])
def test_forged_link_is_unknown(cast, harm):
    text = make_token(Purpose.HOME, contact=cast.customer, occasion="asked 1")
    with pytest.raises(UnknownLink):
        open_token(harm(text), Purpose.HOME, NOW)


def test_link_to_everything_ends_after_a_week(cast):
    text = make_token(Purpose.HOME, contact=cast.customer, occasion="asked 1")
    assert open_token(text, Purpose.HOME, NOW + HOME_FOR - timedelta(hours=1)).contact == cast.customer
    with pytest.raises(UnknownLink):
        open_token(text, Purpose.HOME, NOW + HOME_FOR + timedelta(hours=1))


def test_link_to_a_quote_outlives_it_by_a_month(cast):
    valid_until = (NOW + timedelta(days=10)).date()
    text = make_token(Purpose.QUOTE, quote=quote_for(cast.customer, valid_until=valid_until), occasion="mail 1")
    assert open_token(text, Purpose.QUOTE, NOW + timedelta(days=39)).quote
    with pytest.raises(UnknownLink):
        open_token(text, Purpose.QUOTE, NOW + timedelta(days=42))


def test_revoked_link_is_unknown_and_others_stay(cast):
    first, second = invoice_for(cast.customer), invoice_for(cast.customer, number=2)
    ended = make_token(Purpose.INVOICE, invoice=first, occasion="mail 1")
    kept = make_token(Purpose.INVOICE, invoice=second, occasion="mail 1")
    assert revoke_tokens(first, NOW) == 1
    with pytest.raises(UnknownLink):
        open_token(ended, Purpose.INVOICE, NOW)
    assert open_token(kept, Purpose.INVOICE, NOW).invoice == second
    assert revoke_tokens(cast.customer, NOW) == 1


def test_erasing_a_customer_ends_their_links(cast):
    text = make_token(Purpose.INVOICE, invoice=invoice_for(cast.customer), occasion="mail 1")
    with transaction.atomic():
        erase_contact(cast.owner.business_id, cast.customer.pk, COMMAND)
    with pytest.raises(UnknownLink):
        open_token(text, Purpose.INVOICE, NOW)

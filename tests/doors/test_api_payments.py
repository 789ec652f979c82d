"""Payment links and refunds over the API."""

import hashlib
import time

import pytest

from billed import issued
from cast import Api, add_member, token_for
from paid import link_to, paid_through_stripe, set_up_stripe
from slotkeeper.billing.models import InvoiceStatus
from slotkeeper.people.models import ApiToken, IdempotentAnswer
from slotkeeper.rules.permissions import Role, Scope


@pytest.fixture
def practice(cast, settings):
    with paid_through_stripe(cast.owner.business, settings) as practice:
        yield practice


@pytest.fixture
def invoice(practice):
    return issued(practice.business)


@pytest.fixture
def place(invoice):
    return f"/api/invoices/{invoice.pk}"


@pytest.fixture
def paid(practice, invoice, place, cast):
    cast.api().post(f"{place}/payment-link")
    practice.tell(practice.stripe.pay(link_to(invoice).external_id))
    return invoice


def code_of(answer, status=409):
    assert answer.status_code == status, answer.content
    return answer.json()["code"]


def test_link_is_given_and_given_again(practice, place, cast):
    first = cast.api().post(f"{place}/payment-link")
    assert first.status_code == 200
    assert first.json()["url"].startswith(practice.stripe.url)
    assert (first.json()["amount"], first.json()["currency"]) == (10_000, "EUR")
    assert first.json()["expires_at"].endswith(("+01:00", "+02:00"))
    assert cast.api().post(f"{place}/payment-link").json() == first.json()


def test_paid_invoice_has_no_link(paid, place, cast):
    assert code_of(cast.api().post(f"{place}/payment-link")) == "NOTHING_OWED"
    assert cast.api().get(place).json()["payments"][0]["method"] == "stripe"


def test_payment_that_takes_days_has_no_second_link(practice, invoice, place, cast):
    cast.api().post(f"{place}/payment-link")
    practice.tell(practice.stripe.pay(link_to(invoice).external_id, later=True))
    assert code_of(cast.api().post(f"{place}/payment-link")) == "PAYMENT_UNDER_WAY"


def test_without_stripe_there_is_no_link(practice, place, cast):
    set_up_stripe(practice.business, stripe_sealed_key="")
    assert code_of(cast.api().post(f"{place}/payment-link")) == "PAYMENTS_OFF"


def test_what_stripe_refuses_is_said_in_its_words(practice, cast):
    place = f"/api/invoices/{issued(practice.business, 10).pk}/payment-link"
    answer = cast.api().post(place)
    assert code_of(answer) == "GATEWAY_REFUSED"
    assert "at least 50 cents" in answer.json()["detail"]


def test_stripe_that_is_away_is_no_fault_of_ours(practice, place, cast):
    practice.stripe.fault = "error"
    answer = cast.api().post(f"{place}/payment-link")
    assert code_of(answer, 503) == "GATEWAY_AWAY"
    assert answer["Retry-After"]


def test_part_and_then_the_rest_are_given_back(practice, paid, place, cast):
    part = {"amount": {"amount": 2_000, "currency": "EUR"}, "reason": "Shorter than booked"}
    answer = cast.api().post(f"{place}/refund", part)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["paid_amount"]) == ("open", 8_000)
    assert cast.api().post(f"{place}/refund").json()["paid_amount"] == 0
    assert code_of(cast.api().post(f"{place}/refund")) == "NOTHING_PAID"
    assert sorted(one["amount"] for one in practice.stripe.refunds.values()) == [2_000, 8_000]


def test_refund_with_a_key_is_made_once(practice, paid, place, cast):
    api, part = cast.api(), {"amount": {"amount": 2_000, "currency": "EUR"}}
    first = api.post(f"{place}/refund", part, Idempotency_Key="one")
    second = api.post(f"{place}/refund", part, Idempotency_Key="one")
    assert (first.status_code, first.content, first["ETag"]) == (second.status_code, second.content, second["ETag"])
    assert len(practice.stripe.refunds) == 1
    other = {"amount": {"amount": 3_000, "currency": "EUR"}}
    assert code_of(api.post(f"{place}/refund", other, Idempotency_Key="one"), 422) == "IDEMPOTENCY_MISMATCH"


def test_refund_that_is_refused_may_be_tried_again_under_its_key(practice, paid, place, cast):
    practice.stripe.fault = "error"
    assert code_of(cast.api().post(f"{place}/refund", Idempotency_Key="one"), 503) == "GATEWAY_AWAY"
    practice.stripe.fault = ""
    assert cast.api().post(f"{place}/refund", Idempotency_Key="one").status_code == 200


def test_refund_under_way_is_not_begun_a_second_time(practice, paid, place, cast):
    api = cast.api()
    begun = {
        "caller": f"token {ApiToken.objects.latest('pk').pk}",
        "route": f"POST {place}/refund",
        "key": "one",
        "body_hash": hashlib.sha256(b"").digest(),
    }
    row = IdempotentAnswer.objects.create(**begun, body=_written(0))
    assert code_of(api.post(f"{place}/refund", Idempotency_Key="one")) == "IN_PROGRESS"
    assert practice.stripe.refunds == {}
    IdempotentAnswer.objects.filter(pk=row.pk).update(body=_written(61))  # it was cut off
    assert api.post(f"{place}/refund", Idempotency_Key="one").status_code == 200


def _written(seconds_ago):
    return str(time.time() - seconds_ago).encode()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": {"amount": 10_001, "currency": "EUR"}}, "amount"),
        ({"amount": {"amount": 100, "currency": "USD"}}, "amount"),
        ({"amount": {"amount": 0, "currency": "EUR"}}, "amount"),
        ({"amount": {"amount": -1, "currency": "EUR"}}, "amount"),
        ({"amount": {"amount": 1.5, "currency": "EUR"}}, "amount"),
        ({"amount": 100}, "amount"),
        ({"reason": "x" * 201}, "reason"),
        ({"reason": "a\x00b"}, "reason"),
        ({"why": "x"}, "why"),
    ],
)
def test_bad_refund_is_refused_by_field_and_nothing_goes_back(practice, paid, place, cast, body, field):
    answer = cast.api().post(f"{place}/refund", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith(field)
    paid.refresh_from_db()
    assert (paid.status, practice.stripe.refunds) == (InvoiceStatus.PAID, {})


@pytest.mark.parametrize("verb", ["payment-link", "refund"])
def test_only_who_may_write_about_money_may(practice, invoice, place, cast, verb):
    scheduler = add_member(cast.owner, "scheduler@practice.test", Role.SCHEDULER)
    bookkeeper = add_member(cast.owner, "books@practice.test", Role.BOOKKEEPER)
    assert Api(token_for(scheduler)).post(f"{place}/{verb}").status_code == 403
    assert cast.api(scope=Scope.READ).post(f"{place}/{verb}").status_code == 403
    assert cast.api("outsider").post(f"{place}/{verb}").status_code == 404
    assert Api(None).post(f"{place}/{verb}").status_code == 401
    assert Api(token_for(bookkeeper)).post(f"{place}/{verb}").status_code in {200, 409}
